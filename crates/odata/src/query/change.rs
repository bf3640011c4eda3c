//! Changes and calls, as requests that are not sent yet.

use http::Method;
use serde_json::{Map, Value};

use super::{ArgumentError, Offer, address::in_path, address::key_predicate, names};
use crate::{
    metadata::{Binding, Operation, OperationKind, Property, Service, StructuredType, Type, Version},
    value::{scalar, wanted},
};

/// So deep structures and rows may stand in what is written.
const MAX_DEPTH: usize = 4;
/// So many rows may stand in a list of what is written.
const MAX_ITEMS: usize = 1_000;

/// Something that is to be done in the other system.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Makes a row, with rows below it where values stand under a navigation's name.
    Create {
        /// The entity set.
        set: String,
        /// By property.
        values: Map<String, Value>,
    },
    /// Changes some properties of a row.
    Update {
        /// The entity set.
        set: String,
        /// By property of the key.
        key: Map<String, Value>,
        /// By property.
        values: Map<String, Value>,
        /// Of the row as it was read.
        etag: Option<String>,
    },
    /// Deletes a row.
    Delete {
        /// The entity set.
        set: String,
        /// By property of the key.
        key: Map<String, Value>,
        /// Of the row as it was read.
        etag: Option<String>,
    },
    /// Calls an action or a function.
    Call {
        /// Its name in the metadata.
        operation: String,
        /// The set that it is bound to; nothing for one that is not bound, and in V2.
        set: Option<String>,
        /// The row that it is bound to.
        key: Option<Map<String, Value>>,
        /// By name.
        parameters: Map<String, Value>,
        /// Of the row as it was read.
        etag: Option<String>,
    },
}

/// What an answer to a request holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expects {
    /// Nothing that is read.
    Nothing,
    /// A row of that type, or nothing.
    Row(String),
    /// What an operation returns.
    Returned(Property),
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    None,
    Json(Value),
}

/// A request below the root of a service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prepared {
    pub(crate) method: Method,
    /// Percent-encoded.
    pub(crate) relative: String,
    pub(crate) body: Body,
    pub(crate) etag: Option<String>,
    pub(crate) expects: Expects,
}

impl Prepared {
    /// Whether it only reads.
    pub(crate) fn only_reads(&self) -> bool {
        self.method == Method::GET
    }

    /// A read as part of something larger.
    pub(crate) fn read(query: &super::ReadQuery, most: usize) -> Self {
        Self {
            method: Method::GET,
            relative: query.relative(Some(most)),
            body: Body::None,
            etag: None,
            expects: Expects::Nothing,
        }
    }

    /// # Errors
    /// The first argument that cannot be sent, and what would be.
    pub(crate) fn new(service: &Service, change: &Change) -> Result<Self, ArgumentError> {
        match change {
            Change::Create { set, values } => create(&Offer::new(service, set)?, values),
            Change::Update { set, key, values, etag } => update(&Offer::new(service, set)?, key, values, etag.as_ref()),
            Change::Delete { set, key, etag } => delete(&Offer::new(service, set)?, key, etag.as_ref()),
            Change::Call { operation, set, key, parameters, etag } => {
                let target = set.as_ref().map(|set| Offer::new(service, set)).transpose()?;
                let operation = find(service, operation, target.as_ref())?;
                call(service, operation, (target.as_ref(), key.as_ref(), etag.as_ref()), parameters)
            }
        }
    }
}

fn create(offer: &Offer<'_>, values: &Map<String, Value>) -> Result<Prepared, ArgumentError> {
    if !offer.set.writing.creatable || offer.set.singleton {
        return Err(ArgumentError::new("entity set", "one whose rows can be made"));
    }
    let not = &offer.set.restrictions.not_insertable;
    let writing = Writing { service: offer.service, allows: &|property| property.writing.creatable };
    let body = writing.object(offer.ty, values, ("values", 0), &|name| !not.contains(name))?;
    Ok(Prepared {
        method: Method::POST,
        relative: offer.set.name.clone(),
        body: Body::Json(body),
        etag: None,
        expects: Expects::Row(offer.ty.name.clone()),
    })
}

fn update(
    offer: &Offer<'_>,
    key: &Map<String, Value>,
    values: &Map<String, Value>,
    etag: Option<&String>,
) -> Result<Prepared, ArgumentError> {
    if !offer.set.writing.updatable {
        return Err(ArgumentError::new("entity set", "one whose rows can be changed"));
    }
    let not = &offer.set.restrictions.not_updatable;
    let is_key = |name: &str| offer.ty.key.iter().any(|known| known == name);
    let allowed = |name: &str| !not.contains(name) && !is_key(name) && offer.ty.navigation(name).is_none();
    let writing = Writing { service: offer.service, allows: &|property| property.writing.updatable };
    if values.is_empty() {
        return Err(ArgumentError::new("values", "at least one field"));
    }
    let body = writing.object(offer.ty, values, ("values", 0), &allowed)?;
    Ok(Prepared {
        // V2's own verb for a change of some properties; PATCH came later there.
        method: if offer.service.version == Version::V2 { merge()? } else { Method::PATCH },
        relative: row_path(offer, key)?,
        body: Body::Json(body),
        etag: checked_etag(offer, etag)?,
        expects: Expects::Row(offer.ty.name.clone()),
    })
}

