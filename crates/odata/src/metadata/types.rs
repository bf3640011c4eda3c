//! Entity types, complex types and enumerations, and their properties.

use std::collections::{HashMap, HashSet};

use super::{
    Document, EnumType, Facets, MetadataError, Navigation, Primitive, Property, Reading, Service, StructuredType, Type,
    Unit, Version, Writing,
    annotations::{self, Annotations, Said},
    element_type, is_identifier, label,
    xml::Element,
};

/// So many base types a type may have above it.
const MAX_BASES: usize = 16;

pub(super) fn read(document: &Document<'_>, service: &mut Service) -> Result<(), MetadataError> {
    for (namespace, element) in document.declared("EnumType") {
        let Some(name) = element.get("Name").filter(|name| is_identifier(name)) else { continue };
        let members = element.children("Member").filter_map(|member| member.get("Name"));
        let members = members.filter(|name| is_identifier(name)).map(str::to_owned).collect();
        let name = format!("{namespace}.{name}");
        service.enums.insert(name.clone(), EnumType { name, members });
    }
    let mut structured = HashMap::new();
    for (namespace, element) in document.declared("EntityType").chain(document.declared("ComplexType")) {
        if let Some(name) = element.get("Name").filter(|name| is_identifier(name)) {
            structured.insert(format!("{namespace}.{name}"), element);
        }
    }
    document.check_named("types", structured.len() + service.enums.len())?;
    let declared = Declared::of(document, service, structured.keys().cloned().collect());
    let mut total = 0;
    for name in structured.keys() {
        let mut properties = Properties { document, declared: &declared, annotations: Annotations::default() };
        let found = properties.structured(name, &structured)?;
        // Types that inherit from each other multiply what a document holds.
        total += found.properties.len() + found.navigations.len();
        if total > document.limits.max_elements {
            return Err(MetadataError::Limit("properties", document.limits.max_elements));
        }
        service.types.insert(name.clone(), found);
    }
    Ok(())
}

/// The names that a type can be told by.
pub(super) struct Declared<'d> {
    document: &'d Document<'d>,
    structured: HashSet<String>,
    enums: HashSet<String>,
    /// V4's other names of types: the element that says which.
    definitions: HashMap<String, &'d Element>,
}

impl<'d> Declared<'d> {
    pub(super) fn of(document: &'d Document<'d>, service: &Service, structured: HashSet<String>) -> Self {
        let definitions = document.by_name("TypeDefinition");
        Self { document, structured, enums: service.enums.keys().cloned().collect(), definitions }
    }

    fn ty(&self, text: &str) -> Type {
        let primitive = |name: &str| name.strip_prefix("Edm.").and_then(Primitive::named);
        if let Some(found) = primitive(text) {
            return Type::Primitive(found);
        }
        let full = self.document.names.full(text);
        if let Some(found) = self.definitions.get(&full).and_then(|found| primitive(found.get("UnderlyingType")?)) {
            return Type::Primitive(found);
        }
        if self.enums.contains(&full) {
            Type::Enum(full)
        } else if self.structured.contains(&full) {
            Type::Structured(full)
        } else {
            Type::Other(full)
        }
    }

    /// The element whose facets hold: that of the property, or of the definition of its type.
    fn facet<'e>(&'e self, element: &'e Element, name: &str) -> Option<&'e str> {
        let definition = || self.definitions.get(&self.document.names.full(element_type(element.get("Type")?).0));
        element.get(name).or_else(|| definition()?.get(name))
    }

    /// A type and whether it is a collection of it.
    pub(super) fn type_of(&self, text: &str) -> (Type, bool) {
        let (inner, many) = element_type(text);
        (self.ty(inner), many)
    }

    fn facets(&self, element: &Element) -> Facets {
        let number = |name: &str| self.facet(element, name).and_then(|text| text.parse().ok());
        let precision = number("Precision");
        // Without a scale a decimal of V4 has none after the point; V2 leaves it open.
        let default_scale = if self.document.version == Version::V4 { Some(0) } else { None };
        let scale = match self.facet(element, "Scale") {
            Some(text) => text.parse().ok(),
            None => default_scale.filter(|_| precision.is_some()),
        };
        Facets { max_length: number("MaxLength"), precision, scale }
    }

    /// A property or a parameter; nothing where its name is no identifier.
    pub(super) fn property(&self, element: &Element, target: &str, own: &mut Annotations) -> Option<Property> {
        let name = element.get("Name").filter(|name| is_identifier(name))?;
        let (ty, many) = self.type_of(element.get("Type")?);
        own.add(target, element, &self.document.names);
        let said = Both { own, document: &self.document.annotations, target };
        let computed = said.flag(annotations::COMPUTED) == Some(true);
        let allows = |attribute: &str| element.flag(attribute) != Some(false);
        let is_plain = !many && matches!(ty, Type::Primitive(_) | Type::Enum(_));
        Some(Property {
            name: name.to_owned(),
            many,
            nullable: element.flag("Nullable") != Some(false),
            facets: self.facets(element),
            label: label(element.get("sap:label").or_else(|| said.text(annotations::LABEL))),
            description: label(
                element
                    .get("sap:quickinfo")
                    .or_else(|| said.text(annotations::QUICK_INFO))
                    .or_else(|| said.text(annotations::DESCRIPTION)),
            ),
            unit: element.get("sap:unit").map(|field| Unit::Field(field.to_owned())).or_else(|| said.unit()),
            reading: Reading {
                filterable: is_plain && allows("sap:filterable"),
                sortable: is_plain && allows("sap:sortable"),
            },
            writing: Writing {
                creatable: allows("sap:creatable") && !computed,
                updatable: allows("sap:updatable") && !computed && said.flag(annotations::IMMUTABLE) != Some(true),
            },
            ty,
        })
    }
}

