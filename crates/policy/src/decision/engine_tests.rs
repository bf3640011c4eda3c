use std::collections::BTreeSet;

use millwright_core::{Classification, Role};
use proptest::prelude::*;

use super::*;
use crate::decision::{
    ActionGroup, ContextFacts, Environment, ExportRegime, PrincipalFacts, ResourceFacts, SinkFacts,
    testing::{policies, requests},
};

fn engine() -> Engine {
    Engine::new(&[]).unwrap()
}

fn tenant(name: &str, text: &str) -> TenantPolicy {
    TenantPolicy { name: name.to_owned(), text: text.to_owned() }
}

#[test]
fn schema_and_catalogue_name_the_same_actions_in_the_same_groups() {
    let schema = source::schema().unwrap();
    let named: BTreeSet<_> = schema.actions().map(|uid| uid.id().unescaped().to_owned()).collect();
    let catalogue: BTreeSet<_> = Action::ALL
        .iter()
        .map(|action| action.as_str())
        .chain(ActionGroup::ALL.map(ActionGroup::as_str))
        .map(str::to_owned)
        .collect();
    assert_eq!(named, catalogue);
    let entities = schema.action_entities().unwrap();
    for action in Action::ALL {
        let uid = format!("Action::\"{action}\"").parse().unwrap();
        let groups: BTreeSet<_> = entities.ancestors(&uid).unwrap().map(|uid| uid.id().unescaped()).collect();
        let ours: BTreeSet<_> =
            ActionGroup::ALL.into_iter().filter(|group| action.is_in(*group)).map(ActionGroup::as_str).collect();
        assert_eq!(groups, ours, "{action}");
    }
}

#[test]
fn what_ships_runs_without_the_evaluator() {
    let engine = engine();
    assert_eq!(engine.evaluator_count(), 0);
    assert!(engine.policy_count() >= 50);
    assert_eq!(engine.version().len(), 64);
}

#[test]
fn the_version_follows_every_text_and_not_the_order_of_files() {
    let a = tenant("a", "forbid (principal, action, resource) when { context.risk > 80 };");
    let b = tenant("b", "forbid (principal, action, resource) when { context.risk > 90 };");
    let both = Engine::new(&[a.clone(), b.clone()]).unwrap();
    assert_eq!(both.version(), Engine::new(&[b.clone(), a.clone()]).unwrap().version());
    assert_ne!(both.version(), Engine::new(std::slice::from_ref(&a)).unwrap().version());
    assert_ne!(engine().version(), Engine::new(&[a]).unwrap().version());
}

#[test]
fn a_tenant_may_not_permit() {
    let errors = Engine::new(&[tenant("open", "@id(\"all\")\npermit (principal, action, resource);")]).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].policy.as_deref(), Some("tenant/open/all"));
    assert!(errors[0].message.contains("only forbid"), "{}", errors[0]);
}

#[test]
fn what_is_wrong_with_a_policy_is_said_with_its_place() {
    let unknown = tenant("typo", "// First\nforbid (principal, action, resource)\nwhen { context.rsk > 3 };");
    let broken = tenant("broken", "forbid (principal, action resource);");
    let obligation = tenant("oath", "@obligation(\"swear\") forbid (principal, action, resource);");
    let errors = Engine::new(&[unknown, broken, obligation]).unwrap_err();
    let said: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 3, "{said:#?}");
    assert!(said.iter().any(|error| error.starts_with("typo:3:8: policy `tenant/typo/0`") && error.contains("rsk")));
    assert!(said.iter().any(|error| error.starts_with("broken:1:27")), "{said:#?}");
    assert!(said.iter().any(|error| error.contains("unknown obligation `swear`")));
}

#[test]
fn sizes_names_and_templates_of_tenants_are_limited() {
    let large = tenant("large", &" ".repeat(source::MAX_FILE_BYTES + 1));
    assert!(Engine::new(&[large]).unwrap_err()[0].message.contains("bytes"));
    let many =
        "forbid (principal, action, resource) when { context.risk > 99 };\n".repeat(source::MAX_POLICIES / 2 + 1);
    assert!(Engine::new(&[tenant("a", &many), tenant("b", &many)]).unwrap_err()[0].message.contains("policies"));
    let template = tenant("t", "forbid (principal == ?principal, action, resource);");
    assert!(Engine::new(&[template]).unwrap_err()[0].message.contains("templates"));
    assert!(Engine::new(&[tenant("a", ""), tenant("a", "")]).is_err());
    assert!(Engine::new(&[tenant(" ", "")]).is_err());
}

#[test]
fn an_error_while_evaluating_denies_and_is_told() {
    let overflow = format!("forbid (principal, action, resource) when {{ context.risk + {} > 0 }};", i64::MAX);
    let engine = Engine::new(&[tenant("sum", &overflow)]).unwrap();
    assert_eq!(engine.evaluator_count(), 1);
    let asks = DecisionRequest::new(
        PrincipalFacts::user("anna", Role::Viewer),
        Action::ChatAsk,
        ResourceFacts::new("chat", "c", Classification::Public),
    );
    assert_eq!(engine.decide(&asks.clone().with_context(ContextFacts::default())).verdict, Verdict::Deny, "it forbids");
    let fails = engine.decide(&asks.with_context(ContextFacts::default().with_risk(1)));
    assert_eq!(fails.verdict, Verdict::Deny);
    assert_eq!(fails.errors.len(), 1);
    assert!(fails.errors[0].contains("overflow"), "{:?}", fails.errors);
}

