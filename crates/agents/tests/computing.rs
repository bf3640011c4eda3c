//! A model that has figures computed, and what of them reaches the reader.

use millwright_agents::NOT_IN_DOCUMENTS_TEXT;
use millwright_core::Classification;
use millwright_scripted_model::{Script, ScriptedModel, Turn};
use serde_json::{Value, json};

use crate::support::{Plant, last, plays, shown};

pub(crate) const QUESTION: &str = "At how many psi does the relief valve of the compressor open?";
const COMPRESSOR: &str = "# Compressor C-7\n\n## Relief valve\n\nThe relief valve of the compressor opens at 7.3 bar.\n\n## Care\n\n\
    The oil of the compressor is changed every 6 months. One change takes 12 l of oil.\n";

pub(crate) async fn plant() -> Plant {
    let plant = Plant::new().await;
    plant.add("compressor.md", Classification::Internal, COMPRESSOR).await;
    plant
}

async fn details(plant: &Plant, kind: &str) -> Vec<Value> {
    let query = format!("SELECT detail::text FROM run_steps WHERE kind = '{kind}' ORDER BY started_at, number");
    plant.database.peek(&query).await.iter().map(|detail| serde_json::from_str(detail).unwrap()).collect()
}

/// What the model was told of its calls, by the request that followed.
fn told(request: &str) -> Vec<String> {
    let request: Value = serde_json::from_str(request).unwrap();
    let messages = request["messages"].as_array().unwrap().iter();
    let results = messages.filter(|message| message["role"] == "tool");
    results.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_computed_figure_is_shown_with_its_equation_and_cites_its_inputs() {
    let plant = plant().await;
    let server = plays([
        Turn::calls([("calculate", r#"{"expression":"7,3 bar to psi"}"#)]),
        Turn::say("The relief valve of the compressor opens at 105.9 psi [1]."),
    ]);
    let (run, events) = plant.with_tools(&server.base_url()).answer(&plant, QUESTION).await;
    let text = "The relief valve of the compressor opens at 105.9 psi. (7.3 bar ≈ 105.9 psi) [1]";
    assert_eq!(shown(&events), text, "{:?}", last(&events));
    let citation = &plant.message(&run).await.citations[0];
    assert_eq!(citation["quote"], "The relief valve of the compressor opens at 7.3 bar.");
    let told = told(&server.requests()[1].body);
    assert_eq!(
        told,
        ["7.3 bar ≈ 105.9 psi (more exactly 105.8775485431 psi). Cite the passages that its figures are from"]
    );
    let call = details(&plant, "tool").await[0]["calls"][0].clone();
    assert_eq!((&call["tool"], &call["outcome"]), (&json!("calculate"), &json!("done")));
    assert_eq!(call["arguments"], json!({ "expression": "7,3 bar to psi" }));
    let result = json!({
        "expression": "7.3 bar", "shown": "105.9 psi", "value": "105.8775485431", "unit": "psi", "exact": false, "note": null,
    });
    assert_eq!(call["result"], result);
    let event = events.iter().rfind(|event| event.payload["type"] == "TOOL_CALL_RESULT").unwrap();
    let content: Value = serde_json::from_str(event.payload["content"].as_str().unwrap()).unwrap();
    assert_eq!(content["result"], result, "whoever follows the run can compute it again");
    let decisions = plant.database.peek("SELECT action || ' ' || verdict FROM decisions ORDER BY id").await;
    assert!(decisions.contains(&"run.read ALLOW".to_owned()), "{decisions:?}");
}

/// The day of the run decides, so that a run that is played again says the same.
#[tokio::test]
async fn today_is_the_day_of_the_run() {
    let plant = plant().await;
    let server = plays([
        Turn::calls([
            ("date", r#"{"date":"today","add":6,"unit":"months"}"#),
            ("calculate", r#"{"expression":"1,000 l"}"#),
        ]),
        Turn::say("Nothing."),
    ]);
    plant.with_tools(&server.base_url()).answer(&plant, "When is the oil of the compressor changed next?").await;
    let told = told(&server.requests()[1].body);
    let created = plant.database.peek("SELECT (created_at AT TIME ZONE 'UTC')::date::text FROM runs").await.remove(0);
    assert!(told[0].starts_with(&format!("{created} + 6 months = 20")), "{told:?}");
    assert!(told[1].starts_with("`1,000` can mean two numbers"), "{told:?}");
    let calls = details(&plant, "tool").await[0]["calls"].clone();
    assert_eq!((&calls[0]["outcome"], &calls[1]["outcome"]), (&json!("done"), &json!("malformed")));
}

/// A birth date of the question would come back in another spelling, which no filter knows.
#[tokio::test]
async fn what_stands_behind_a_placeholder_is_not_computed_with() {
    let plant = plant().await;
    let arguments = |name: &str| json!({ name: "[DATE_OF_BIRTH_1]" }).to_string();
    let calls = Turn::calls([("date", arguments("date").as_str()), ("calculate", &arguments("expression"))]);
    let server = ScriptedModel::start(Script::of([calls.times(1), Turn::say("Nothing.")])).unwrap();
    let question = format!("Erika Mustermann, born on 12.03.1985, asks: {QUESTION}");
    let (_, events) = plant.with_tools(&server.base_url()).answer(&plant, &question).await;
    assert_eq!(last(&events)["type"], "RUN_FINISHED", "{:?}", last(&events));
    let asked = server.requests()[0].body.clone();
    assert!(asked.contains("born on [DATE_OF_BIRTH_1]") && !asked.contains("12.03.1985"), "{asked}");
    let request = server.requests()[1].body.clone();
    assert_eq!(told(&request), ["figures of a person are not computed with"; 2]);
    assert!(!request.contains("1985"), "{request}");
    let kept =
        plant.database.peek("SELECT coalesce(detail::text, '') || coalesce(record::text, '') FROM run_steps").await;
    assert!(kept.iter().all(|step| !step.contains("1985")), "{kept:?}");
}

/// A model that wants a figure shown has it computed from numbers of its own.
#[tokio::test]
async fn a_figure_that_was_computed_from_nothing_is_cut() {
    let plant = plant().await;
    let draft = || Turn::say("The relief valve of the compressor opens at 130.5 psi [1].");
    let server = plays([Turn::calls([("calculate", r#"{"expression":"9 bar to psi"}"#)]), draft(), draft(), draft()]);
    let (_, events) = plant.with_tools(&server.base_url()).answer(&plant, QUESTION).await;
    assert_eq!(shown(&events), NOT_IN_DOCUMENTS_TEXT, "{:?}", last(&events));
    let cut = details(&plant, "verify").await[0]["cut_sentences"][0].clone();
    assert_eq!(cut["reason"], "inputs_not_found", "{cut}");
    let again = server.requests()[2].body.clone();
    assert!(
        again.contains("1 carried a computed figure") && again.contains("Computed already: 9 bar ≈ 130.5 psi"),
        "{again}"
    );
}
