//! From structured arguments to addresses: every name is one of the metadata, every value is typed by it, and no text of a
//! model stands in an address but as a literal.

mod address;
mod arguments;
mod change;
mod filter;

use std::collections::BTreeSet;

pub use self::change::Change;
pub(crate) use self::{
    address::encode,
    change::{Body, Expects, Prepared},
    filter::operators,
};
use crate::metadata::{EntitySet, Navigation, Property, Service, StructuredType};

/// So many conditions one filter may have.
pub(crate) const MAX_CONDITIONS: usize = 50;
/// So deep `and` and `or` may stand in each other.
pub(crate) const MAX_FILTER_DEPTH: usize = 4;
/// So many steps a path of a condition or an expansion may have.
pub(crate) const MAX_STEPS: usize = 3;
/// The longest address below the root of a service; servers and proxies refuse longer ones.
const MAX_ADDRESS_BYTES: usize = 7_500;

/// Why arguments cannot be asked for: nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: expected {expected}")]
pub struct ArgumentError {
    /// Where in the arguments: `filter[0].value`.
    pub place: String,
    /// What would be accepted.
    pub expected: String,
}

impl ArgumentError {
    pub(crate) fn new(place: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { place: place.into(), expected: expected.into() }
    }
}

/// An entity set, as far as it is offered: all of it, or some of its properties and navigations.
#[derive(Debug, Clone)]
pub struct Offer<'s> {
    pub(crate) service: &'s Service,
    pub(crate) set: &'s EntitySet,
    pub(crate) ty: &'s StructuredType,
    only: Option<BTreeSet<String>>,
}

impl<'s> Offer<'s> {
    /// All of a set.
    ///
    /// # Errors
    /// When the service has none of that name.
    pub fn new(service: &'s Service, set: &str) -> Result<Self, ArgumentError> {
        let found = service.sets.get(set).and_then(|set| Some((set, service.type_of(set)?)));
        let (set, ty) = found.ok_or_else(|| {
            let known: Vec<&str> = service.sets.keys().take(30).map(String::as_str).collect();
            ArgumentError::new("entity set", format!("one of `{}`", known.join("`, `")))
        })?;
        Ok(Self { service, set, ty, only: None })
    }

    /// Only these properties and navigations, and the key. Names that the type does not have are of no effect.
    #[must_use]
    pub fn only<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut only: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
        only.extend(self.ty.key.iter().cloned());
        self.only = Some(only);
        self
    }

    pub(crate) fn includes(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(name))
    }

    pub(crate) fn is_partial(&self) -> bool {
        self.only.is_some()
    }

    pub(crate) fn properties(&self) -> impl Iterator<Item = &'s Property> {
        self.ty.properties.iter().filter(|property| self.includes(&property.name))
    }

    pub(crate) fn navigations(&self) -> impl Iterator<Item = &'s Navigation> {
        let allowed =
            |found: &&Navigation| self.includes(&found.name) && self.set.restrictions.allow_expansion(&found.name);
        self.ty.navigations.iter().filter(allowed)
    }

    pub(crate) fn filterable(&self) -> impl Iterator<Item = &'s Property> {
        let restrictions = &self.set.restrictions;
        self.properties().filter(|found| found.reading.filterable && restrictions.allow_filter(&found.name))
    }

    pub(crate) fn sortable(&self) -> impl Iterator<Item = &'s Property> {
        let restrictions = &self.set.restrictions;
        self.properties().filter(|found| found.reading.sortable && restrictions.allow_order(&found.name))
    }

    pub(crate) fn key(&self) -> impl Iterator<Item = &'s Property> {
        self.ty.key.iter().filter_map(|name| self.ty.property(name))
    }
}

/// What is asked for: an address below the root, without `$top`, which the limits have a say in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadQuery {
    pub(crate) set: String,
    pub(crate) entity_type: String,
    /// Percent-encoded.
    path: String,
    /// Names, and values before percent-encoding.
    options: Vec<(&'static str, String)>,
    /// Whether it asks for one row by its key.
    pub(crate) single: bool,
    pub(crate) top: Option<usize>,
    pub(crate) pageable: bool,
}

impl ReadQuery {
    /// Path and query below the root of the service, with at most so many rows.
    pub fn relative(&self, most: Option<usize>) -> String {
        let top = match (self.top, most) {
            (Some(top), Some(most)) => Some(top.min(most)),
            (top, most) => top.or(most),
        };
        let top = top.filter(|_| self.pageable && !self.single).map(|top| ("$top", top.to_string()));
        let options: Vec<String> = self
            .options
            .iter()
            .map(|(name, value)| (*name, value.clone()))
            .chain(top)
            .map(|(name, value)| format!("{name}={}", encode(&value)))
            .collect();
        if options.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, options.join("&")) }
    }
}

/// The names of some properties, for what would be accepted.
fn names<'p>(properties: impl Iterator<Item = &'p str>) -> String {
    let mut found: Vec<&str> = properties.take(61).collect();
    let more = if found.len() > 60 { " and more" } else { "" };
    found.truncate(60);
    if found.is_empty() { "nothing: there is none".into() } else { format!("one of `{}`{more}", found.join("`, `")) }
}

#[cfg(test)]
mod tests;
