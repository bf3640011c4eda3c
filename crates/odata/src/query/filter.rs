//! Conditions: `{field, op, value}`, joined by `and` and `or`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{ArgumentError, MAX_CONDITIONS, MAX_FILTER_DEPTH, MAX_STEPS, Offer, names};
use crate::{
    metadata::{Primitive, Property, Type, Version},
    value::scalar,
};

/// What compares with one value.
pub(crate) const COMPARISONS: [&str; 6] = ["eq", "ne", "gt", "ge", "lt", "le"];
/// What looks into a text.
pub(crate) const TEXTS: [&str; 3] = ["contains", "startswith", "endswith"];
/// One of several values.
pub(crate) const IN: &str = "in";
const MAX_VALUES: usize = 50;

/// A filter that is being written.
pub(super) struct Filter<'o, 's> {
    offer: &'o Offer<'s>,
    conditions: usize,
    /// The fields that a condition of the outermost `and` stands on.
    pub(super) fields: BTreeSet<String>,
}

impl<'o, 's> Filter<'o, 's> {
    pub(super) fn new(offer: &'o Offer<'s>) -> Self {
        Self { offer, conditions: 0, fields: BTreeSet::new() }
    }

    /// The text of `$filter`: a list of conditions all of which hold.
    pub(super) fn write(&mut self, said: &Value, place: &str) -> Result<String, ArgumentError> {
        let items = said.as_array().filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| ArgumentError::new(place, "a list of conditions"))?;
        self.joined(items, " and ", place, 1)
    }

    fn joined(&mut self, items: &[Value], by: &str, place: &str, depth: usize) -> Result<String, ArgumentError> {
        if depth > MAX_FILTER_DEPTH {
            return Err(ArgumentError::new(place, format!("at most {MAX_FILTER_DEPTH} levels of `and` and `or`")));
        }
        let mut parts = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let place = format!("{place}[{at}]");
            let wanted = || ArgumentError::new(&place, "an object with `field`, `op`, `value`, or with `and` or `or`");
            let entries = item.as_object().ok_or_else(wanted)?;
            let group = ["and", "or"].into_iter().find_map(|name| Some((name, entries.get(name)?)));
            let part = match group {
                Some((name, items)) if entries.len() == 1 => {
                    let place = format!("{place}.{name}");
                    let items = items.as_array().filter(|items| !items.is_empty());
                    let items = items.ok_or_else(|| ArgumentError::new(&place, "a list of conditions"))?;
                    format!("({})", self.joined(items, &format!(" {name} "), &place, depth + 1)?)
                }
                Some(_) => return Err(wanted()),
                None => self.condition(entries, &place, depth == 1)?,
            };
            parts.push(part);
        }
        Ok(parts.join(by))
    }

    fn condition(
        &mut self,
        entries: &Map<String, Value>,
        place: &str,
        always_holds: bool,
    ) -> Result<String, ArgumentError> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(ArgumentError::new("filter", format!("at most {MAX_CONDITIONS} conditions")));
        }
        if let Some(other) = entries.keys().find(|name| !matches!(name.as_str(), "field" | "op" | "value")) {
            return Err(ArgumentError::new(format!("{place}.{other}"), "only `field`, `op` and `value`"));
        }
        let field = entries.get("field").and_then(Value::as_str);
        let field = field.ok_or_else(|| ArgumentError::new(format!("{place}.field"), self.fields_wanted()))?;
        let property = self.property(field, place)?;
        let op = entries.get("op").and_then(Value::as_str).unwrap_or_default();
        let allowed = operators(property);
        if !allowed.contains(&op) {
            return Err(ArgumentError::new(format!("{place}.op"), format!("one of `{}`", allowed.join("`, `"))));
        }
        if always_holds {
            self.fields.insert(field.to_owned());
        }
        let value = entries.get("value").unwrap_or(&Value::Null);
        self.compare((field, property), op, value, &format!("{place}.value"))
    }

    fn compare(
        &mut self,
        (field, property): (&str, &Property),
        op: &str,
        value: &Value,
        place: &str,
    ) -> Result<String, ArgumentError> {
        let service = self.offer.service;
        if value.is_null() && matches!(op, "eq" | "ne") {
            return Ok(format!("{field} {op} null"));
        }
        let literal = |value: &Value, place: &str| {
            let value = scalar(service, property, value);
            value.map(|value| value.literal(service.version)).map_err(|expected| ArgumentError::new(place, expected))
        };
        if op == IN {
            let values = value.as_array().filter(|values| !values.is_empty() && values.len() <= MAX_VALUES);
            let values =
                values.ok_or_else(|| ArgumentError::new(place, format!("a list of 1 to {MAX_VALUES} values")))?;
            let mut parts = Vec::new();
            for (at, value) in values.iter().enumerate() {
                parts.push(format!("{field} eq {}", literal(value, &format!("{place}[{at}]"))?));
            }
            return Ok(format!("({})", parts.join(" or ")));
        }
        let literal = literal(value, place)?;
        Ok(match (op, service.version) {
            ("contains", Version::V2) => format!("substringof({literal},{field})"),
            ("contains" | "startswith" | "endswith", _) => format!("{op}({field},{literal})"),
            _ => format!("{field} {op} {literal}"),
        })
    }

    /// The property at the end of a path of structures and navigations to one row.
    fn property(&self, path: &str, place: &str) -> Result<&'s Property, ArgumentError> {
        let refused = || ArgumentError::new(format!("{place}.field"), self.fields_wanted());
        let offer = self.offer;
        let steps: Vec<&str> = path.split('/').collect();
        let (last, before) = steps.split_last().ok_or_else(refused)?;
        let first = steps.first().ok_or_else(refused)?;
        if before.len() >= MAX_STEPS || !offer.includes(first) || !offer.set.restrictions.allow_filter(path) {
            return Err(refused());
        }
        let mut ty = offer.ty;
        for step in before {
            let next = match (ty.navigation(step), ty.property(step)) {
                (Some(navigation), _) if !navigation.many => navigation.target.as_str(),
                (None, Some(Property { ty: Type::Structured(name), many: false, .. })) => name.as_str(),
                _ => return Err(refused()),
            };
            ty = offer.service.types.get(next).ok_or_else(refused)?;
        }
        ty.property(last).filter(|property| property.reading.filterable).ok_or_else(refused)
    }

    fn fields_wanted(&self) -> String {
        names(self.offer.filterable().map(|property| property.name.as_str()))
    }
}

/// What a property can be asked by.
pub(crate) fn operators(property: &Property) -> Vec<&'static str> {
    let mut found = vec!["eq", "ne", IN];
    let is_plain = match &property.ty {
        Type::Primitive(primitive) => !matches!(primitive, Primitive::Boolean | Primitive::Guid | Primitive::Binary),
        _ => false,
    };
    if is_plain {
        found.splice(2..2, COMPARISONS.into_iter().skip(2));
    }
    if property.ty == Type::Primitive(Primitive::String) {
        found.extend(TEXTS);
    }
    found
}
