//! What a service says of itself, as data.

use std::collections::{BTreeMap, BTreeSet};

/// The version of the protocol that a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// OData 2.0 with SAP's annotations.
    V2,
    /// OData 4.0 or 4.01.
    V4,
}

/// A type of the Entity Data Model that holds one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// Bytes.
    Binary,
    /// True or false.
    Boolean,
    /// 0 to 255.
    Byte,
    /// -128 to 127.
    SByte,
    /// 16 bits.
    Int16,
    /// 32 bits.
    Int32,
    /// 64 bits.
    Int64,
    /// A decimal number, exactly.
    Decimal,
    /// A binary floating-point number of 64 bits.
    Double,
    /// A binary floating-point number of 32 bits.
    Single,
    /// Text.
    String,
    /// A UUID.
    Guid,
    /// V2: a date and a time without zone.
    DateTime,
    /// A moment, with the offset of its zone.
    DateTimeOffset,
    /// V4: a date.
    Date,
    /// V2: a time of the day.
    Time,
    /// V4: a time of the day.
    TimeOfDay,
    /// V4: a length of time.
    Duration,
}

impl Primitive {
    /// By its name without `Edm.`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "Binary" => Self::Binary,
            "Boolean" => Self::Boolean,
            "Byte" => Self::Byte,
            "SByte" => Self::SByte,
            "Int16" => Self::Int16,
            "Int32" => Self::Int32,
            "Int64" => Self::Int64,
            "Decimal" => Self::Decimal,
            "Double" => Self::Double,
            "Single" => Self::Single,
            "String" => Self::String,
            "Guid" => Self::Guid,
            "DateTime" => Self::DateTime,
            "DateTimeOffset" => Self::DateTimeOffset,
            "Date" => Self::Date,
            "Time" => Self::Time,
            "TimeOfDay" => Self::TimeOfDay,
            "Duration" => Self::Duration,
            _ => return None,
        })
    }
}

/// The type of a property, parameter or result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// One value.
    Primitive(Primitive),
    /// One of named values; the qualified name of an [`EnumType`].
    Enum(String),
    /// A structure; the qualified name of a [`StructuredType`].
    Structured(String),
    /// Something that is not read here, such as geography and streams.
    Other(String),
}

/// In what an amount or a quantity is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// It stands in another property of the same row.
    Field(String),
    /// It is always this.
    Fixed(String),
}

/// What limits a value beyond its type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// Characters or bytes.
    pub max_length: Option<usize>,
    /// Digits of a decimal.
    pub precision: Option<usize>,
    /// Digits after the point; none where it varies.
    pub scale: Option<usize>,
}

/// What a property can be used for in reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// In conditions.
    pub filterable: bool,
    /// In an order.
    pub sortable: bool,
}

/// What a client may say of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writing {
    /// When a row is made.
    pub creatable: bool,
    /// When a row is changed.
    pub updatable: bool,
}

/// A property of a row or of a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// An identifier.
    pub name: String,
    /// Of what type it is, or its elements are.
    pub ty: Type,
    /// Whether it holds many values.
    pub many: bool,
    /// Whether it may hold none.
    pub nullable: bool,
    /// Its limits.
    pub facets: Facets,
    /// The text for people: `sap:label`, `Common.Label`.
    pub label: Option<String>,
    /// More of it: `sap:quickinfo`, `Common.QuickInfo`, `Core.Description`.
    pub description: Option<String>,
    /// In what it is counted.
    pub unit: Option<Unit>,
    /// What it can be used for in reading.
    pub reading: Reading,
    /// Whether it can be said by a client.
    pub writing: Writing,
}

/// The way from a row to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Navigation {
    /// An identifier.
    pub name: String,
    /// The qualified name of the type at its end.
    pub target: String,
    /// Whether it leads to many rows.
    pub many: bool,
    /// The text for people.
    pub label: Option<String>,
}

/// An entity type or a complex type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructuredType {
    /// With its namespace.
    pub name: String,
    /// The text for people.
    pub label: Option<String>,
    /// Names of the properties that tell rows apart; empty in a complex type.
    pub key: Vec<String>,
    /// In the order of the document, those of the base types first.
    pub properties: Vec<Property>,
    /// The ways to other rows.
    pub navigations: Vec<Navigation>,
    /// V2: whether a property is declared with `ConcurrencyMode="Fixed"`.
    pub has_concurrency: bool,
}

impl StructuredType {
    /// The property of that name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// The navigation of that name.
    pub fn navigation(&self, name: &str) -> Option<&Navigation> {
        self.navigations.iter().find(|navigation| navigation.name == name)
    }
}

