//! Scripts, and what is said of those that are none.

use millwright_scripted_model::Script;

/// What is wrong with it.
fn wrong(script: &str) -> String {
    Script::parse(script, "a.yaml").unwrap_err().to_string()
}

#[test]
fn a_script_that_cannot_be_meant_is_refused_with_its_place() {
    let cases = [
        (
            "turns:\n- when: {}\n  saay: x\n",
            "a.yaml:3:3: unknown field `saay`, expected one of when, times, think, say",
        ),
        ("turns:\n- say: x\n  when: { last_user: x }\n", "a.yaml:3:11: unknown field `last_user`, expected one of"),
        ("tuns: []\n", "a.yaml:1:1: unknown field `tuns`, expected one of model, turns"),
        ("turns: []\n", "a.yaml:1:1: a script has at least one turn"),
        ("turns:\n- say: x\n  say: y\n", "a.yaml:3:3: duplicate mapping key: say"),
        ("turns:\n- times: 0\n  say: x\n", "a.yaml:2:3: invalid value: integer `0`"),
        ("turns:\n- say: [{ pause: soon }]\n", "a.yaml:2:"),
        ("turns:\n- say: x\n  slowly: 2 days\n", "a.yaml:3:11: `2 days` is no time; write `200ms` or `2s`"),
        ("turns:\n- fail: sometimes\n", "a.yaml:2:"),
        (
            "turns:\n- say: x\n  then: stop\n",
            "a.yaml:3:9: unknown variant `stop`, expected one of end, hang, die, endless",
        ),
        ("turns:\n- when: { has_tool_result: 3 }\n  say: x\n", "a.yaml:2:"),
        ("turns:\n- call: { name: x }\n", "a.yaml:2:"),
        ("turns:\n- when: { nth: 1 }\n  say: x\n- times: 2\n", "a.yaml:4: turn 2: it says nothing; write `say`"),
        ("turns:\n- say: x\n  json: {}\n", "a.yaml:2: turn 1: it says more than one thing"),
        ("turns:\n- fail: die\n  say: x\n", "a.yaml:2: turn 1: what fails from the beginning says nothing"),
        ("turns:\n- say: x\n  then: die\n  finish: stop\n", "a.yaml:2: turn 1: an answer without a proper end"),
        ("turns:\n- say: []\n  then: endless\n", "a.yaml:2: turn 1: nothing cannot be said for ever"),
        ("turns:\n- when: { offers: '' }\n  say: x\n", "a.yaml:2: turn 1: an empty text stands in everything"),
        (
            "turns:\n- say: x\n\n- when: { nth: 1 }\n  say: z\n",
            "a.yaml:4: turn 2: no request reaches it, because turn 1 answers all",
        ),
    ];
    let unlike: Vec<_> = cases.iter().map(|(script, expected)| (wrong(script), expected)).collect();
    let unlike: Vec<_> = unlike.iter().filter(|(told, expected)| !told.starts_with(**expected)).collect();
    assert!(unlike.is_empty(), "{unlike:#?}");
    assert!(wrong("turns:\n- fail: sometimes\n").contains("expected `hang`, `die` or `{ status: 503 }`"));
    assert!(wrong("turns:\n- say: [{ pause: soon }]\n").contains("expected a text, or a list of texts and"));
    let number =
        "a.yaml:2:8: expected a text, or a list of texts and `{ pause: 200ms }` (a number and a yes in quotes)";
    assert_eq!(wrong("turns:\n- say: yes\n"), number);
    let missing = Script::load(std::path::Path::new("/nowhere/a.yaml")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read `/nowhere/a.yaml`");
}

#[test]
fn the_example_in_the_library_is_a_script() {
    let text = include_str!("../src/lib.rs");
    let yaml: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.ends_with("```yaml"))
        .skip(1)
        .take_while(|line| !line.ends_with("```"))
        .map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or_default())
        .collect();
    assert!(yaml.len() > 10);
    Script::parse(&yaml.join("\n"), "lib.rs").unwrap();
}
