//! Random requests, and texts of policies, for property tests.

use std::collections::BTreeSet;

use millwright_core::{Classification, Role};
use proptest::prelude::*;

use super::{
    Action, ActionGroup, ContextFacts, DecisionRequest, Environment, ExportRegime, NetworkZone, PrincipalFacts,
    PrincipalKind, ResourceFacts, SinkFacts,
    terms::{FlagFact, NumberFact, SetFact, TextFact},
};

const NAMES: [&str; 4] = ["anna", "ben", "", "cleo"];
const GROUPS: [&str; 3] = ["maintenance", "sales", "finance"];

fn label() -> impl Strategy<Value = Classification> {
    prop::sample::select(Classification::ALL.to_vec())
}

fn groups() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set(prop::sample::select(GROUPS.to_vec()).prop_map(str::to_owned), 0..3)
}

fn regimes() -> impl Strategy<Value = BTreeSet<ExportRegime>> {
    prop::collection::btree_set(prop::sample::select(vec![ExportRegime::Ear, ExportRegime::Itar]), 0..2)
}

fn principals() -> impl Strategy<Value = PrincipalFacts> {
    let kind = prop_oneof![Just(PrincipalKind::User), Just(PrincipalKind::Agent)];
    let role = prop::sample::select(Role::ALL.to_vec());
    let person = prop::option::weighted(0.9, prop::sample::select(NAMES.to_vec()));
    (kind, prop::sample::select(NAMES.to_vec()), person, role, label(), groups(), regimes(), 0..4u8, 0..=100u8)
        .prop_map(|(kind, id, person, role, clearance, groups, export_authorisations, tier, reputation)| {
            PrincipalFacts {
                kind,
                id: id.to_owned(),
                on_behalf_of: person.map(str::to_owned),
                role,
                clearance,
                groups,
                export_authorisations,
                tier,
                reputation,
            }
        })
}

fn resources() -> impl Strategy<Value = ResourceFacts> {
    let environment = prop::sample::select(vec![Environment::Production, Environment::Test, Environment::Development]);
    let sink = (label(), any::<bool>(), any::<bool>(), any::<bool>(), prop::sample::select(vec!["model", "webhook"]))
        .prop_map(|(max_confidentiality, takes_export_controlled, takes_untrusted, leaves_site, kind)| SinkFacts {
            kind: kind.to_owned(),
            max_confidentiality,
            takes_export_controlled,
            takes_untrusted,
            leaves_site,
        });
    let ids = prop::sample::select(vec!["doc_1", "doc_2", "MES-7"]);
    let kinds = prop::sample::select(vec!["document", "order"]);
    (kinds, ids, prop::sample::select(NAMES.to_vec()), environment, label(), regimes(), any::<bool>(), groups(), sink)
        .prop_map(|(kind, id, owner, environment, confidentiality, export_controls, untrusted, groups, sink)| {
            ResourceFacts {
                kind: kind.to_owned(),
                id: id.to_owned(),
                owner: owner.to_owned(),
                environment,
                confidentiality,
                export_controls,
                untrusted,
                groups,
                sink,
            }
        })
}

fn contexts() -> impl Strategy<Value = ContextFacts> {
    let zone = prop::sample::select(vec![
        NetworkZone::Internal,
        NetworkZone::Vpn,
        NetworkZone::Internet,
        NetworkZone::Unknown,
    ]);
    (any::<bool>(), any::<bool>(), any::<bool>(), 0..=100u8, 0..2_000_000_000i64, zone).prop_map(
        |(approved, second_factor, untrusted, risk, time, network_zone)| ContextFacts {
            approved,
            network_zone,
            risk,
            second_factor,
            untrusted,
            ..ContextFacts::at(time, 60)
        },
    )
}

/// Any request, honest or not.
pub(crate) fn requests() -> impl Strategy<Value = DecisionRequest> {
    (principals(), prop::sample::select(Action::ALL.to_vec()), resources(), contexts())
        .prop_map(|(principal, action, resource, context)| DecisionRequest { action, context, principal, resource })
}

fn literal() -> impl Strategy<Value = String> {
    let words =
        vec!["anna", "operator", "admin", "agent", "production", "maintenance", "EAR", "document", "doc_1", "\\u{e9}"];
    prop::sample::select(words).prop_map(|word| format!("\"{word}\""))
}

