//! Models that do what no model should, and how their runs end: within limits, with an outcome that is stated.

use std::time::Duration;

use millwright_agents::NOT_IN_DOCUMENTS_TEXT;
use millwright_scripted_model::{Fail, Script, ScriptedModel, Then, Turn};
use millwright_store::tenant::RunEventRow;
use serde_json::{Value, json};

use crate::support::{Plant, last, shown};

const QUESTION: &str = "How often must the bearings be greased?";
const SUPPORTED: &str = "Use 25 g for each bearing [1].";
const SHOWN: &str = "Use 25 g for each bearing. [1]";
/// So many drafts and rounds of reading on a run has.
const MOST_REQUESTS: usize = 3 + 4;
/// So much of a draft is read.
const MOST_CHARS: u64 = 16 * 1_024 + 100;
const SEARCH: &str = r#"{"query":"grease"}"#;

/// A run with a hostile model, at its end.
struct Met {
    what: String,
    events: Vec<RunEventRow>,
    model: ScriptedModel,
    /// What is kept of each step, and how many bytes of it are.
    steps: Vec<(String, Value)>,
    kept: usize,
}

/// Asks a model that plays this, and waits for the end of the run.
async fn meet(plant: &Plant, what: &str, script: impl Into<Script>) -> Met {
    let model = ScriptedModel::start(script).unwrap();
    let (run, events) = plant.with_tools(&model.base_url()).answer(plant, QUESTION).await;
    let of = format!("FROM run_steps WHERE run_id = '{}'", run.run_id.uuid());
    let kept = format!("SELECT coalesce(sum(length(record::text) + length(detail::text)), 0)::text {of}");
    let kept = plant.database.peek(&kept).await[0].parse().unwrap();
    let steps = plant.database.peek(&format!("SELECT kind || ' ' || detail::text {of} ORDER BY number")).await;
    let steps = steps.into_iter().map(|step| {
        let (kind, detail) = step.split_once(' ').unwrap();
        (kind.to_owned(), serde_json::from_str(detail).unwrap())
    });
    let met = Met { what: what.to_owned(), events, model, steps: steps.collect(), kept };
    assert!(met.model.refused().is_empty(), "{what}: {:?}", met.model.refused());
    met
}

impl Met {
    /// It ended without an error; the number of its sentences that were supported, and of requests.
    fn finished(&self, supported: usize, requests: usize) {
        let Self { what, model, .. } = self;
        let last = last(&self.events);
        assert_eq!(last["type"], "RUN_FINISHED", "{what}: {last}");
        assert_eq!(
            (&last["result"]["answered"], &last["result"]["supported"]),
            (&json!(supported > 0), &json!(supported)),
            "{what}: {last}"
        );
        assert_eq!(model.count(), requests, "{what}");
        if supported == 0 {
            assert_eq!(shown(&self.events), NOT_IN_DOCUMENTS_TEXT, "{what}");
        }
        self.is_small();
    }

