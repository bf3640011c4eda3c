use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression as Value,
};

use super::{
    Action, ActionGroup, DecisionRequest, PrincipalKind,
    terms::{reputation, tier},
};

/// The names of the schema, parsed once.
#[derive(Debug)]
pub(super) struct Names {
    user: EntityTypeName,
    agent: EntityTypeName,
    resource: EntityTypeName,
    action: EntityTypeName,
}

impl Names {
    pub(super) fn new() -> Result<Self, String> {
        let name = |text: &str| text.parse::<EntityTypeName>().map_err(|fault| fault.to_string());
        Ok(Self { user: name("User")?, agent: name("Agent")?, resource: name("Resource")?, action: name("Action")? })
    }

    /// The request and its entities, as Cedar's evaluator takes them. The error says what cannot be put into its words.
    pub(super) fn translate(&self, request: &DecisionRequest) -> Result<(Request, Entities), String> {
        let kind = match request.principal.kind {
            PrincipalKind::User => &self.user,
            PrincipalKind::Agent => &self.agent,
        };
        let principal = uid(kind, &request.principal.id);
        let resource = uid(&self.resource, &request.resource.id);
        let action = uid(&self.action, request.action.as_str());
        let entities = Entities::from_entities(
            [
                entity(&principal, principal_attributes(request), HashSet::new())?,
                entity(&resource, resource_attributes(request)?, HashSet::new())?,
                Entity::new_no_attrs(action.clone(), self.groups_of(request.action)),
            ],
            None,
        )
        .map_err(|fault| fault.to_string())?;
        let context = Context::from_pairs(context_pairs(request)).map_err(|fault| fault.to_string())?;
        let request = Request::new(principal, action, resource, context, None).map_err(|fault| fault.to_string())?;
        Ok((request, entities))
    }

    fn groups_of(&self, action: Action) -> HashSet<EntityUid> {
        let groups = ActionGroup::ALL.into_iter().filter(|group| action.is_in(*group));
        groups.map(|group| uid(&self.action, group.as_str())).collect()
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn entity(uid: &EntityUid, attributes: HashMap<String, Value>, parents: HashSet<EntityUid>) -> Result<Entity, String> {
    Entity::new(uid.clone(), attributes, parents).map_err(|fault| fault.to_string())
}

fn text(value: &str) -> Value {
    Value::new_string(value.to_owned())
}

fn words<'a>(values: impl Iterator<Item = &'a str>) -> Value {
    Value::new_set(values.map(text))
}

fn principal_attributes(request: &DecisionRequest) -> HashMap<String, Value> {
    let facts = &request.principal;
    HashMap::from([
        ("id".to_owned(), text(&facts.id)),
        ("person".to_owned(), text(facts.person())),
        ("role".to_owned(), text(facts.role.as_str())),
        ("clearance".to_owned(), Value::new_long(facts.clearance as i64)),
        ("groups".to_owned(), words(facts.groups.iter().map(String::as_str))),
        ("export_authorisations".to_owned(), words(facts.export_authorisations.iter().map(|one| one.as_str()))),
        ("tier".to_owned(), Value::new_long(tier(request))),
        ("reputation".to_owned(), Value::new_long(reputation(request))),
    ])
}

fn resource_attributes(request: &DecisionRequest) -> Result<HashMap<String, Value>, String> {
    let facts = &request.resource;
    let sink = Value::new_record([
        ("kind".to_owned(), text(&facts.sink.kind)),
        ("max_confidentiality".to_owned(), Value::new_long(facts.sink.max_confidentiality as i64)),
        ("takes_export_controlled".to_owned(), Value::new_bool(facts.sink.takes_export_controlled)),
        ("takes_untrusted".to_owned(), Value::new_bool(facts.sink.takes_untrusted)),
        ("leaves_site".to_owned(), Value::new_bool(facts.sink.leaves_site)),
    ])
    .map_err(|fault| fault.to_string())?;
    Ok(HashMap::from([
        ("id".to_owned(), text(&facts.id)),
        ("kind".to_owned(), text(&facts.kind)),
        ("owner".to_owned(), text(&facts.owner)),
        ("environment".to_owned(), text(facts.environment.as_str())),
        ("confidentiality".to_owned(), Value::new_long(facts.confidentiality as i64)),
        ("export_controls".to_owned(), words(facts.export_controls.iter().map(|one| one.as_str()))),
        ("untrusted".to_owned(), Value::new_bool(facts.untrusted)),
        ("groups".to_owned(), words(facts.groups.iter().map(String::as_str))),
        ("sink".to_owned(), sink),
    ]))
}

fn context_pairs(request: &DecisionRequest) -> [(String, Value); 8] {
    let facts = &request.context;
    [
        ("approved".to_owned(), Value::new_bool(facts.approved)),
        ("second_factor".to_owned(), Value::new_bool(facts.second_factor)),
        ("untrusted".to_owned(), Value::new_bool(facts.untrusted)),
        ("risk".to_owned(), Value::new_long(facts.risk.into())),
        ("epoch_seconds".to_owned(), Value::new_long(facts.epoch_seconds)),
        ("minute_of_day".to_owned(), Value::new_long(facts.minute_of_day.into())),
        ("day_of_week".to_owned(), Value::new_long(facts.day_of_week.into())),
        ("network_zone".to_owned(), text(facts.network_zone.as_str())),
    ]
}