fn merge() -> Result<Method, ArgumentError> {
    Method::from_bytes(b"MERGE").map_err(|_| ArgumentError::new("method", "a method"))
}

fn delete(offer: &Offer<'_>, key: &Map<String, Value>, etag: Option<&String>) -> Result<Prepared, ArgumentError> {
    if !offer.set.writing.deletable || offer.set.singleton {
        return Err(ArgumentError::new("entity set", "one whose rows can be deleted"));
    }
    Ok(Prepared {
        method: Method::DELETE,
        relative: row_path(offer, key)?,
        body: Body::None,
        etag: checked_etag(offer, etag)?,
        expects: Expects::Nothing,
    })
}

fn row_path(offer: &Offer<'_>, key: &Map<String, Value>) -> Result<String, ArgumentError> {
    if offer.set.singleton {
        return Ok(offer.set.name.clone());
    }
    Ok(format!("{}{}", offer.set.name, key_predicate(offer.service, offer.key(), key, "key")?))
}

/// The ETag, which a set may need. `*` would change whatever the row has become, so it is none.
fn checked_etag(offer: &Offer<'_>, etag: Option<&String>) -> Result<Option<String>, ArgumentError> {
    match etag {
        Some(etag) if etag != "*" && crate::value::is_etag(etag) => Ok(Some(etag.clone())),
        None if !offer.set.needs_etag => Ok(None),
        _ => Err(ArgumentError::new("etag", "the ETag of the row as it was read")),
    }
}

fn find<'s>(service: &'s Service, name: &str, target: Option<&Offer<'_>>) -> Result<&'s Operation, ArgumentError> {
    let fits = |operation: &&Operation| match (&operation.binding, target) {
        (Binding::Unbound, target) => target.is_none(),
        (Binding::Row(_), None) => service.version == Version::V2,
        (Binding::Set(_), None) => false,
        (Binding::Row(ty) | Binding::Set(ty), Some(target)) => *ty == target.ty.name,
    };
    let mut found = service.operations.iter().filter(fits);
    found.find(|operation| operation.name == name).ok_or_else(|| {
        let known = service.operations.iter().filter(fits).map(|operation| operation.name.as_str());
        ArgumentError::new("operation", names(known))
    })
}

fn call(
    service: &Service,
    operation: &Operation,
    (target, key, etag): (Option<&Offer<'_>>, Option<&Map<String, Value>>, Option<&String>),
    parameters: &Map<String, Value>,
) -> Result<Prepared, ArgumentError> {
    if let Some(other) = parameters.keys().find(|name| !operation.parameters.iter().any(|known| known.name == **name)) {
        let known = names(operation.parameters.iter().map(|parameter| parameter.name.as_str()));
        return Err(ArgumentError::new(format!("parameters.{other}"), known));
    }
    let is_v2 = service.version == Version::V2;
    let mut path = match (&operation.binding, target) {
        (Binding::Row(_), Some(target)) if !is_v2 => {
            let none = Map::new();
            format!("{}/", row_path(target, key.unwrap_or(&none))?)
        }
        (Binding::Set(_), Some(target)) => format!("{}/", target.set.name),
        _ => String::new(),
    };
    path.push_str(&operation.name);
    let is_action = operation.kind == OperationKind::Action;
    let mut body = Body::None;
    if is_v2 {
        let said = literals(service, operation, parameters)?;
        let query: Vec<String> = said.into_iter().map(|(name, text)| format!("{name}={text}")).collect();
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
    } else if is_action {
        let writing = Writing { service, allows: &|_| true };
        let mut object = Map::new();
        for parameter in &operation.parameters {
            let place = format!("parameters.{}", parameter.name);
            match parameters.get(&parameter.name) {
                Some(value) => {
                    object.insert(parameter.name.clone(), writing.property(parameter, value, (&place, 0))?);
                }
                None if parameter.nullable => {}
                None => return Err(ArgumentError::new(place, wanted(service, parameter))),
            }
        }
        body = Body::Json(Value::Object(object));
    } else {
        let said = literals(service, operation, parameters)?;
        let inner: Vec<String> = said.into_iter().map(|(name, text)| format!("{name}={text}")).collect();
        path = format!("{path}({})", inner.join(","));
    }
    let etag = match (etag, target) {
        (Some(etag), _) if !crate::value::is_etag(etag) || etag == "*" => {
            return Err(ArgumentError::new("etag", "the ETag of the row as it was read"));
        }
        (Some(etag), _) => Some(etag.clone()),
        (None, Some(target)) if is_action && matches!(operation.binding, Binding::Row(_)) => {
            checked_etag(target, None)?
        }
        (None, _) => None,
    };
    Ok(Prepared {
        method: if is_action { Method::POST } else { Method::GET },
        relative: path,
        body,
        etag,
        expects: expected(operation),
    })
}

fn expected(operation: &Operation) -> Expects {
    operation.returns.as_ref().map_or(Expects::Nothing, |returns| {
        Expects::Returned(Property {
            name: operation.name.clone(),
            ty: returns.ty.clone(),
            many: returns.many,
            nullable: true,
            facets: crate::metadata::Facets::default(),
            label: None,
            description: None,
            unit: None,
            reading: crate::metadata::Reading { filterable: false, sortable: false },
            writing: crate::metadata::Writing { creatable: false, updatable: false },
        })
    })
}

/// Parameters in an address, percent-encoded.
fn literals<'o>(
    service: &Service,
    operation: &'o Operation,
    said: &Map<String, Value>,
) -> Result<Vec<(&'o str, String)>, ArgumentError> {
    let mut found = Vec::new();
    for parameter in &operation.parameters {
        let place = format!("parameters.{}", parameter.name);
        let value = said.get(&parameter.name).filter(|value| !value.is_null());
        match value {
            Some(value) if !parameter.many => {
                let value =
                    scalar(service, parameter, value).map_err(|expected| ArgumentError::new(&place, expected))?;
                // In V4 these stand in the path.
                found.push((parameter.name.as_str(), in_path(&value.literal(service.version), &place)?));
            }
            None if parameter.nullable && service.version == Version::V2 => {}
            None if parameter.nullable => found.push((parameter.name.as_str(), "null".into())),
            _ => return Err(ArgumentError::new(place, wanted(service, parameter))),
        }
    }
    Ok(found)
}