    /// It ended with this error, after so many requests, and with this shown.
    fn failed(&self, code: &str, requests: usize, text: &str) {
        let Self { what, model, .. } = self;
        let last = last(&self.events);
        assert_eq!((last["type"].as_str(), last["code"].as_str()), (Some("RUN_ERROR"), Some(code)), "{what}: {last}");
        assert!(last["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}: {last}");
        assert_eq!((model.count(), shown(&self.events)), (requests, text.to_owned()), "{what}");
        self.is_small();
    }

    /// What a run keeps is bounded, whatever its model does.
    fn is_small(&self) {
        let Self { what, events, kept, .. } = self;
        assert!(events.len() < 400 && *kept < 100_000, "{what}: {} events, {kept} bytes", events.len());
        for (_, detail) in self.steps.iter().filter(|(kind, _)| kind == "think") {
            let chars = detail["draft_chars"].as_u64().unwrap_or(0);
            assert!(chars <= MOST_CHARS, "{what}: a draft of {chars} characters");
        }
    }

    /// The outcomes of the calls of each of its looks into documents.
    fn calls(&self) -> Vec<Vec<String>> {
        let of = |detail: &Value| {
            let calls = detail["calls"].as_array().unwrap().iter();
            calls
                .map(|call| format!("{} {}", call["tool"].as_str().unwrap(), call["outcome"].as_str().unwrap()))
                .collect()
        };
        self.steps.iter().filter(|(kind, _)| kind == "tool").map(|(_, detail)| of(detail)).collect()
    }
}

/// The same call again and again, or another each time: it reads on four times, drafts three times, and that is all.
#[tokio::test]
async fn a_model_that_calls_for_ever_comes_to_an_end_whatever_it_calls() {
    let plant = Plant::new().await;
    let hundred = (0..100).fold(Turn::default(), |turn, _| turn.and_call("search_documents", SEARCH));
    let long = format!("{{\"query\":\"{}\"}}", "grease ".repeat(20_000));
    let cases = [
        ("searches", Turn::call("search_documents", SEARCH), vec!["search_documents done"]),
        ("calls what there is not", Turn::call("delete_everything", "{}"), vec!["unknown_tool malformed"]),
        ("calls without a name", Turn::call("", SEARCH), vec!["unknown_tool malformed"]),
        (
            "calls with half a JSON",
            Turn::call("search_documents", "{\"query\": \"gre"),
            vec!["search_documents malformed"],
        ),
        (
            "calls with what is no JSON",
            Turn::call("search_documents", "\u{0}<search>"),
            vec!["search_documents malformed"],
        ),
        ("calls with a book", Turn::call("search_documents", &long), vec!["search_documents malformed"]),
    ];
    for (what, turn, calls) in cases {
        let met = meet(&plant, what, turn).await;
        met.finished(0, MOST_REQUESTS);
        let expected: Vec<String> = calls.iter().map(ToString::to_string).collect();
        assert_eq!(met.calls().len(), 4, "{what}");
        assert!(met.calls().iter().all(|calls| *calls == expected), "{what}: {:?}", met.calls());
    }
    let met = meet(&plant, "calls a hundred at once", hundred.clone()).await;
    met.finished(0, MOST_REQUESTS);
    for calls in met.calls() {
        let outcomes: Vec<&str> = calls.iter().map(|call| call.rsplit(' ').next().unwrap()).collect();
        assert_eq!(outcomes.len(), 16, "what is beyond that is not even put together");
        assert!(outcomes[..4].iter().all(|outcome| *outcome == "done" || *outcome == "nothing"), "{outcomes:?}");
        assert!(outcomes[4..].iter().all(|outcome| *outcome == "too_many"), "{outcomes:?}");
    }
    for request in met.model.requests() {
        assert!(request.tool_results().len() <= 4 * 16 && request.body.len() < 100_000, "{}", request.body.len());
    }
    // A model that comes to its senses is heard.
    for turn in [hundred, Turn::call("delete_everything", "{}"), Turn::call("search_documents", "{\"query\": \"gre")] {
        let met = meet(&plant, "comes to its senses", Script::in_order([turn, Turn::say(SUPPORTED)])).await;
        met.finished(1, 2);
        assert_eq!(shown(&met.events), SHOWN);
    }
}

/// Ids and places of calls are whatever a model says; they go back under ids of ours.
#[tokio::test]
async fn calls_under_ids_that_change_come_twice_or_are_missing_are_each_done_once() {
    let plant = Plant::new().await;
    let piece = |index: &Value, id: &Value, name: &str, arguments: &str| {
        let function = json!({ "name": name, "arguments": arguments });
        json!({ "tool_calls": [{ "index": index, "id": id, "type": "function", "function": function }] })
    };
    let (search, half) = ("search_documents", "{\"query\":\"gr");
    let cases = [
        (
            "changes the id",
            vec![piece(&json!(0), &json!("a"), search, half), piece(&json!(0), &json!("b"), search, "ease\"}")],
            1,
        ),
        (
            "gives one id twice",
            vec![piece(&json!(0), &json!("a"), search, SEARCH), piece(&json!(1), &json!("a"), search, SEARCH)],
            2,
        ),
        ("gives no id", vec![piece(&json!(0), &Value::Null, search, SEARCH)], 1),
        ("gives an id that is a book", vec![piece(&json!(0), &json!("a".repeat(50_000)), search, SEARCH)], 1),
        ("counts strangely", vec![piece(&json!(4_000_000_000_u32), &json!("a"), search, SEARCH)], 1),
    ];
    for (what, deltas, calls) in cases {
        let turns = [Turn::deltas(deltas), Turn::say(SUPPORTED)];
        let met = meet(&plant, what, Script::in_order(turns)).await;
        met.finished(1, 2);
        assert_eq!(met.calls()[0].len(), calls, "{what}: {:?}", met.calls());
        let request = met.model.last_request().unwrap();
        assert_eq!(request.tool_results().len(), calls, "{what}");
        assert!(!request.body.contains("aaaaaaaaaa") && met.kept < 10_000, "{what}: its id goes no further");
        let ids: Vec<&Value> = request.messages().iter().filter_map(|message| message.get("tool_call_id")).collect();
        let is_alone = |id: &&&Value| ids.iter().filter(|other| *other == *id).count() == 1;
        assert_eq!(ids.iter().filter(is_alone).count(), calls, "{what}: {ids:?}");
    }
}

/// A limit of tokens is a wish that a server may not heed.
#[tokio::test]
async fn a_draft_without_end_is_read_up_to_a_limit_and_its_server_let_go() {
    let plant = Plant::new().await;
    let endless = |text: &str| Turn::pieces([text]).then(Then::Endless);
    // Nothing that could be shown: three drafts, each with its end.
    for (what, text) in [
        ("claims without end", "The bearings were made on the moon [1]. "),
        ("says one sentence without end", "lunar and "),
        ("says nothing but spaces", " \n"),
        ("begins a marker without end", "[1"),
    ] {
        let met = meet(&plant, what, endless(text)).await;
        met.finished(0, 3);
        assert!(met.model.wait_until_left(3, Duration::from_secs(5)), "{what}: its server still speaks");
    }
    // Something that is right, and goes on.
    let right = Turn::say(SUPPORTED).and_say(" ");
    let met = meet(&plant, "is right, and never stops", right.and(endless("lunar and "))).await;
    assert_eq!(last(&met.events)["type"], "RUN_FINISHED", "{}", last(&met.events));
    met.is_small();
    assert!(shown(&met.events).starts_with(SHOWN), "{}", shown(&met.events));
}

#[tokio::test]
async fn sentences_that_are_said_for_ever_are_shown_a_few_times() {
    let plant = Plant::new().await;
    let often = "Grease the bearings every 2,000 operating hours [1].";
    let two = Turn::pieces([SUPPORTED, " ", often, " "]).then(Then::Endless);
    meet(&plant, "says two things in turn", two).await.finished(10, 1);
    let met = meet(&plant, "repeats itself", Turn::pieces([SUPPORTED, " "]).then(Then::Endless)).await;
    met.finished(5, 1);
    assert_eq!(shown(&met.events), [SHOWN; 5].join(" "));
    assert!(met.model.wait_until_left(1, Duration::from_secs(5)), "its server still speaks");
}

#[tokio::test]
async fn calls_without_end_are_cut_and_then_done_as_far_as_they_came() {
    let plant = Plant::new().await;
    let begin = json!({ "tool_calls": [{ "index": 0, "id": "a", "function": { "name": "search_documents", "arguments": "{\"query\":\"" } }] });
    let goes_on = json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "grease and " } }] });
    let endless = Turn::deltas([begin]).and(Turn::deltas([goes_on]).then(Then::Endless));
    let met = meet(&plant, "never ends its arguments", endless).await;
    met.finished(0, MOST_REQUESTS);
    let met = meet(&plant, "never ends its calls", Turn::call("search_documents", SEARCH).then(Then::Endless)).await;
    met.finished(0, MOST_REQUESTS);
    assert!(met.model.wait_until_left(MOST_REQUESTS, Duration::from_secs(5)), "its server still speaks");
    assert!(met.calls().iter().all(|calls| calls.len() == 16), "{:?}", met.calls());
}