/// What is said of a target in its own element, or anywhere in the document.
struct Both<'a> {
    own: &'a Annotations,
    document: &'a Annotations,
    target: &'a str,
}

impl Both<'_> {
    fn get(&self, term: &str) -> Option<&Said> {
        self.own.get(self.target, term).or_else(|| self.document.get(self.target, term))
    }

    fn text(&self, term: &str) -> Option<&str> {
        self.own.text(self.target, term).or_else(|| self.document.text(self.target, term))
    }

    fn flag(&self, term: &str) -> Option<bool> {
        self.own.flag(self.target, term).or_else(|| self.document.flag(self.target, term))
    }

    fn unit(&self) -> Option<Unit> {
        match self.get(annotations::CURRENCY).or_else(|| self.get(annotations::MEASURE))? {
            Said::Path(path) => Some(Unit::Field(path.clone())),
            Said::Text(text) => label(Some(text)).map(Unit::Fixed),
            _ => None,
        }
    }
}

struct Properties<'d> {
    document: &'d Document<'d>,
    declared: &'d Declared<'d>,
    annotations: Annotations,
}

impl Properties<'_> {
    fn structured(&mut self, name: &str, all: &HashMap<String, &Element>) -> Result<StructuredType, MetadataError> {
        let mut line: Vec<(String, &Element)> = Vec::new();
        let mut next = Some(name.to_owned());
        while let Some((current, element)) = next.take().and_then(|name| all.get(&name).map(|found| (name, *found))) {
            if line.len() >= MAX_BASES {
                return Err(MetadataError::Limit("base types above each other", MAX_BASES));
            }
            next = element.get("BaseType").map(|base| self.document.names.full(base));
            line.push((current, element));
        }
        let own = line.first().map(|(_, element)| *element);
        let said = |term| self.document.annotations.text(name, term);
        let mut found = StructuredType {
            name: name.to_owned(),
            label: label(own.and_then(|own| own.get("sap:label")).or_else(|| said(annotations::LABEL))),
            key: Vec::new(),
            properties: Vec::new(),
            navigations: Vec::new(),
            has_concurrency: false,
        };
        for (declaring, element) in line.iter().rev() {
            self.add(declaring, element, &mut found)?;
        }
        let known: HashSet<&str> = found.properties.iter().map(|property| property.name.as_str()).collect();
        found.key.retain(|name| known.contains(name.as_str()));
        Ok(found)
    }

    fn add(&mut self, declaring: &str, element: &Element, found: &mut StructuredType) -> Result<(), MetadataError> {
        for child in &element.children {
            match child.name.as_str() {
                "Key" => {
                    let names = child.children("PropertyRef").filter_map(|reference| reference.get("Name"));
                    found.key = names.map(str::to_owned).collect();
                }
                "Property" => {
                    let target = format!("{declaring}/{}", child.get("Name").unwrap_or_default());
                    let Some(property) = self.declared.property(child, &target, &mut self.annotations) else {
                        continue;
                    };
                    found.has_concurrency |= child.get("ConcurrencyMode") == Some("Fixed");
                    found.properties.push(property);
                }
                "NavigationProperty" => found.navigations.extend(self.navigation(declaring, child)),
                _ => {}
            }
            let limit = self.document.limits.max_properties;
            if found.properties.len() + found.navigations.len() > limit {
                return Err(MetadataError::Limit("properties of a type", limit));
            }
        }
        Ok(())
    }

    fn navigation(&self, declaring: &str, element: &Element) -> Option<Navigation> {
        let name = element.get("Name").filter(|name| is_identifier(name))?;
        let (target, many) = match element.get("Type") {
            Some(ty) => {
                let (inner, many) = element_type(ty);
                (self.document.names.full(inner), many)
            }
            None => self.association_end(element)?,
        };
        let said = self.document.annotations.text(&format!("{declaring}/{name}"), annotations::LABEL);
        let label = label(element.get("sap:label").or(said));
        Some(Navigation { name: name.to_owned(), target, many, label })
    }

    /// V2: the type and the multiplicity of the end of the association that the navigation leads to.
    fn association_end(&self, navigation: &Element) -> Option<(String, bool)> {
        let role = navigation.get("ToRole")?;
        let association = self.document.associations.get(&self.document.names.full(navigation.get("Relationship")?))?;
        let end = association.children("End").find(|end| end.get("Role") == Some(role))?;
        Some((self.document.names.full(end.get("Type")?), end.get("Multiplicity") == Some("*")))
    }
}
