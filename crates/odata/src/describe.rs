//! What an agent is told of an entity set: tools with schemas of their arguments, with labels and units.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::{
    metadata::{Binding, Operation, OperationKind, Primitive, Property, Service, Type, Unit, Version},
    query::{MAX_CONDITIONS, MAX_FILTER_DEPTH, Offer, operators},
    value::wanted,
};

/// A tool, as it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// `read_A_PurchaseOrder`; unique within a service.
    pub name: String,
    /// What it does, and what the fields mean.
    pub description: String,
    /// A JSON Schema of its arguments (2020-12).
    pub input_schema: Value,
    /// Whether it may change something.
    pub writes: bool,
}

impl Offer<'_> {
    /// The tool that reads rows; its arguments are those of [`ReadQuery::new`](crate::ReadQuery::new).
    pub fn read_tool(&self) -> Tool {
        let fields: Vec<&str> = self.properties().filter(|p| is_shown(p)).map(|p| p.name.as_str()).collect();
        let filterable: Vec<&str> = self.filterable().map(|property| property.name.as_str()).collect();
        let sortable: Vec<&str> = self.sortable().map(|property| property.name.as_str()).collect();
        let navigations: Vec<&str> = self.navigations().map(|navigation| navigation.name.as_str()).collect();
        let mut arguments = Map::new();
        if !self.set.singleton && !self.ty.key.is_empty() {
            arguments.insert("key".into(), self.key_schema());
        }
        if !fields.is_empty() {
            arguments
                .insert("select".into(), list_of(&json!({ "enum": fields }), "The fields to return; all without it."));
        }
        if !navigations.is_empty() {
            let text = "Rows that belong to each row, returned with it.";
            arguments.insert("expand".into(), list_of(&expansion(&navigations), text));
        }
        let mut definitions = Map::new();
        if !self.set.singleton && self.set.reading.listable {
            if !filterable.is_empty() {
                definitions.insert("condition".into(), self.condition(&filterable));
                let text = format!(
                    "Conditions that all hold: at most {MAX_CONDITIONS}, with `and` and `or` at most {MAX_FILTER_DEPTH} levels deep."
                );
                arguments.insert("filter".into(), list_of(&json!({ "$ref": "#/$defs/condition" }), &text));
            }
            if !sortable.is_empty() {
                let order = json!({
                    "type": "object",
                    "properties": { "field": { "enum": sortable }, "descending": { "type": "boolean" } },
                    "required": ["field"],
                    "additionalProperties": false
                });
                arguments.insert("orderby".into(), list_of(&order, "The order of the rows, the first field first."));
            }
            if self.set.reading.pageable {
                arguments.insert(
                    "top".into(),
                    json!({ "type": "integer", "minimum": 1, "description": "At most so many rows." }),
                );
                arguments.insert(
                    "skip".into(),
                    json!({ "type": "integer", "minimum": 0, "description": "Leaves out so many rows first." }),
                );
            }
            arguments.insert(
                "count".into(),
                json!({ "type": "boolean", "description": "Whether to say how many rows there are in all." }),
            );
        }
        let mut schema = json!({ "type": "object", "properties": arguments, "additionalProperties": false });
        if !definitions.is_empty() {
            schema["$defs"] = Value::Object(definitions);
        }
        let needs_filter = self.set.reading.requires_filter || !self.set.restrictions.required_in_filter.is_empty();
        if !self.set.reading.listable && !self.set.singleton {
            schema["required"] = json!(["key"]);
        } else if needs_filter && self.ty.key.is_empty() {
            schema["required"] = json!(["filter"]);
        }
        Tool {
            name: format!("read_{}", self.set.name),
            description: self.description(needs_filter),
            input_schema: schema,
            writes: false,
        }
    }

    fn description(&self, needs_filter: bool) -> String {
        let mut text = match &self.set.label {
            Some(label) => format!("Reads {label} (`{}`).", self.set.name),
            None => format!("Reads `{}`.", self.set.name),
        };
        let required: Vec<&str> = self.set.restrictions.required_in_filter.iter().map(String::as_str).collect();
        if !required.is_empty() {
            let _ = write!(text, " A list needs a condition on each of `{}`.", required.join("`, `"));
        } else if needs_filter {
            text.push_str(" A list needs a condition.");
        }
        text.push_str(" Fields:");
        for property in self.properties().filter(|property| is_shown(property)) {
            let _ = write!(text, "\n- {}", line(self.service, property));
        }
        for navigation in self.navigations() {
            let what = if navigation.many { "rows" } else { "one row" };
            let label = navigation.label.as_deref().map(|label| format!(" ({label})")).unwrap_or_default();
            let _ = write!(text, "\n- {}{label}: {what}, with `expand`", navigation.name);
        }
        text
    }

    fn key_schema(&self) -> Value {
        let names: Vec<&str> = self.ty.key.iter().map(String::as_str).collect();
        let properties = self.key().map(|property| (property.name.clone(), schema(self.service, property)));
        json!({
            "type": "object",
            "description": "Names one row; not beside `filter`, `orderby`, `top`, `skip` and `count`.",
            "properties": properties.collect::<Map<_, _>>(),
            "required": names,
            "additionalProperties": false
        })
    }

    fn condition(&self, fields: &[&str]) -> Value {
        let mut known: Vec<&str> = Vec::new();
        for property in self.filterable() {
            let more = operators(property).into_iter().filter(|op| !known.contains(op)).collect::<Vec<_>>();
            known.extend(more);
        }
        let group = |name: &str| {
            json!({
                "type": "object",
                "properties": { (name): { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/condition" } } },
                "required": [name],
                "additionalProperties": false
            })
        };
        json!({
            "anyOf": [
                {
                    "type": "object",
                    "properties": {
                        "field": { "enum": fields },
                        "op": { "enum": known },
                        "value": { "description": "Of the field's type; a list for `in`; null with `eq` and `ne`." }
                    },
                    "required": ["field", "op", "value"],
                    "additionalProperties": false
                },
                group("and"),
                group("or")
            ]
        })
    }

    /// The tools that change rows, and the operations on them, as far as the service allows them.
    pub fn change_tools(&self) -> Vec<Tool> {
        let mut tools = Vec::new();
        let (set, label) = (&self.set.name, self.set.label.as_deref().unwrap_or(&self.set.name));
        let restrictions = &self.set.restrictions;
        let values = |can: &dyn Fn(&Property) -> bool| {
            let fields = self.properties().filter(|property| is_shown(property) && can(property));
            let fields = fields.map(|property| (property.name.clone(), schema(self.service, property)));
            json!({ "type": "object", "properties": fields.collect::<Map<_, _>>(), "additionalProperties": false })
        };
        if self.set.writing.creatable && !self.set.singleton {
            let can = |property: &Property| {
                property.writing.creatable && !restrictions.not_insertable.contains(&property.name)
            };
            let mut values = values(&can);
            // Rows below it are written with it.
            for navigation in self.navigations().filter(|found| !restrictions.not_insertable.contains(&found.name)) {
                let ty = if navigation.many { "array" } else { "object" };
                values["properties"][&navigation.name] = json!({ "type": ty });
            }
            let input = json!({ "values": values });
            tools.push(tool(format!("create_{set}"), format!("Makes a row of {label}."), &input, &["values"]));
        }
        let etag = json!({ "type": "string", "description": "The ETag of the row as it was read." });
        let needed = |mut names: Vec<&'static str>| {
            if self.set.needs_etag {
                names.push("etag");
            }
            names
        };
        if self.set.writing.updatable {
            let can = |property: &Property| {
                let is_key = self.ty.key.contains(&property.name);
                property.writing.updatable && !is_key && !restrictions.not_updatable.contains(&property.name)
            };
            let input = json!({ "key": self.key_schema(), "values": values(&can), "etag": etag });
            let needed = needed(vec!["key", "values"]);
            tools.push(tool(format!("update_{set}"), format!("Changes a row of {label}."), &input, &needed));
        }
        if self.set.writing.deletable && !self.set.singleton {
            let input = json!({ "key": self.key_schema(), "etag": etag });
            tools.push(tool(
                format!("delete_{set}"),
                format!("Deletes a row of {label}."),
                &input,
                &needed(vec!["key"]),
            ));
        }
        let operations = self.service.operations_of(self.set);
        tools.extend(operations.map(|operation| {
            let bound_by_key = self.service.version == Version::V4 && matches!(operation.binding, Binding::Row(_));
            operation_tool(self.service, operation, bound_by_key.then(|| self.key_schema()))
        }));
        tools
    }
}

