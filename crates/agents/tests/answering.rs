//! From question to cited answer, and the tree of messages.

use millwright_agents::{AgentError, NOT_IN_DOCUMENTS_TEXT, Parent};
use millwright_core::{Classification, ErrorCode, Label, ToProblem};
use millwright_scripted_model::{Then, Turn};
use millwright_store::tenant::{MessageStatus, label_of_json};
use serde_json::Value;

use crate::support::{Plant, again, further, last, outline, plays, question_of, shown};

#[tokio::test]
async fn a_question_is_answered_with_a_quote_that_stands_on_its_page() {
    let plant = Plant::new().await;
    let process = plant.extractive();
    let (run, events) = process.answer(&plant, "How often must the bearings be greased?").await;
    insta::assert_snapshot!(outline(&events).join("\n"), @"
    RUN_STARTED
    STATE_SNAPSHOT
    STEP_STARTED observe
    TOOL_CALL_START
    TOOL_CALL_ARGS
    TOOL_CALL_END
    TOOL_CALL_RESULT
    STEP_FINISHED observe
    STEP_STARTED think
    STATE_DELTA
    TEXT_MESSAGE_START
    TEXT_MESSAGE_CONTENT
    TEXT_MESSAGE_END
    STEP_FINISHED think
    STEP_STARTED verify
    STEP_FINISHED verify
    STATE_DELTA
    RUN_FINISHED
    ");
    let message = plant.message(&run).await;
    assert_eq!(message.content, "Grease the bearings every 2,000 operating hours, but at least once a year. [1]");
    assert_eq!(message.content, shown(&events));
    assert_eq!((message.status, message.answered), (MessageStatus::Complete, Some(true)));
    let label = message.label.clone().map(label_of_json).unwrap();
    assert_eq!(label, Label::of(Classification::Confidential), "the join of the question and the document");
    assert_eq!(message.model.as_deref(), Some("extractive"));
    let citation = &message.citations[0];
    assert_eq!(citation["number"], 1);
    assert_eq!(citation["quote"], message.content.strip_suffix(" [1]").unwrap());
    assert_quotes(&plant, &message.citations).await;
    let final_form = &events[events.len() - 2].payload["delta"][0]["value"];
    assert_eq!(final_form["content"], message.content);
    assert_eq!(final_form["citations"], message.citations);
    assert_eq!(last(&events)["result"], serde_json::json!({ "answered": true, "supported": 1, "cut": 0 }));
    let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=sequences.len() as i64).collect::<Vec<_>>());
    assert_eq!(plant.steps(run.run_id).await, ["observe 1 finished", "think 1 finished", "verify 1 finished"]);
    assert_eq!(plant.outcome(run.run_id).await, ("finished".into(), None));
    let audit = plant.database.peek("SELECT action FROM audit_entries WHERE action !~ 'document' ORDER BY id").await;
    assert_eq!(audit, ["conversation.created", "run.started", "run.finished"]);
}

/// Every quote is byte for byte what its span of the stored page holds.
async fn assert_quotes(plant: &Plant, citations: &Value) {
    assert!(!citations.as_array().unwrap().is_empty());
    for citation in citations.as_array().unwrap() {
        let (start, end) = (citation["char_start"].as_u64().unwrap(), citation["char_end"].as_u64().unwrap());
        let query = format!(
            "SELECT substr(p.text, {start} + 1, {end} - {start}) FROM chunks c JOIN document_pages p \
             ON p.version_id = c.version_id AND p.page_number = c.page_number WHERE c.id = '{}'",
            citation["chunk_id"].as_str().unwrap().trim_start_matches("chk_"),
        );
        assert_eq!(plant.database.peek(&query).await, [citation["quote"].as_str().unwrap()]);
    }
}