#[test]
fn dishonest_facts_are_denied() {
    let fair = DecisionRequest::new(
        PrincipalFacts::user("anna", Role::Admin),
        Action::ChatAsk,
        ResourceFacts::new("chat", "c", Classification::Public),
    );
    assert_eq!(engine().decide(&fair).verdict, Verdict::Allow);
    let mut late = fair.clone();
    late.context.day_of_week = 8;
    let mut nobodys = fair.clone();
    nobodys.principal = PrincipalFacts { on_behalf_of: None, ..PrincipalFacts::agent("a", "", Role::Admin) };
    let mut nameless = fair;
    nameless.principal.id = String::new();
    for request in [late, nobodys, nameless] {
        let decision = engine().decide(&request);
        assert_eq!((decision.verdict, !decision.errors.is_empty()), (Verdict::Deny, true), "{request:?}");
    }
}

#[test]
fn what_would_make_it_allowed_is_found_by_trying() {
    let engine = engine();
    let secret = ResourceFacts::new("document", "d", Classification::Restricted).for_group("finance");
    let viewer = PrincipalFacts::user("anna", Role::Viewer);
    let read = DecisionRequest::new(viewer.clone(), Action::DocumentRead, secret.clone());
    assert_eq!(
        engine.decide(&read).would_allow,
        ["the asker is cleared for RESTRICTED", "the asker is in the group finance"]
    );
    let audit = ResourceFacts::new("audit", "log", Classification::Internal);
    let look = DecisionRequest::new(viewer.clone(), Action::AuditRead, audit);
    assert_eq!(engine.decide(&look).would_allow, ["the asker has the role auditor"]);
    let policies = ResourceFacts::new("policy", "p", Classification::Internal);
    let change = DecisionRequest::new(viewer, Action::PolicyChange, policies.clone());
    assert_eq!(
        engine.decide(&change).would_allow,
        ["the asker confirms with a second factor", "the asker has the role admin"]
    );
    let agent = PrincipalFacts::agent("agt", "anna", Role::Operator);
    let itself = DecisionRequest::new(agent.clone(), Action::PolicyChange, policies);
    assert_eq!(
        engine.decide(&itself).would_allow,
        [
            "the asker confirms with a second factor",
            "a person does it instead of an agent",
            "the asker has the role admin"
        ]
    );
    let controlled = secret.under(ExportRegime::Itar).to_sink(SinkFacts::on_site("model", Classification::Restricted));
    let cleared = agent.cleared(Classification::Restricted).in_group("finance").authorised_for(ExportRegime::Itar);
    let call = DecisionRequest::new(cleared, Action::ModelCall, controlled);
    assert_eq!(engine.decide(&call).would_allow, ["it goes to a place that takes export-controlled data"]);
}

