//! The arguments of a read, as an agent gives them.

use serde_json::{Map, Value};

use super::{
    ArgumentError, MAX_ADDRESS_BYTES, MAX_STEPS, Offer, ReadQuery, address::key_predicate, filter::Filter, names,
};
use crate::metadata::{Service, StructuredType, Type, Version};

/// What a read may be told, in the order of its description.
const NAMES: [&str; 8] = ["key", "filter", "select", "expand", "orderby", "top", "skip", "count"];
/// The largest `top` and `skip`.
const MAX_NUMBER: u64 = 1_000_000_000;

impl ReadQuery {
    /// Reads arguments by the schema of [`Offer::read_tool`].
    ///
    /// # Errors
    /// The first argument that cannot be asked for, and what would be.
    pub fn new(offer: &Offer<'_>, arguments: &Value) -> Result<Self, ArgumentError> {
        let said = arguments.as_object().ok_or_else(|| ArgumentError::new("arguments", "an object"))?;
        if let Some(other) = said.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(ArgumentError::new(other, format!("only `{}`", NAMES.join("`, `"))));
        }
        let said = Said { offer, said };
        let single = offer.set.singleton || said.get("key").is_some();
        let mut query = Self {
            set: offer.set.name.clone(),
            entity_type: offer.ty.name.clone(),
            path: offer.set.name.clone(),
            options: Vec::new(),
            single,
            top: None,
            pageable: offer.set.reading.pageable,
        };
        if single {
            said.single(&mut query)?;
        } else {
            said.list(&mut query)?;
        }
        said.columns(&mut query.options)?;
        if query.relative(Some(usize::MAX)).len() > MAX_ADDRESS_BYTES {
            return Err(ArgumentError::new("arguments", "fewer or shorter conditions, or fewer fields"));
        }
        Ok(query)
    }
}

struct Said<'a, 's> {
    offer: &'a Offer<'s>,
    said: &'a Map<String, Value>,
}

impl Said<'_, '_> {
    /// Null is as if it were not there.
    fn get(&self, name: &str) -> Option<&Value> {
        self.said.get(name).filter(|value| !value.is_null())
    }

    fn single(&self, query: &mut ReadQuery) -> Result<(), ArgumentError> {
        for name in ["filter", "orderby", "top", "skip", "count"] {
            if self.get(name).is_some_and(|value| *value != Value::Bool(false)) {
                return Err(ArgumentError::new(name, "nothing beside `key`, which names one row"));
            }
        }
        if let Some(key) = self.get("key") {
            if self.offer.set.singleton {
                return Err(ArgumentError::new("key", "nothing: there is one row only"));
            }
            let key = key.as_object().ok_or_else(|| ArgumentError::new("key", "an object"))?;
            query.path.push_str(&key_predicate(self.offer.service, self.offer.key(), key, "key")?);
        }
        Ok(())
    }