#[tokio::test]
async fn steps_share_one_citation_that_grows() {
    let plant = Plant::new().await;
    let process = plant.extractive();
    let (run, events) = process.answer(&plant, "How do I replace the mechanical seal?").await;
    insta::assert_snapshot!(shown(&events), @"
    Replace the mechanical seal as follows: [1]

    1. Stop the pump and lock it out. [1]
    2. Drain the casing. [1] Wait until the pressure gauge shows 0 bar. [1]
    3. Pull off the old seal. [1]
    4. Press in the new seal by hand. [1]
    ");
    let message = plant.message(&run).await;
    assert_eq!(message.citations.as_array().unwrap().len(), 1, "{}", message.citations);
    assert_quotes(&plant, &message.citations).await;
    // A reader who applies the patches has the same citations in the end.
    let mut citations: Vec<Value> = Vec::new();
    for event in events.iter().filter(|event| event.payload["type"] == "STATE_DELTA") {
        for patch in event.payload["delta"].as_array().unwrap() {
            match (patch["op"].as_str().unwrap(), patch["path"].as_str().unwrap()) {
                ("add", "/citations/-") => citations.push(patch["value"].clone()),
                ("replace", path) => {
                    let index: usize = path.trim_start_matches("/citations/").parse().unwrap();
                    citations[index] = patch["value"].clone();
                }
                (_, path) => assert_eq!(path, "/message"),
            }
        }
    }
    assert_eq!(Value::Array(citations), message.citations);
}

#[tokio::test]
async fn a_row_of_a_table_is_read_out_and_quoted() {
    let plant = Plant::new().await;
    let (run, events) = plant.extractive().answer(&plant, "What torque do the M10 screws need?").await;
    assert_eq!(shown(&events), "- Screw: M10; Torque: 49 Nm; Tool: T-50 [1]");
    let message = plant.message(&run).await;
    assert_eq!(message.citations[0]["quote"], "M10 | 49 Nm | T-50");
    assert_quotes(&plant, &message.citations).await;
}

#[tokio::test]
async fn spans_count_code_points() {
    let plant = Plant::new().await;
    plant
        .add(
            "öl.md",
            Classification::Public,
            "# Getriebeöl – Prüfung\n\nDas Öl übt Kräfte aus. Change the gearbox oil – type Ω-7 – every 500 hours.",
        )
        .await;
    let (run, events) = plant.extractive().answer(&plant, "How often must the gearbox oil be changed?").await;
    assert_eq!(shown(&events), "Change the gearbox oil – type Ω-7 – every 500 hours. [1]");
    assert_quotes(&plant, &plant.message(&run).await.citations).await;
}

#[tokio::test]
async fn what_no_document_holds_is_said_so() {
    let plant = Plant::new().await;
    let process = plant.extractive();
    for question in ["Who won the football world cup in 1998?", "What is the price of a spare impeller in euros?"] {
        let (run, events) = process.answer(&plant, question).await;
        let message = plant.message(&run).await;
        assert_eq!((message.content.as_str(), message.answered), (NOT_IN_DOCUMENTS_TEXT, Some(false)), "{question}");
        assert_eq!(message.citations, serde_json::json!([]));
        assert_eq!(shown(&events), NOT_IN_DOCUMENTS_TEXT);
        assert_eq!(last(&events)["result"]["answered"], false);
    }
}

#[tokio::test]
async fn a_follow_up_leans_on_the_question_before() {
    let plant = Plant::new().await;
    let process = plant.extractive();
    let (first, _) = process.answer(&plant, "Which grease do the bearings take?").await;
    let second =
        process.runner.start(&plant.principal, further(&first, Parent::Newest, "And how often?")).await.unwrap();
    let events = process.events(&plant, second.run_id).await;
    assert_eq!(shown(&events), "Grease the bearings every 2,000 operating hours, but at least once a year. [1]");
    assert_eq!(second.conversation_id, first.conversation_id);
}

#[tokio::test]
async fn edits_and_new_answers_are_siblings() {
    let plant = Plant::new().await;
    let process = plant.extractive();
    let (first, _) = process.answer(&plant, "How often must the bearings be greased?").await;
    let other = process.runner.start(&plant.principal, again(&first, first.assistant_message_id)).await.unwrap();
    process.events(&plant, other.run_id).await;
    assert_eq!(other.user_message_id, first.user_message_id);
    let edit = further(&first, Parent::Root, "How much grease does each bearing need?");
    let edited = process.runner.start(&plant.principal, edit).await.unwrap();
    process.events(&plant, edited.run_id).await;
    let mut tx = plant.database.store.tenant(&plant.principal.scope).read().await.unwrap();
    let tree = tx.messages().list(first.conversation_id).await.unwrap();
    let parent_of = |id: millwright_core::id::MessageId| tree.iter().find(|row| row.id == id).unwrap().parent_id;
    assert_eq!(tree.len(), 5);
    assert_eq!(parent_of(other.assistant_message_id), parent_of(first.assistant_message_id));
    assert_eq!((parent_of(first.user_message_id), parent_of(edited.user_message_id)), (None, None));
}

#[tokio::test]
async fn a_question_out_of_place_is_refused_and_leaves_nothing() {
    let plant = Plant::new().await;
    let server = plays([Turn::say("Grease").and_pause(std::time::Duration::from_secs(2)).then(Then::Die)]);
    let process = plant.with_server(&server.base_url());
    let start = |command| process.runner.start(&plant.principal, command);
    let running = process.ask(&plant, "How often must the bearings be greased?").await;
    let refused = start(further(&running, Parent::Newest, "And then?")).await.unwrap_err();
    assert_eq!(refused.problem().code, ErrorCode::Conflict);
    let refused = start(further(&running, Parent::Message(running.user_message_id), "And?")).await.unwrap_err();
    assert_eq!(refused.problem().code, ErrorCode::ValidationFailed);
    let refused = start(further(&running, Parent::Message(plant.sources.new_id()), "And?")).await.unwrap_err();
    assert_eq!(refused.problem().code, ErrorCode::NotFound);
    assert!(matches!(start(question_of("  ")).await, Err(AgentError::InvalidMessage { .. })));
    let mut other = plant.principal;
    other.user_id = plant.sources.new_id();
    let refused = process.runner.start(&other, further(&running, Parent::Newest, "Mine?")).await.unwrap_err();
    assert_eq!(refused.problem().code, ErrorCode::NotFound);
    assert_eq!(plant.database.peek("SELECT count(*)::text FROM messages").await, ["2"]);
    process.runner.cancel_now(running.run_id);
    process.events(&plant, running.run_id).await;
}