/// The tools of operations that act on no row.
pub fn unbound_tools(service: &Service) -> Vec<Tool> {
    let unbound = service.operations.iter().filter(|operation| operation.binding == Binding::Unbound);
    unbound.map(|operation| operation_tool(service, operation, None)).collect()
}

fn operation_tool(service: &Service, operation: &Operation, key: Option<Value>) -> Tool {
    let short = operation.name.rsplit('.').next().unwrap_or(&operation.name);
    let fields = operation.parameters.iter().map(|parameter| (parameter.name.clone(), schema(service, parameter)));
    let required: Vec<&str> =
        operation.parameters.iter().filter(|parameter| !parameter.nullable).map(|found| found.name.as_str()).collect();
    let parameters = json!({
        "type": "object",
        "properties": fields.collect::<Map<_, _>>(),
        "required": required,
        "additionalProperties": false
    });
    let mut input = json!({ "parameters": parameters });
    let mut needed = vec!["parameters"];
    if let Some(key) = key {
        input["key"] = key;
        needed.push("key");
    }
    let label = operation.label.as_deref().map(|label| format!(": {label}")).unwrap_or_default();
    let mut text = format!("Calls `{}`{label}.", operation.name);
    for parameter in &operation.parameters {
        let _ = write!(text, "\n- {}", line(service, parameter));
    }
    let mut made = tool(format!("call_{short}"), text, &input, &needed);
    made.writes = operation.kind == OperationKind::Action;
    made
}

