//! `$metadata`: EDMX of V2 and V4, read within limits.

mod annotations;
mod container;
mod model;
mod types;
pub(crate) mod xml;

use std::collections::{BTreeMap, HashMap};

pub use self::model::{
    Binding, EntitySet, EnumType, Facets, Navigation, Operation, OperationKind, Primitive, Property, Reading,
    Restrictions, Returns, Service, SetReading, SetWriting, StructuredType, Type, Unit, Version, Writing,
};
use self::{annotations::Annotations, xml::Element};

/// How much of a document is read.
#[derive(Debug, Clone)]
pub struct MetadataLimits {
    /// Bytes of the document.
    pub max_bytes: usize,
    /// Elements in it, and half of the attributes.
    pub max_elements: usize,
    /// Levels of elements in each other.
    pub max_depth: usize,
    /// Types, sets and operations, each.
    pub max_named: usize,
    /// Properties and navigations of one type, those of its base types included.
    pub max_properties: usize,
}

impl Default for MetadataLimits {
    /// The largest services that SAP delivers have some MiB and some hundred sets.
    fn default() -> Self {
        Self { max_bytes: 16 << 20, max_elements: 400_000, max_depth: 40, max_named: 5_000, max_properties: 2_000 }
    }
}

/// Why a document is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It is no EDMX.
    #[error("the metadata cannot be read: {0}")]
    Malformed(&'static str),
    /// It holds too much.
    #[error("the metadata has more than {1} {0}")]
    Limit(&'static str, usize),
}

/// The longest identifier that the protocol allows.
const MAX_NAME_CHARS: usize = 128;
/// The longest label that is kept.
const MAX_LABEL_CHARS: usize = 300;

impl Service {
    /// Reads `$metadata`. What is no identifier, or is of a type that the document does not declare, is left out.
    ///
    /// # Errors
    /// When it is no EDMX, or larger than the limits.
    pub fn parse(document: &[u8], limits: &MetadataLimits) -> Result<Self, MetadataError> {
        let root = xml::document(document, limits, annotations::is_of_interest)?;
        if root.name != "Edmx" {
            return Err(MetadataError::Malformed("it is no EDMX"));
        }
        let data = root.child("DataServices").ok_or(MetadataError::Malformed("it has no DataServices"))?;
        let version = match root.get("Version") {
            Some(version) if version.starts_with('4') => Version::V4,
            Some("1.0") => Version::V2,
            _ => return Err(MetadataError::Malformed("it is neither of V2 nor of V4")),
        };
        let schemas: Vec<&Element> = data.children("Schema").collect();
        let names = Names::of(&root, &schemas);
        let annotations = Annotations::of(&schemas, &names);
        let reading = Document::new(version, schemas, (names, annotations), limits);
        let mut service = Self {
            version,
            sets: BTreeMap::new(),
            types: BTreeMap::new(),
            enums: BTreeMap::new(),
            operations: Vec::new(),
        };
        types::read(&reading, &mut service)?;
        container::read(&reading, &mut service)?;
        Ok(service)
    }
}

/// What the readers of parts share.
struct Document<'d> {
    version: Version,
    schemas: Vec<&'d Element>,
    names: Names,
    annotations: Annotations,
    /// V2's associations, by qualified name.
    associations: HashMap<String, &'d Element>,
    limits: &'d MetadataLimits,
}

impl<'d> Document<'d> {
    fn new(
        version: Version,
        schemas: Vec<&'d Element>,
        (names, annotations): (Names, Annotations),
        limits: &'d MetadataLimits,
    ) -> Self {
        let mut made = Self { version, schemas, names, annotations, associations: HashMap::new(), limits };
        made.associations = made.by_name("Association");
        made
    }

    /// Elements of that name directly in schemas, by qualified name.
    fn by_name(&self, element: &'static str) -> HashMap<String, &'d Element> {
        let named = self.declared(element);
        named.filter_map(|(namespace, found)| Some((format!("{namespace}.{}", found.get("Name")?), found))).collect()
    }

    /// All elements of that name directly in schemas, with the namespace of each.
    fn declared(&self, element: &'static str) -> impl Iterator<Item = (&'d str, &'d Element)> {
        self.schemas.iter().flat_map(move |schema| {
            let namespace = schema.get("Namespace").unwrap_or_default();
            schema.children(element).map(move |found| (namespace, found))
        })
    }

    fn check_named(&self, what: &'static str, count: usize) -> Result<(), MetadataError> {
        if count > self.limits.max_named {
            return Err(MetadataError::Limit(what, self.limits.max_named));
        }
        Ok(())
    }
}

/// Aliases of namespaces.
struct Names(HashMap<String, String>);

impl Names {
    fn of(root: &Element, schemas: &[&Element]) -> Self {
        let includes = root.children("Reference").flat_map(|reference| reference.children("Include"));
        let all = includes.chain(schemas.iter().copied());
        Self(
            all.filter_map(|named| Some((named.get("Alias")?.to_owned(), named.get("Namespace")?.to_owned())))
                .collect(),
        )
    }

    /// A qualified name, perhaps with a path behind it, with its namespace in full.
    fn full(&self, name: &str) -> String {
        let (qualified, path) = name.split_once('/').map_or((name, None), |(first, rest)| (first, Some(rest)));
        let full = match qualified.rsplit_once('.') {
            Some((namespace, local)) => match self.0.get(namespace) {
                Some(known) => format!("{known}.{local}"),
                None => qualified.to_owned(),
            },
            None => qualified.to_owned(),
        };
        path.map_or(full.clone(), |path| format!("{full}/{path}"))
    }
}

/// Whether a name can stand in an address as it is: letters, digits and underscores.
fn is_identifier(name: &str) -> bool {
    let begins = name.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
    begins && name.chars().count() <= MAX_NAME_CHARS && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// A text for people: one line, not too long, nothing where it is empty.
fn label(text: Option<&str>) -> Option<String> {
    let text = text?.split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_LABEL_CHARS).collect();
    (!text.is_empty()).then_some(text)
}

/// The type in `Collection(…)`, and whether it was one.
fn element_type(text: &str) -> (&str, bool) {
    let inner = text.strip_prefix("Collection(").and_then(|rest| rest.strip_suffix(')'));
    inner.map_or((text, false), |inner| (inner, true))
}

#[cfg(test)]
mod tests;