#[test]
fn a_tenant_tightens_up_to_an_approval() {
    let text = "@id(\"night\") @reason(\"No exports at night.\")
        forbid (principal, action == Action::\"export.create\", resource)
        when { context.minute_of_day < 360 || context.day_of_week > 5 } unless { context.approved };";
    let tight = Engine::new(&[tenant("hours", text)]).unwrap();
    let export = DecisionRequest::new(
        PrincipalFacts::user("anna", Role::Operator),
        Action::ExportCreate,
        ResourceFacts::new("report", "r", Classification::Internal)
            .to_sink(SinkFacts::outside("export", Classification::Internal)),
    );
    assert_eq!(engine().decide(&export).verdict, Verdict::Allow);
    let night = tight.decide(&export);
    assert_eq!(night.verdict, Verdict::RequireApproval);
    assert_eq!(night.policies[0].id, "tenant/hours/night");
    assert_eq!(night.would_allow.len(), 1);
    let day = export.with_context(ContextFacts { minute_of_day: 600, ..ContextFacts::default() });
    assert_eq!(tight.decide(&day).verdict, Verdict::Allow);
}

/// Whether the data's label goes beyond what asker or sink may have.
fn label_too_high(request: &DecisionRequest) -> bool {
    let (principal, resource) = (&request.principal, &request.resource);
    let governed = !request.action.is_in(ActionGroup::Oversight) && !request.action.is_in(ActionGroup::Administer);
    let above = principal.clearance < resource.confidentiality
        || !resource.export_controls.is_subset(&principal.export_authorisations);
    let sink = &resource.sink;
    let beyond = sink.max_confidentiality < resource.confidentiality
        || (!resource.export_controls.is_empty() && !sink.takes_export_controlled)
        || (resource.untrusted && !sink.takes_untrusted);
    (governed && above) || (request.action.is_in(ActionGroup::Sink) && beyond)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn direct_tests_and_cedars_evaluator_agree_on_what_ships(request in requests()) {
        let engine = shared();
        prop_assert_eq!(engine.evaluate(&request), engine.evaluate_by_cedar(&request));
        prop_assert_eq!(engine.permits(&request), engine.evaluate(&request).allows());
    }

    #[test]
    fn the_invariants_hold_for_every_request(request in requests()) {
        let decision = shared().decide(&request);
        let (principal, action, context) = (&request.principal, request.action, &request.context);
        if label_too_high(&request) {
            prop_assert_eq!(decision.verdict, Verdict::Deny);
        }
        if decision.verdict != Verdict::Allow {
            prop_assert!(decision.verdict == Verdict::Deny || !context.approved);
            return Ok(());
        }
        let agent = principal.kind == PrincipalKind::Agent;
        prop_assert!(!(agent && action.is_in(ActionGroup::ExternalWrite) && !context.approved));
        prop_assert!(!(context.untrusted && action.is_write() && !context.approved));
        prop_assert!(!(principal.role == Role::Viewer && action.is_write()));
        prop_assert!(principal.role != Role::Auditor
            || action.is_in(ActionGroup::Oversight) || action == Action::ProfileManage);
        prop_assert!(action != Action::LabelLower
            || (context.approved && decision.obligations.contains(&Obligation::FourEyes)));
        prop_assert!(action != Action::PolicyChange
            || (principal.role == Role::Admin && context.second_factor
                && decision.obligations.contains(&Obligation::SecondFactor)));
        prop_assert!(!(agent && action.is_in(ActionGroup::Administer)));
        prop_assert!(action != Action::ApprovalGive || request.resource.owner != principal.person());
    }

    #[test]
    fn a_decision_can_be_made_again(request in requests()) {
        let (once, again) = (shared().decide(&request), engine_again().decide(&request.clone()));
        prop_assert_eq!(&once, &again);
        let read: DecisionRequest = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
        prop_assert_eq!(read.digest().unwrap(), once.inputs_digest);
    }

    #[test]
    fn what_is_said_to_help_is_not_said_in_vain(request in requests()) {
        let decision = shared().decide(&request);
        match decision.verdict {
            Verdict::Allow => prop_assert!(decision.would_allow.is_empty()),
            Verdict::RequireApproval => prop_assert_eq!(decision.would_allow.len(), 1),
            Verdict::Deny if decision.errors.is_empty() => {
                // A request can lack many things at once, and is told each of them once.
                let told: BTreeSet<_> = decision.would_allow.iter().collect();
                prop_assert_eq!(told.len(), decision.would_allow.len(), "{:?}", decision.would_allow);
            }
            Verdict::Deny => prop_assert!(decision.would_allow.is_empty()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn direct_tests_and_cedars_evaluator_agree_on_any_policy(
        forbids in prop::collection::vec(policies("forbid"), 0..5),
        permits in prop::collection::vec(policies("permit"), 1..6),
        asked in prop::collection::vec(requests(), 8),
    ) {
        let text = forbids.concat() + &permits.concat();
        let file = SourceFile { name: "random", text: &text, tenant: false };
        let engine = Engine::of_files(&[file]).map_err(|faults| TestCaseError::fail(format!("{faults:?}\n{text}")))?;
        for request in asked {
            prop_assert_eq!(engine.evaluate(&request), engine.evaluate_by_cedar(&request), "{}", text);
            prop_assert_eq!(engine.permits(&request), engine.evaluate(&request).allows(), "{}", text);
        }
    }

    #[test]
    fn a_tenants_policies_only_tighten(
        forbids in prop::collection::vec(policies("forbid"), 1..6),
        asked in prop::collection::vec(requests(), 8),
    ) {
        let tight = Engine::new(&[tenant("t", &forbids.concat())])
            .map_err(|faults| TestCaseError::fail(format!("{faults:?}\n{}", forbids.concat())))?;
        for request in asked {
            // Allow < RequireApproval < Deny
            prop_assert!(tight.decide(&request).verdict >= shared().decide(&request).verdict);
        }
    }

    #[test]
    fn no_text_makes_the_loader_fail_otherwise_than_with_an_error(text in ".{0,200}") {
        let _ = Engine::new(&[tenant("t", &text)]);
    }
}

fn shared() -> &'static Engine {
    static ENGINE: std::sync::LazyLock<Engine> = std::sync::LazyLock::new(engine);
    &ENGINE
}

fn engine_again() -> &'static Engine {
    static ENGINE: std::sync::LazyLock<Engine> = std::sync::LazyLock::new(engine);
    &ENGINE
}

#[test]
fn an_environment_that_is_no_production_makes_writes_easier() {
    let write = |environment| {
        let order = ResourceFacts::new("order", "o", Classification::Internal)
            .in_environment(environment)
            .to_sink(SinkFacts::on_site("erp", Classification::Confidential));
        let asks = DecisionRequest::new(PrincipalFacts::user("anna", Role::Operator), Action::ExternalWrite, order);
        engine().decide(&asks).verdict
    };
    assert_eq!(write(Environment::Test), Verdict::Allow);
    assert_eq!(write(Environment::Production), Verdict::RequireApproval);
}