fn tool(name: String, description: String, arguments: &Value, required: &[&str]) -> Tool {
    let schema =
        json!({ "type": "object", "properties": arguments, "required": required, "additionalProperties": false });
    Tool { name, description, input_schema: schema, writes: true }
}

fn expansion(navigations: &[&str]) -> Value {
    json!({
        "anyOf": [
            { "enum": navigations },
            {
                "type": "object",
                "properties": {
                    "navigation": { "enum": navigations },
                    "select": { "type": "array", "items": { "type": "string" } },
                    "expand": { "type": "array" }
                },
                "required": ["navigation"],
                "additionalProperties": false
            }
        ]
    })
}

fn is_shown(property: &Property) -> bool {
    !matches!(property.ty, Type::Other(_))
}

fn list_of(items: &Value, text: &str) -> Value {
    json!({ "type": "array", "items": items, "description": text })
}

/// `NetPriceAmount: a decimal number …, Net price, in the unit that DocumentCurrency says`.
fn line(service: &Service, property: &Property) -> String {
    let mut text = format!("{}: {}", property.name, wanted(service, property));
    let mut add = |more: &str| {
        text.push_str("; ");
        text.push_str(more);
    };
    if let Some(label) = &property.label {
        add(label);
    }
    if let Some(description) = property.description.as_ref().filter(|text| Some(*text) != property.label.as_ref()) {
        add(description);
    }
    match &property.unit {
        Some(Unit::Field(field)) => add(&format!("its unit stands in {field}")),
        Some(Unit::Fixed(unit)) => add(&format!("in {unit}")),
        None => {}
    }
    text
}

/// The schema of a value that is written, or of a key.
fn schema(service: &Service, property: &Property) -> Value {
    let mut one = match &property.ty {
        Type::Primitive(primitive) => of_primitive(*primitive, property),
        Type::Enum(name) => json!({ "enum": service.enums.get(name).map(|ty| ty.members.clone()).unwrap_or_default() }),
        Type::Structured(_) => json!({ "type": "object" }),
        Type::Other(_) => json!({}),
    };
    if property.many {
        one = json!({ "type": "array", "items": one });
    }
    one["description"] = Value::String(line(service, property));
    one
}

fn of_primitive(primitive: Primitive, property: &Property) -> Value {
    match primitive {
        Primitive::Boolean => json!({ "type": "boolean" }),
        Primitive::Byte | Primitive::SByte | Primitive::Int16 | Primitive::Int32 => json!({ "type": "integer" }),
        Primitive::Int64 | Primitive::Decimal => json!({ "type": ["string", "integer"] }),
        Primitive::Double | Primitive::Single => json!({ "type": ["number", "string"] }),
        Primitive::String => match property.facets.max_length {
            Some(most) => json!({ "type": "string", "maxLength": most }),
            None => json!({ "type": "string" }),
        },
        _ => json!({ "type": "string" }),
    }
}
