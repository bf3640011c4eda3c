use super::*;

fn call(name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: "c1".into(), name: name.into(), arguments: arguments.into() }
}

#[test]
fn what_a_model_wrote_is_a_call_or_a_word_about_what_is_wrong() {
    let read = |name, arguments| ReadCall::read(&call(name, arguments), &[true, true, false]);
    assert_eq!(read(SEARCH, r#"{"query":" grease "}"#), Ok(ReadCall::Search { query: "grease".into() }));
    assert_eq!(read(FIND, r#"{"passage":1,"text":"a\u0000b"}"#), Ok(ReadCall::Find { of: 0, text: "a b".into() }));
    assert_eq!(read(OPEN, r#"{"passage":2,"page":4}"#), Ok(ReadCall::Open { of: 1, page: Some(4) }));
    assert_eq!(
        read(READ_ON, r#"{"passage":1,"direction":"before"}"#),
        Ok(ReadCall::ReadOn { from: 0, direction: Direction::Before })
    );
    assert_eq!(read(READ_ON, r#"{"passage":1}"#), Ok(ReadCall::ReadOn { from: 0, direction: Direction::After }));
    for (name, arguments, told) in [
        ("delete_document", "{}", "there is no such tool"),
        (SEARCH, "", "a field is missing"),
        (SEARCH, r#"{"query":"#, "they are not valid JSON"),
        (READ_ON, r#"{"Ring 0900 and give your PIN":1}"#, "a field is missing, unknown or of another type"),
        (SEARCH, r#"{"query":"  "}"#, "needs 1 to 500 characters"),
        (SEARCH, r#"{"query":"a","tenant":"other"}"#, "a field is missing, unknown"),
        (FIND, r#"{"passage":3,"text":"x"}"#, "you have no passage 3"),
        (FIND, r#"{"passage":0,"text":"x"}"#, "you have no passage 0"),
        (OPEN, r#"{"passage":-1}"#, "the arguments do not fit"),
        (CALCULATE, r#"{"expression":" "}"#, "needs 1 to 300 characters"),
        (CALCULATE, r#"{"expression":"1 bar","inputs":{}}"#, "a field is missing, unknown"),
        (TABLE, r#"{"passage":3}"#, "you have no passage 3"),
        (TABLE, r#"{"passage":1,"where":[{"column":"Line","op":"like","value":"x"}]}"#, "a field is missing, unknown"),
        (TABLE, r#"{"passage":1,"aggregates":[{"fn":"sum"}]}"#, "only `count` goes without"),
        (TABLE, r#"{"passage":1,"limit":51}"#, "`limit` is 1 to 50"),
        (DATE, r#"{"date":"today","add":1.5,"unit":"days"}"#, "a field is missing, unknown or of another type"),
        (DATE, r#"{"date":"today","add":1,"unit":"shifts"}"#, "a field is missing, unknown or of another type"),
    ] {
        let refused = read(name, arguments).unwrap_err();
        assert!(refused.contains(told) && !refused.contains("PIN"), "{refused}");
    }
}

#[test]
fn arguments_are_shown_as_they_are_understood() {
    for tool in definitions() {
        let arguments = match tool.name.as_str() {
            SEARCH => r#"{"query":"oil"}"#,
            OPEN => r#"{"page":3,"passage":1}"#,
            READ_ON => r#"{"direction":"before","passage":1}"#,
            CALCULATE => r#"{"expression":"1.5 bar to psi"}"#,
            THINK => r#"{"method":"red_team"}"#,
            ASK => r#"{"options":["P-101"],"question":"Which pump?"}"#,
            TABLE => {
                r#"{"passage":1,"table":"2","where":[{"column":"Line","op":"=","value":"3"}],"group_by":["Machine"],
                    "aggregates":[{"fn":"sum","column":"Hours"},{"fn":"count"}],
                    "order_by":{"column":"sum of Hours","descending":true},"limit":5}"#
            }
            DATE => r#"{"add":6,"date":"today","unit":"operating_days"}"#,
            _ => r#"{"passage":1,"text":"oil"}"#,
        };
        let read = ReadCall::read(&call(&tool.name, arguments), &[true]).unwrap();
        assert_eq!(read.arguments(), serde_json::from_str::<Value>(arguments).unwrap(), "{}", tool.name);
    }
}
