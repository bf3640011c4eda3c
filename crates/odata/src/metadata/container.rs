//! Entity sets, singletons and operations.

use std::collections::{HashMap, HashSet};

use super::{
    Binding, Document, EntitySet, MetadataError, Operation, OperationKind, Property, Restrictions, Returns, Service,
    SetReading, SetWriting, Type, Version,
    annotations::{self, Annotations},
    is_identifier, label,
    types::Declared,
    xml::Element,
};

const MAX_PARAMETERS: usize = 100;

pub(super) fn read(document: &Document<'_>, service: &mut Service) -> Result<(), MetadataError> {
    let entity_types = document.by_name("EntityType");
    for (namespace, container) in document.declared("EntityContainer") {
        let path = format!("{namespace}.{}", container.get("Name").unwrap_or_default());
        for element in &container.children {
            let singleton = element.name == "Singleton";
            let is_set = (singleton || element.name == "EntitySet") && element.get("Name").is_some_and(is_identifier);
            let set = is_set.then(|| entity_set(document, service, (&path, element), singleton)).flatten();
            let Some(mut set) = set else { continue };
            if let Some(declared) = entity_types.get(&set.entity_type) {
                set.restrictions.required_in_filter.extend(required_by_sap(declared));
            }
            service.sets.insert(set.name.clone(), set);
            document.check_named("entity sets", service.sets.len())?;
        }
    }
    let structured: HashSet<String> = service.types.keys().cloned().collect();
    let declared = Declared::of(document, service, structured);
    let mut operations = Operations { document, declared: &declared, found: Vec::new() };
    check_operations(document)?;
    match document.version {
        Version::V2 => operations.function_imports(),
        Version::V4 => operations.declared_operations(),
    }
    let found = operations.found;
    document.check_named("operations", found.len())?;
    service.operations = found;
    Ok(())
}

/// How many operations there are, and parameters of each: imports repeat what they import.
fn check_operations(document: &Document<'_>) -> Result<(), MetadataError> {
    let declared = ["Action", "Function"].into_iter().flat_map(|element| document.declared(element));
    let containers = document.declared("EntityContainer").flat_map(|(_, container)| &container.children);
    let imports = containers.filter(|element| element.name.ends_with("Import"));
    let mut count = 0;
    for operation in declared.map(|(_, found)| found).chain(imports) {
        count += 1;
        if operation.children("Parameter").count() > MAX_PARAMETERS {
            return Err(MetadataError::Limit("parameters of an operation", MAX_PARAMETERS));
        }
    }
    document.check_named("operations", count)
}

fn entity_set(
    document: &Document<'_>,
    service: &Service,
    (path, element): (&str, &Element),
    singleton: bool,
) -> Option<EntitySet> {
    let name = element.get("Name")?;
    let target = format!("{path}/{name}");
    let entity_type = document.names.full(element.get("EntityType").or_else(|| element.get("Type"))?);
    let mut own = Annotations::default();
    own.add(&target, element, &document.names);
    let ty = service.types.get(&entity_type)?;
    let sources = [&own, &document.annotations];
    let flag = |term: &str, name: &str| sources.iter().find_map(|said| said.capability_flag(&target, term, name));
    let paths = |term: &str, name: &str| {
        let found = sources.iter().map(|said| said.capability_paths(&target, term, name));
        found.flatten().collect::<std::collections::BTreeSet<_>>()
    };
    let supports = |term: &str| sources.iter().find_map(|said| said.capability(&target, term)) != Some(false);
    let allows = |attribute: &str| element.flag(attribute) != Some(false);
    let restrictions = Restrictions {
        no_filter: flag("FilterRestrictions", "Filterable") == Some(false),
        no_order: flag("SortRestrictions", "Sortable") == Some(false),
        no_expansion: flag("ExpandRestrictions", "Expandable") == Some(false),
        not_filterable: paths("FilterRestrictions", "NonFilterableProperties"),
        not_sortable: paths("SortRestrictions", "NonSortableProperties"),
        not_expandable: paths("ExpandRestrictions", "NonExpandableProperties"),
        not_insertable: paths("InsertRestrictions", "NonInsertableProperties"),
        not_updatable: paths("UpdateRestrictions", "NonUpdatableProperties"),
        required_in_filter: paths("FilterRestrictions", "RequiredProperties"),
    };
    let concurrency = sources.iter().any(|said| said.get(&target, annotations::CONCURRENCY).is_some());
    let said_label = sources.iter().find_map(|said| said.text(&target, annotations::LABEL));
    Some(EntitySet {
        name: name.to_owned(),
        label: label(element.get("sap:label").or(said_label)).or_else(|| ty.label.clone()),
        singleton,
        reading: SetReading {
            listable: allows("sap:addressable") && flag("ReadRestrictions", "Readable") != Some(false),
            pageable: allows("sap:pageable") && supports("TopSupported") && supports("SkipSupported"),
            requires_filter: element.flag("sap:requires-filter") == Some(true)
                || flag("FilterRestrictions", "RequiresFilter") == Some(true),
        },
        writing: SetWriting {
            creatable: allows("sap:creatable") && flag("InsertRestrictions", "Insertable") != Some(false),
            updatable: allows("sap:updatable") && flag("UpdateRestrictions", "Updatable") != Some(false),
            deletable: allows("sap:deletable") && flag("DeleteRestrictions", "Deletable") != Some(false),
        },
        restrictions,
        needs_etag: concurrency || ty.has_concurrency,
        entity_type,
    })
}