    fn list(&self, query: &mut ReadQuery) -> Result<(), ArgumentError> {
        let set = self.offer.set;
        if !set.reading.listable {
            return Err(ArgumentError::new("key", "a key: these rows cannot be listed"));
        }
        let mut filter = Filter::new(self.offer);
        if let Some(said) = self.get("filter") {
            let text = filter.write(said, "filter")?;
            query.options.push(("$filter", text));
        } else if set.reading.requires_filter {
            return Err(ArgumentError::new("filter", "a condition: these rows cannot be listed without"));
        }
        if let Some(missing) = set.restrictions.required_in_filter.difference(&filter.fields).next() {
            return Err(ArgumentError::new("filter", format!("a condition on `{missing}`")));
        }
        if let Some(order) = self.order()? {
            query.options.push(("$orderby", order));
        }
        query.top = self.number("top")?;
        if let Some(skip) = self.number("skip")? {
            query.options.push(("$skip", skip.to_string()));
        }
        match self.get("count") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => query.options.push(match self.offer.service.version {
                Version::V2 => ("$inlinecount", "allpages".into()),
                Version::V4 => ("$count", "true".into()),
            }),
            Some(_) => return Err(ArgumentError::new("count", "true or false")),
        }
        Ok(())
    }

    fn number(&self, name: &'static str) -> Result<Option<usize>, ArgumentError> {
        let Some(said) = self.get(name) else { return Ok(None) };
        if !self.offer.set.reading.pageable {
            return Err(ArgumentError::new(name, "nothing: these rows cannot be counted off"));
        }
        let number = said.as_u64().filter(|number| *number <= MAX_NUMBER && (name == "skip" || *number > 0));
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.map(Some).ok_or_else(|| ArgumentError::new(name, format!("an integer up to {MAX_NUMBER}")))
    }

    fn order(&self) -> Result<Option<String>, ArgumentError> {
        let Some(said) = self.get("orderby") else { return Ok(None) };
        let wanted = |place: &str| {
            let fields = names(self.offer.sortable().map(|property| property.name.as_str()));
            ArgumentError::new(place, format!("a list of objects with `field`, {fields}, and perhaps `descending`"))
        };
        let items = said.as_array().filter(|items| items.len() <= 10).ok_or_else(|| wanted("orderby"))?;
        let mut parts = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let place = format!("orderby[{at}]");
            let entries = item.as_object().ok_or_else(|| wanted(&place))?;
            let descending = match entries.get("descending") {
                None => false,
                Some(flag) => flag.as_bool().ok_or_else(|| wanted(&place))?,
            };
            let has_other = entries.keys().any(|name| name != "field" && name != "descending");
            let field = entries.get("field").and_then(Value::as_str).filter(|_| !has_other);
            let mut sortable = self.offer.sortable();
            let property = field.and_then(|field| sortable.find(|property| property.name == field));
            let name = &property.ok_or_else(|| wanted(&place))?.name;
            parts.push(if descending { format!("{name} desc") } else { name.clone() });
        }
        Ok((!parts.is_empty()).then(|| parts.join(",")))
    }

    /// `$select` and `$expand`.
    fn columns(&self, options: &mut Vec<(&'static str, String)>) -> Result<(), ArgumentError> {
        let mut select = match self.get("select") {
            Some(said) => selected(self.offer.ty, said, "select", |name| self.offer.includes(name))?,
            // What is not offered is not asked for either.
            None if self.offer.is_partial() => self.offer.properties().map(|property| property.name.clone()).collect(),
            None => Vec::new(),
        };
        let mut expand = Vec::new();
        if let Some(said) = self.get("expand") {
            let expansions = self.expansions(said)?;
            match self.offer.service.version {
                Version::V2 => {
                    let mut paths = Paths { select: &mut select, expand: &mut expand };
                    let selects = !paths.select.is_empty() || expansions.iter().any(Expansion::selects);
                    if selects && paths.select.is_empty() {
                        paths.select.push("*".into());
                    }
                    for found in &expansions {
                        paths.add(found, "", selects);
                    }
                }
                Version::V4 => expand = expansions.iter().map(Expansion::nested).collect(),
            }
        }
        if !select.is_empty() {
            options.push(("$select", select.join(",")));
        }
        if !expand.is_empty() {
            options.push(("$expand", expand.join(",")));
        }
        Ok(())
    }

    fn expansions(&self, said: &Value) -> Result<Vec<Expansion>, ArgumentError> {
        let found = expansions(self.offer.service, self.offer.ty, said, ("expand", 1))?;
        let is_offered = |name: &str| self.offer.navigations().any(|other| other.name == name);
        if found.iter().all(|one| is_offered(&one.navigation)) {
            return Ok(found);
        }
        Err(ArgumentError::new("expand", names(self.offer.navigations().map(|navigation| navigation.name.as_str()))))
    }
}

/// A navigation whose rows come along.
struct Expansion {
    navigation: String,
    select: Vec<String>,
    expand: Vec<Expansion>,
}

impl Expansion {
    fn selects(&self) -> bool {
        !self.select.is_empty() || self.expand.iter().any(Self::selects)
    }