struct Writing<'w> {
    service: &'w Service,
    /// Whether a property can be said here.
    allows: &'w dyn Fn(&Property) -> bool,
}

impl Writing<'_> {
    fn object(
        &self,
        ty: &StructuredType,
        said: &Map<String, Value>,
        (place, depth): (&str, usize),
        allowed: &dyn Fn(&str) -> bool,
    ) -> Result<Value, ArgumentError> {
        if depth > MAX_DEPTH {
            return Err(ArgumentError::new(place, format!("at most {MAX_DEPTH} levels")));
        }
        let mut object = Map::new();
        for (name, value) in said {
            let place = format!("{place}.{name}");
            let refused = || {
                let can = ty.properties.iter().filter(|found| (self.allows)(found) && allowed(&found.name));
                ArgumentError::new(&place, names(can.map(|found| found.name.as_str())))
            };
            if !allowed(name) {
                return Err(refused());
            }
            let written = if let Some(property) = ty.property(name).filter(|property| (self.allows)(property)) {
                self.property(property, value, (&place, depth))?
            } else if let Some(navigation) = ty.navigation(name) {
                let target = self.service.types.get(&navigation.target).ok_or_else(refused)?;
                self.rows(target, navigation.many, value, (&place, depth))?
            } else {
                return Err(refused());
            };
            object.insert(name.clone(), written);
        }
        Ok(Value::Object(object))
    }

    fn rows(
        &self,
        target: &StructuredType,
        many: bool,
        said: &Value,
        (place, depth): (&str, usize),
    ) -> Result<Value, ArgumentError> {
        let row = |said: &Value, place: &str| {
            let entries = said.as_object().ok_or_else(|| ArgumentError::new(place, "an object"))?;
            self.object(target, entries, (place, depth + 1), &|_| true)
        };
        if !many {
            return row(said, place);
        }
        let items = said.as_array().filter(|items| items.len() <= MAX_ITEMS);
        let items = items.ok_or_else(|| ArgumentError::new(place, format!("a list of at most {MAX_ITEMS} objects")))?;
        let items = items.iter().enumerate().map(|(at, item)| row(item, &format!("{place}[{at}]")));
        items.collect::<Result<Vec<_>, _>>().map(Value::Array)
    }

    fn property(
        &self,
        property: &Property,
        said: &Value,
        (place, depth): (&str, usize),
    ) -> Result<Value, ArgumentError> {
        if said.is_null() && property.nullable {
            return Ok(Value::Null);
        }
        let one = |said: &Value, place: &str| {
            let refused = |expected: String| ArgumentError::new(place, expected);
            if let Type::Structured(name) = &property.ty {
                let entries = said.as_object().ok_or_else(|| refused("an object".into()))?;
                let ty = self.service.types.get(name).ok_or_else(|| refused("nothing".into()))?;
                return self.object(ty, entries, (place, depth + 1), &|_| true);
            }
            let value = scalar(self.service, property, said).map_err(refused)?;
            value.body(self.service.version).ok_or_else(|| refused("a time in whole milliseconds".into()))
        };
        if !property.many {
            return one(said, place);
        }
        let items = said.as_array().filter(|items| items.len() <= MAX_ITEMS);
        let items = items.ok_or_else(|| ArgumentError::new(place, format!("a list of at most {MAX_ITEMS} values")))?;
        let items = items.iter().enumerate().map(|(at, item)| one(item, &format!("{place}[{at}]")));
        items.collect::<Result<Vec<_>, _>>().map(Value::Array)
    }
}