/// A type of named values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumType {
    /// With its namespace.
    pub name: String,
    /// Names of its members.
    pub members: Vec<String>,
}

/// What an entity set as a whole allows in reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetReading {
    /// Whether it can be listed at all.
    pub listable: bool,
    /// Whether `$top` and `$skip` are kept to.
    pub pageable: bool,
    /// Whether a list needs a condition.
    pub requires_filter: bool,
}

/// What an entity set as a whole allows in writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetWriting {
    /// Rows can be made.
    pub creatable: bool,
    /// Rows can be changed.
    pub updatable: bool,
    /// Rows can be deleted.
    pub deletable: bool,
}

/// Names of properties and navigations that cannot be used though their type allows it: `Org.OData.Capabilities`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restrictions {
    /// No conditions at all.
    pub no_filter: bool,
    /// No order at all.
    pub no_order: bool,
    /// No expansion at all.
    pub no_expansion: bool,
    /// Not in conditions.
    pub not_filterable: BTreeSet<String>,
    /// Not in an order.
    pub not_sortable: BTreeSet<String>,
    /// Not expanded.
    pub not_expandable: BTreeSet<String>,
    /// Not said when a row is made.
    pub not_insertable: BTreeSet<String>,
    /// Not said when a row is changed.
    pub not_updatable: BTreeSet<String>,
    /// A list needs a condition on each of these.
    pub required_in_filter: BTreeSet<String>,
}

impl Restrictions {
    /// Whether conditions may stand on a path.
    pub fn allow_filter(&self, path: &str) -> bool {
        !self.no_filter && !self.not_filterable.contains(path)
    }

    /// Whether rows may be ordered by a property.
    pub fn allow_order(&self, name: &str) -> bool {
        !self.no_order && !self.not_sortable.contains(name)
    }

    /// Whether a navigation may be expanded.
    pub fn allow_expansion(&self, name: &str) -> bool {
        !self.no_expansion && !self.not_expandable.contains(name)
    }
}

/// Rows of one type that stand under one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntitySet {
    /// An identifier, the path below the service's root.
    pub name: String,
    /// The qualified name of its type.
    pub entity_type: String,
    /// The text for people.
    pub label: Option<String>,
    /// Whether it holds exactly one row and has no key.
    pub singleton: bool,
    /// What it allows in reading.
    pub reading: SetReading,
    /// What it allows in writing.
    pub writing: SetWriting,
    /// What it allows less than its type does.
    pub restrictions: Restrictions,
    /// Whether a change needs the ETag of the row that was read.
    pub needs_etag: bool,
}

/// How an operation is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// It only reads.
    Function,
    /// It may change something.
    Action,
}

/// What an operation acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// The service.
    Unbound,
    /// A row of this type.
    Row(String),
    /// A set of rows of this type.
    Set(String),
}

/// What an operation returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returns {
    /// Of what type it is, or its elements are.
    pub ty: Type,
    /// Whether it is many.
    pub many: bool,
}

/// An action, a function or, in V2, a function import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What it is called by: the name of its import, or qualified where it is bound.
    pub name: String,
    /// Whether it may change something.
    pub kind: OperationKind,
    /// What it acts on. In V2 the key is among the parameters, and this only says what for: `sap:action-for`.
    pub binding: Binding,
    /// Without that of the binding.
    pub parameters: Vec<Property>,
    /// Nothing where it returns nothing.
    pub returns: Option<Returns>,
    /// The text for people.
    pub label: Option<String>,
}

/// All that a service says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The version that it speaks.
    pub version: Version,
    /// By name.
    pub sets: BTreeMap<String, EntitySet>,
    /// By qualified name: entity types and complex types.
    pub types: BTreeMap<String, StructuredType>,
    /// By qualified name.
    pub enums: BTreeMap<String, EnumType>,
    /// By name and binding.
    pub operations: Vec<Operation>,
}

impl Service {
    /// The type of a set's rows.
    pub fn type_of(&self, set: &EntitySet) -> Option<&StructuredType> {
        self.types.get(&set.entity_type)
    }

    /// The operations that act on rows of a set, or on the set.
    pub fn operations_of<'s>(&'s self, set: &EntitySet) -> impl Iterator<Item = &'s Operation> {
        let wanted = set.entity_type.clone();
        self.operations.iter().filter(move |operation| match &operation.binding {
            Binding::Row(name) | Binding::Set(name) => *name == wanted,
            Binding::Unbound => false,
        })
    }
}
