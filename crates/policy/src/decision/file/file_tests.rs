use millwright_core::Classification;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::decision::PrincipalKind;

fn shipped() -> PolicyFile {
    PolicyFile::parse(PolicyFile::shipped_text()).unwrap()
}

fn changed(from: &str, to: &str) -> Vec<String> {
    let text = PolicyFile::shipped_text();
    assert!(text.contains(from), "{from}");
    PolicyFile::parse(&text.replacen(from, to, 1)).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn what_ships_is_read_and_lets_nothing_out() {
    let file = shipped();
    let sandbox = Sandbox::new(&file.resource_sandbox).unwrap();
    assert_eq!(sandbox.may_connect("example.com"), Err(SandboxDenial::NotListed));
    assert_eq!(file.sink(SinkKind::Webhook, "https://hooks").unwrap().max_confidentiality, Classification::Public);
    // What a model takes is for the settings to say: PUBLIC for one that is elsewhere.
    for kind in SinkKind::ALL.into_iter().filter(|kind| *kind != SinkKind::Model) {
        let sink = file.sink(kind, "anything").unwrap();
        assert!(sink.max_confidentiality <= Classification::Confidential);
        assert!(!sink.takes_export_controlled);
        assert_eq!(sink.kind, kind.as_str());
    }
    assert!(!file.sink(SinkKind::Model, "local/qwen").unwrap().leaves_site);
    assert_eq!(file.capability(9).unwrap().tier, 3);
}

#[test]
fn errors_name_their_path_and_line() {
    assert_eq!(
        changed("allow: []", "allow: [\"example.com\", \"*.example.org\", \"https://evil.example/\"]"),
        ["15:5: resource_sandbox.domains.allow[2]: expected a host name such as `example.com` or `*.example.com`"]
    );
    let unknown = changed("  currency: EUR", "  currency: EUR\n  colour: red");
    assert_eq!(unknown.len(), 1);
    assert!(unknown[0].contains("cost_budget.colour: unknown field `colour`"), "{unknown:?}");
    let wrong = changed("{ tier: 1, max_steps: 24", "{ tier: 1, max_steps: many");
    assert!(wrong[0].contains("capability_constraints[1].max_steps: invalid type"), "{wrong:?}");
    let line = PolicyFile::shipped_text().lines().position(|line| line.contains("tier: 1,")).unwrap() + 1;
    assert!(wrong[0].starts_with(&format!("{line}:")), "{wrong:?}");
    let section = changed("monitoring:", "watching:");
    assert_eq!(section.len(), 2, "{section:?}");
    let broken = changed("currency: EUR", "currency: [EUR");
    assert!(broken[0].split(':').next().unwrap().parse::<usize>().is_ok(), "{broken:?}");
    let twice = changed("  currency: EUR", "  currency: EUR\n  currency: USD");
    assert!(twice[0].contains("currency"), "{twice:?}");
}

#[test]
fn errors_of_several_sections_come_together() {
    let text = PolicyFile::shipped_text()
        .replace("currency: EUR", "currency: euro")
        .replace("{ from: 30, approval: one_approver }", "{ from: 30, approval: nobody }")
        .replace("warn_at_percent: 80", "warn_at_percent: 0")
        .replace("decision_retention_days: 365", "decision_retention_days: 0")
        .replace("{ type: string, minLength: 1, maxLength: 32000 }", "{ type: strung }");
    let errors = PolicyFile::parse(&text).unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "risk_routing.thresholds[1].approval",
            "cost_budget.currency",
            "cost_budget.warn_at_percent",
            "task_contract.answer.output.properties.text.type",
            "monitoring.decision_retention_days",
        ]
    );
    assert!(errors.iter().all(|error| error.line.is_some()), "{errors:#?}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (from, to, path) in [
        ("{ from: 0, approval", "{ from: 5, approval", "risk_routing.thresholds"),
        ("{ from: 60, approval: four_eyes }", "{ from: 20, approval: four_eyes }", "risk_routing.thresholds[2].from"),
        ("irreversible: four_eyes", "irreversible: self_confirmation", "risk_routing.minimum"),
        ("\"outputs/**\", \"shared", "\"../**\", \"shared", "resource_sandbox.files.read[1]"),
        ("\"**/*.pem\"", "\"**/[.pem\"", "resource_sandbox.files.deny[2]"),
        ("per_minute: 120", "per_minute: 0", "resource_sandbox.rates[0].per_minute"),
        ("action: model.call", "action: connector.read", "resource_sandbox.rates[1].action"),
        ("name: \"local/*\"", "name: \"*\"", "sinks[1].name"),
        ("version: 1", "version: 2", "version"),
        ("tier: 3", "tier: 2", "capability_constraints[3].tier"),
        ("per_run_micros: 2_000_000", "per_run_micros: 90_000_000", "cost_budget.per_run_micros"),
    ] {
        let errors = changed(from, to);
        assert!(errors.iter().any(|error| error.contains(&format!("{path}:"))), "{path} not in {errors:?}");
    }
    assert!(PolicyFile::parse("").is_err());
    assert!(PolicyFile::parse("- a").is_err());
}