/// V2: properties with `sap:required-in-filter`.
fn required_by_sap(entity_type: &Element) -> impl Iterator<Item = String> {
    let properties = entity_type.children("Property");
    let required = properties.filter(|property| property.flag("sap:required-in-filter") == Some(true));
    required.filter_map(|property| property.get("Name")).filter(|name| is_identifier(name)).map(str::to_owned)
}

struct Operations<'d> {
    document: &'d Document<'d>,
    declared: &'d Declared<'d>,
    found: Vec<Operation>,
}

impl Operations<'_> {
    /// V2: all stand in the container; the method says whether they only read.
    fn function_imports(&mut self) {
        let containers: Vec<&Element> = self.document.declared("EntityContainer").map(|(_, found)| found).collect();
        for import in containers.iter().flat_map(|container| container.children("FunctionImport")) {
            let Some(name) = import.get("Name").filter(|name| is_identifier(name)) else { continue };
            let kind = match import.get("m:HttpMethod") {
                Some("GET") => OperationKind::Function,
                _ => OperationKind::Action,
            };
            let binding = match import.get("sap:action-for") {
                Some(ty) => Binding::Row(self.document.names.full(ty)),
                None => Binding::Unbound,
            };
            let returns = import.get("ReturnType").map(|text| self.returns(text));
            let label = label(import.get("sap:label"));
            let parameters = self.parameters(import, name);
            self.found.push(Operation { name: name.to_owned(), kind, binding, parameters, returns, label });
        }
    }

    /// V4: bound ones by their own names, others by those of their imports.
    fn declared_operations(&mut self) {
        for (element, kind) in [("Action", OperationKind::Action), ("Function", OperationKind::Function)] {
            let imports = self.imports(element);
            for (namespace, declared) in self.document.declared(element) {
                let Some(name) = declared.get("Name").filter(|name| is_identifier(name)) else { continue };
                let qualified = format!("{namespace}.{name}");
                if declared.flag("IsBound") == Some(true) {
                    self.bound(&qualified, declared, kind);
                } else {
                    self.imported((&qualified, declared), kind, &imports);
                }
            }
        }
    }

    fn bound(&mut self, qualified: &str, declared: &Element, kind: OperationKind) {
        let first = declared.children("Parameter").next().and_then(|parameter| parameter.get("Type"));
        let Some((Type::Structured(ty), many)) = first.map(|text| self.declared.type_of(text)) else { return };
        let mut parameters = self.parameters(declared, qualified);
        if !parameters.is_empty() {
            parameters.remove(0);
        }
        let binding = if many { Binding::Set(ty) } else { Binding::Row(ty) };
        self.push(qualified, qualified, declared, (kind, binding, parameters));
    }

    /// Names of imports, by the qualified name of what they import.
    fn imports(&self, of: &str) -> HashMap<String, Vec<String>> {
        let mut found: HashMap<String, Vec<String>> = HashMap::new();
        let element = format!("{of}Import");
        for (_, container) in self.document.declared("EntityContainer") {
            for import in container.children(&element) {
                if let (Some(name), Some(what)) =
                    (import.get("Name").filter(|name| is_identifier(name)), import.get(of))
                {
                    found.entry(self.document.names.full(what)).or_default().push(name.to_owned());
                }
            }
        }
        found
    }

    fn imported(
        &mut self,
        (qualified, declared): (&str, &Element),
        kind: OperationKind,
        imports: &HashMap<String, Vec<String>>,
    ) {
        for name in imports.get(qualified).into_iter().flatten() {
            let parameters = self.parameters(declared, qualified);
            self.push(name, qualified, declared, (kind, Binding::Unbound, parameters));
        }
    }

    fn push(
        &mut self,
        name: &str,
        qualified: &str,
        declared: &Element,
        (kind, binding, parameters): (OperationKind, Binding, Vec<Property>),
    ) {
        let returns = declared.child("ReturnType").and_then(|found| found.get("Type"));
        let returns = returns.map(|text| self.returns(text));
        let mut own = Annotations::default();
        own.add(qualified, declared, &self.document.names);
        let said = |term| own.text(qualified, term).or_else(|| self.document.annotations.text(qualified, term));
        let label = label(said(annotations::LABEL).or_else(|| said(annotations::DESCRIPTION)));
        self.found.push(Operation { name: name.to_owned(), kind, binding, parameters, returns, label });
    }

    fn returns(&self, text: &str) -> Returns {
        let (ty, many) = self.declared.type_of(text);
        Returns { ty, many }
    }

    fn parameters(&self, element: &Element, of: &str) -> Vec<Property> {
        let mut own = Annotations::default();
        let parameters = element.children("Parameter").filter(|parameter| parameter.get("Mode") != Some("Out"));
        parameters
            .filter_map(|parameter| {
                let target = format!("{of}/{}", parameter.get("Name").unwrap_or_default());
                self.declared.property(parameter, &target, &mut own)
            })
            .collect()
    }
}