fn text_expression() -> BoxedStrategy<String> {
    let facts = prop::sample::select(TextFact::NAMES.to_vec()).prop_map(str::to_owned);
    prop_oneof![3 => facts, 1 => literal()].boxed()
}

fn number_expression() -> BoxedStrategy<String> {
    let facts = prop::sample::select(NumberFact::NAMES.to_vec()).prop_map(str::to_owned);
    let numbers = (-3..120i64).prop_map(|number| number.to_string());
    let huge = Just(format!("({} + context.risk)", i64::MAX - 50));
    prop_oneof![6 => facts, 4 => numbers, 1 => huge].boxed()
}

fn set_expression() -> BoxedStrategy<String> {
    let facts = prop::sample::select(SetFact::NAMES.to_vec()).prop_map(str::to_owned);
    let words = prop::collection::vec(literal(), 1..4).prop_map(|words| format!("[{}]", words.join(", ")));
    prop_oneof![2 => facts, 1 => words].boxed()
}

/// A condition that passes strict validation; some need Cedar's evaluator, and some of those overflow.
fn condition() -> BoxedStrategy<String> {
    let action = prop::sample::select(
        Action::ALL.iter().map(|one| one.as_str()).chain(ActionGroup::ALL.map(ActionGroup::as_str)).collect::<Vec<_>>(),
    );
    let order = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let sameness = prop::sample::select(vec!["==", "!="]);
    let leaf = prop_oneof![
        4 => prop::sample::select(FlagFact::NAMES.to_vec()).prop_map(str::to_owned),
        4 => (text_expression(), sameness, text_expression()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        4 => (number_expression(), order, number_expression()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        3 => (set_expression(), text_expression()).prop_map(|(set, text)| format!("{set}.contains({text})")),
        2 => (set_expression(), set_expression()).prop_map(|(a, b)| format!("{a}.containsAll({b})")),
        2 => (set_expression(), set_expression()).prop_map(|(a, b)| format!("{a}.containsAny({b})")),
        1 => set_expression().prop_map(|set| format!("{set}.isEmpty()")),
        1 => Just("principal is Agent".to_owned()),
        1 => action.clone().prop_map(|name| format!("action in Action::\"{name}\"")),
        1 => prop::sample::select(Action::ALL.to_vec()).prop_map(|one| format!("action == Action::\"{one}\"")),
        1 => text_expression().prop_map(|text| format!("{text} like \"a*\"")),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(({a}) && ({b}))")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(({a}) || ({b}))")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(({a}) == ({b}))")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
    .boxed()
}

/// One policy of this effect that passes strict validation, mostly.
pub(crate) fn policies(effect: &'static str) -> impl Strategy<Value = String> {
    let principal = prop::sample::select(vec![
        "principal",
        "principal is User",
        "principal is Agent",
        "principal == User::\"anna\"",
        "principal in Agent::\"ben\"",
    ]);
    let action = prop_oneof![
        Just("action".to_owned()),
        prop::sample::select(ActionGroup::ALL.to_vec())
            .prop_map(|one| format!("action in Action::\"{}\"", one.as_str())),
        prop::sample::select(Action::ALL.to_vec()).prop_map(|one| format!("action == Action::\"{one}\"")),
        prop::collection::vec(prop::sample::select(Action::ALL.to_vec()), 1..4).prop_map(|all| {
            let names: Vec<_> = all.iter().map(|one| format!("Action::\"{one}\"")).collect();
            format!("action in [{}]", names.join(", "))
        }),
    ];
    let resource = prop::sample::select(vec!["resource", "resource is Resource", "resource == Resource::\"doc_1\""]);
    let clauses = prop::collection::vec((any::<bool>(), condition()), 0..3).prop_map(|clauses| {
        let word = |when| if when { "when" } else { "unless" };
        let written: Vec<_> =
            clauses.into_iter().map(|(when, text)| format!("\n  {} {{ {text} }}", word(when))).collect();
        written.concat()
    });
    (principal, action, resource, clauses)
        .prop_map(move |(p, a, r, clauses)| format!("{effect} ({p}, {a}, {r}){clauses};\n"))
}