#[test]
fn the_sandbox_lets_through_only_what_is_listed() {
    let mut rules = shipped().resource_sandbox;
    rules.domains.allow = vec!["api.example.com".to_owned(), "*.example.org".to_owned(), "10.0.0.7".to_owned()];
    rules.domains.deny.push("bad.example.org".to_owned());
    let sandbox = Sandbox::new(&rules).unwrap();
    for path in ["inputs/a.csv", "inputs/a/b.txt", "./outputs//x", "shared/reference/norms.pdf"] {
        assert_eq!(sandbox.may_read(path), Ok(()), "{path}");
    }
    assert_eq!(sandbox.may_write("outputs/x"), Ok(()));
    assert_eq!(sandbox.may_write("inputs/x"), Err(SandboxDenial::NotListed));
    for path in ["/etc/passwd", "inputs/../../etc", "inputs\\..\\x", "", ".", "inputs/a\0b", "C:x", "inputs/\n"] {
        assert_eq!(sandbox.may_read(path), Err(SandboxDenial::Path), "{path:?}");
    }
    for path in ["inputs/.env", "inputs/keys/server.PEM", "outputs/.git/config", "inputs/.ENV"] {
        assert_eq!(sandbox.may_read(path), Err(SandboxDenial::Denied), "{path}");
    }
    for host in ["api.example.com", "API.Example.COM.", "a.example.org", "a.b.example.org", "10.0.0.7"] {
        assert_eq!(sandbox.may_connect(host), Ok(()), "{host}");
    }
    for host in ["example.com", "example.org", "xexample.org", "api.example.com.evil.net", "10.0.0.8"] {
        assert_eq!(sandbox.may_connect(host), Err(SandboxDenial::NotListed), "{host}");
    }
    assert_eq!(sandbox.may_connect("bad.example.org"), Err(SandboxDenial::Denied));
    assert_eq!(sandbox.may_connect("169.254.169.254"), Err(SandboxDenial::Denied));
    for host in ["", "a b", "user@api.example.com", "api.example.com:443", "api..com", "api.example.com/x"] {
        assert_eq!(sandbox.may_connect(host), Err(SandboxDenial::Host), "{host:?}");
    }
}

#[test]
fn outputs_keep_to_their_contract() {
    let contracts = Contracts::new(&shipped().task_contract).unwrap();
    let citation = json!({ "document_id": "doc_0198c5a1b2c37d4e8f90123456789abc", "passage": "3.2" });
    assert_eq!(contracts.check("answer", &json!({ "text": "42", "citations": [citation] })), Ok(()));
    let complaints = contracts.check("answer", &json!({ "text": "", "citations": [{}], "mood": 1 })).unwrap_err();
    assert!(complaints.len() >= 3, "{complaints:?}");
    assert!(complaints.iter().any(|complaint| complaint.starts_with("/citations/0: ")), "{complaints:?}");
    assert!(contracts.check("poem", &json!({})).is_err());
    let long = contracts.check("answer", &json!({ "text": "x".repeat(70_000), "citations": [] })).unwrap_err();
    assert!(long[0].contains("bytes"));
    let outside = changed("{ type: object }", "{ $ref: \"https://example.com/schema.json\" }");
    assert_eq!(outside.len(), 1, "a schema refers to nothing outside: {outside:?}");
}

#[test]
fn risk_and_reversibility_choose_the_approval() {
    use ApprovalKind::{FourEyes, FourEyesSecondFactor, OneApprover, SelfConfirmation};
    use Reversibility::{Clean, Compensable, Irreversible};
    let routing = shipped().risk_routing;
    for (risk, reversibility, by, expected) in [
        (0, Clean, PrincipalKind::User, SelfConfirmation),
        (0, Clean, PrincipalKind::Agent, OneApprover),
        (29, Compensable, PrincipalKind::User, OneApprover),
        (30, Clean, PrincipalKind::User, OneApprover),
        (0, Irreversible, PrincipalKind::User, FourEyes),
        (60, Clean, PrincipalKind::Agent, FourEyes),
        (85, Clean, PrincipalKind::User, FourEyesSecondFactor),
        (100, Irreversible, PrincipalKind::Agent, FourEyesSecondFactor),
    ] {
        assert_eq!(routing.approval(risk, reversibility, by), expected, "{risk} {reversibility:?} {by:?}");
    }
    let obligations = [crate::decision::Obligation::SecondFactor, crate::decision::Obligation::FourEyes];
    assert_eq!(SelfConfirmation.with_obligations(&obligations[1..]), FourEyes);
    assert_eq!(OneApprover.with_obligations(&obligations), FourEyesSecondFactor);
    assert_eq!(FourEyes.with_obligations(&obligations[..1]), FourEyesSecondFactor);
    assert_eq!(OneApprover.with_obligations(&[]), OneApprover);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_path_out_of_the_folder_is_let_through(path in "[a-c./\\\\]{0,20}") {
        let sandbox = Sandbox::new(&shipped().resource_sandbox).unwrap();
        if path.split(['/', '\\']).any(|part| part == "..") || path.starts_with('/') {
            prop_assert!(sandbox.may_read(&path).is_err() && sandbox.may_write(&path).is_err());
        }
    }

    #[test]
    fn no_file_makes_the_reader_fail_otherwise_than_with_errors(at in 0..7000usize, junk in "[ -~\n]{0,12}") {
        let text = PolicyFile::shipped_text();
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let _ = PolicyFile::parse(&format!("{}{junk}{}", &text[..at], &text[at..]));
    }
}