/// Reasoning is not counted by all servers, so its limit is far away, and then the answer has failed.
#[tokio::test]
async fn reasoning_without_end_ends_the_run() {
    let plant = Plant::new().await;
    let thought = "hm, ".repeat(1_000);
    let met = meet(&plant, "thinks without end", Turn::think(&thought).then(Then::Endless)).await;
    met.failed("upstream_unavailable", 1, "");
}

#[tokio::test]
async fn a_model_that_says_nothing_or_nonsense_is_asked_three_times() {
    let plant = Plant::new().await;
    let odd = [json!({ "content": 5 }), json!({ "content": null, "tool_calls": null }), json!({ "role": "user" })];
    for (what, turn) in [
        ("says nothing", Turn::nothing()),
        ("says spaces", Turn::say("  \n ")),
        ("thinks and says nothing", Turn::think("hm")),
        ("sends odd pieces", Turn::deltas(odd)),
        ("says what is no text", Turn::say("\u{0}\u{0}\u{fffd}\u{202e}")),
    ] {
        meet(&plant, what, turn).await.finished(0, 3);
    }
}

#[tokio::test]
async fn a_server_that_breaks_off_or_hangs_leaves_what_was_shown() {
    let plant = Plant::new().await;
    let said = || Turn::say(SUPPORTED).and_say(" Grease");
    let half = || Turn::call("search_documents", "{\"query\": \"gre");
    for (what, turn, text) in [
        ("hangs after its first token", Turn::pieces(["Use"]).then(Then::Hang), ""),
        ("hangs after a sentence", said().then(Then::Hang), SHOWN),
        ("dies after a sentence", said().then(Then::Die), SHOWN),
        ("hangs in the middle of a call", half().then(Then::Hang), ""),
        ("dies in the middle of a call", half().then(Then::Die), ""),
    ] {
        meet(&plant, what, turn).await.failed("upstream_unavailable", 1, text);
    }
    // Before the first token another attempt is made, since nobody has heard anything yet.
    for (what, turn, requests) in [
        ("dies at once", Turn::fail(Fail::Die), 2),
        ("says nothing and dies", Turn::nothing().then(Then::Die), 2),
        ("never answers", Turn::fail(Fail::Hang), 1),
    ] {
        meet(&plant, what, turn).await.failed("upstream_unavailable", requests, "");
    }
}