    /// V4's form: `to_Item($select=Material;$expand=to_Plant)`.
    fn nested(&self) -> String {
        let mut options = Vec::new();
        if !self.select.is_empty() {
            options.push(format!("$select={}", self.select.join(",")));
        }
        if !self.expand.is_empty() {
            let inner: Vec<String> = self.expand.iter().map(Self::nested).collect();
            options.push(format!("$expand={}", inner.join(",")));
        }
        if options.is_empty() { self.navigation.clone() } else { format!("{}({})", self.navigation, options.join(";")) }
    }
}

/// V2's form: paths in `$expand`, and in `$select` where anything is selected.
struct Paths<'p> {
    select: &'p mut Vec<String>,
    expand: &'p mut Vec<String>,
}

impl Paths<'_> {
    fn add(&mut self, found: &Expansion, prefix: &str, selects: bool) {
        let path = format!("{prefix}{}", found.navigation);
        if selects && found.select.is_empty() {
            self.select.push(path.clone());
        }
        self.select.extend(found.select.iter().map(|name| format!("{path}/{name}")));
        for inner in &found.expand {
            self.add(inner, &format!("{path}/"), selects);
        }
        self.expand.push(path);
    }
}

fn expansions(
    service: &Service,
    ty: &StructuredType,
    said: &Value,
    (place, depth): (&str, usize),
) -> Result<Vec<Expansion>, ArgumentError> {
    let wanted = |place: &str| {
        let known = names(ty.navigations.iter().map(|navigation| navigation.name.as_str()));
        ArgumentError::new(
            place,
            format!("a list of navigations, {known}, or objects with `navigation`, `select`, `expand`"),
        )
    };
    let items = said.as_array().filter(|items| items.len() <= 20).ok_or_else(|| wanted(place))?;
    if depth > MAX_STEPS {
        return Err(ArgumentError::new(place, format!("at most {MAX_STEPS} levels")));
    }
    let mut found: Vec<Expansion> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let place = format!("{place}[{at}]");
        let entries = item.as_object();
        let has_other = entries.is_some_and(|entries| {
            entries.keys().any(|name| !matches!(name.as_str(), "navigation" | "select" | "expand"))
        });
        let name = item.as_str().or_else(|| entries?.get("navigation")?.as_str()).filter(|_| !has_other);
        let navigation = name.and_then(|name| ty.navigation(name)).ok_or_else(|| wanted(&place))?;
        let target = service.types.get(&navigation.target).ok_or_else(|| wanted(&place))?;
        let part = |name: &str| entries.and_then(|entries| entries.get(name)).filter(|value| !value.is_null());
        let select = match part("select") {
            Some(said) => selected(target, said, &format!("{place}.select"), |_| true)?,
            None => Vec::new(),
        };
        let expand = match part("expand") {
            Some(said) => expansions(service, target, said, (&format!("{place}.expand"), depth + 1))?,
            None => Vec::new(),
        };
        if !found.iter().any(|known| known.navigation == navigation.name) {
            found.push(Expansion { navigation: navigation.name.clone(), select, expand });
        }
    }
    Ok(found)
}

fn selected(
    ty: &StructuredType,
    said: &Value,
    place: &str,
    is_offered: impl Fn(&str) -> bool,
) -> Result<Vec<String>, ArgumentError> {
    let can = |name: &str| {
        is_offered(name) && ty.property(name).is_some_and(|property| !matches!(property.ty, Type::Other(_)))
    };
    let wanted = || {
        let known = ty.properties.iter().map(|property| property.name.as_str()).filter(|name| can(name));
        ArgumentError::new(place, format!("a list of fields, {}", names(known)))
    };
    let items = said.as_array().ok_or_else(wanted)?;
    let mut found: Vec<String> = Vec::new();
    for item in items {
        let name = item.as_str().filter(|name| can(name)).ok_or_else(wanted)?;
        if !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    }
    Ok(found)
}
