//! Annotations by vocabularies: those that say labels, units and what is allowed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Names, xml::Element};

pub(super) const LABEL: &str = "com.sap.vocabularies.Common.v1.Label";
pub(super) const QUICK_INFO: &str = "com.sap.vocabularies.Common.v1.QuickInfo";
pub(super) const DESCRIPTION: &str = "Org.OData.Core.V1.Description";
pub(super) const COMPUTED: &str = "Org.OData.Core.V1.Computed";
pub(super) const IMMUTABLE: &str = "Org.OData.Core.V1.Immutable";
pub(super) const CONCURRENCY: &str = "Org.OData.Core.V1.OptimisticConcurrency";
pub(super) const CURRENCY: &str = "Org.OData.Measures.V1.ISOCurrency";
pub(super) const MEASURE: &str = "Org.OData.Measures.V1.Unit";
const CAPABILITIES: &str = "Org.OData.Capabilities.V1.";
/// Last parts of the names of terms that are looked at. Others, such as those of user interfaces, can be most of a document.
const TERMS: [&str; 15] = [
    "Label",
    "QuickInfo",
    "Description",
    "Computed",
    "Immutable",
    "OptimisticConcurrency",
    "ISOCurrency",
    "Unit",
    "FilterRestrictions",
    "SortRestrictions",
    "ExpandRestrictions",
    "InsertRestrictions",
    "UpdateRestrictions",
    "DeleteRestrictions",
    "ReadRestrictions",
];
/// Terms without a record that are looked at too.
const PAGING: [&str; 2] = ["TopSupported", "SkipSupported"];

/// Whether an element is kept: all but annotations of no interest.
pub(super) fn is_of_interest(element: &Element) -> bool {
    element.name != "Annotation"
        || element.get("Term").is_some_and(|term| {
            let last = term.rsplit('.').next().unwrap_or_default();
            TERMS.contains(&last) || PAGING.contains(&last)
        })
}

/// The value of an annotation, as far as it is understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    Text(String),
    Flag(bool),
    Path(String),
    Many(Vec<Said>),
    Record(BTreeMap<String, Said>),
}

impl Said {
    fn of(element: &Element) -> Self {
        let attribute = ["Path", "PropertyPath", "NavigationPropertyPath", "ValuePath", "AnnotationPath"];
        if let Some(path) = attribute.iter().find_map(|name| element.get(name)) {
            return Self::Path(path.to_owned());
        }
        if let Some(text) = element.get("String") {
            return Self::Text(text.to_owned());
        }
        if let Some(flag) = element.flag("Bool") {
            return Self::Flag(flag);
        }
        match element.children.iter().find(|child| child.name != "Annotation") {
            Some(child) => Self::of_child(child),
            // A term without value says that it holds.
            None => Self::Flag(true),
        }
    }

    fn of_child(child: &Element) -> Self {
        match child.name.as_str() {
            "Collection" => Self::Many(child.children.iter().map(Self::of_child).collect()),
            "Record" => {
                let values = child.children("PropertyValue");
                Self::Record(
                    values.filter_map(|value| Some((value.get("Property")?.to_owned(), Self::of(value)))).collect(),
                )
            }
            "Bool" => Self::Flag(child.text.trim() == "true"),
            "String" => Self::Text(child.text.clone()),
            _ => Self::Path(child.text.trim().to_owned()),
        }
    }
}

/// All annotations of a document, by target and term.
#[derive(Debug, Default)]
pub(super) struct Annotations(HashMap<String, HashMap<String, Said>>);

impl Annotations {
    pub(super) fn of(schemas: &[&Element], names: &Names) -> Self {
        let mut all = Self::default();
        for group in schemas.iter().flat_map(|schema| schema.children("Annotations")) {
            // Qualified ones hold for one use, and nobody knows which.
            if let (Some(target), None) = (group.get("Target"), group.get("Qualifier")) {
                all.add(&names.full(target), group, names);
            }
        }
        all
    }

    /// Adds those that stand in an element itself.
    pub(super) fn add(&mut self, target: &str, holder: &Element, names: &Names) {
        for annotation in holder.children("Annotation").filter(|annotation| annotation.get("Qualifier").is_none()) {
            if let Some(term) = annotation.get("Term") {
                let of_target = self.0.entry(target.to_owned()).or_default();
                of_target.insert(names.full(term), Said::of(annotation));
            }
        }
    }

    pub(super) fn get(&self, target: &str, term: &str) -> Option<&Said> {
        self.0.get(target)?.get(term)
    }

    pub(super) fn text(&self, target: &str, term: &str) -> Option<&str> {
        match self.get(target, term)? {
            Said::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn flag(&self, target: &str, term: &str) -> Option<bool> {
        match self.get(target, term)? {
            Said::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A capability of a set that is yes or no by itself.
    pub(super) fn capability(&self, target: &str, term: &str) -> Option<bool> {
        self.flag(target, &format!("{CAPABILITIES}{term}"))
    }

    /// Yes or no within a record of a capability.
    pub(super) fn capability_flag(&self, target: &str, term: &str, name: &str) -> Option<bool> {
        match self.record(target, term)?.get(name)? {
            Said::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The paths that a capability's record lists.
    pub(super) fn capability_paths(&self, target: &str, term: &str, name: &str) -> BTreeSet<String> {
        match self.record(target, term).and_then(|record| record.get(name)) {
            Some(Said::Many(paths)) => paths.iter().filter_map(|said| path_of(said).map(str::to_owned)).collect(),
            _ => BTreeSet::new(),
        }
    }

    fn record(&self, target: &str, term: &str) -> Option<&BTreeMap<String, Said>> {
        match self.get(target, &format!("{CAPABILITIES}{term}"))? {
            Said::Record(record) => Some(record),
            _ => None,
        }
    }
}

fn path_of(said: &Said) -> Option<&str> {
    match said {
        Said::Path(path) | Said::Text(path) => Some(path),
        _ => None,
    }
}
