//! Where labelled text may flow to: models that take less, and answers that are made of several labels.

use std::time::Duration;

use millwright_core::Role;
use millwright_scripted_model::{ScriptedModel, Turn};
use serde_json::{Value, json};

use super::{OPEN, Plant, RESTRICTED, SECRET, take_in};
use crate::kit::{
    World, eventually, plays,
    session::{id, shown},
};

const SECRET_QUESTION: &str = "What is the melting temperature of Quixotrium?";
const OPEN_QUESTION: &str = "How often is the pump P-7 oiled?";
const SAID: &str = "The pump P-7 is oiled every 500 hours [1]. ";

/// A model elsewhere that takes up to INTERNAL, an open and a restricted document, and an admin who may read both.
async fn capped(world: &mut World, model: &ScriptedModel) -> millwright_core::TenantScope {
    world.set_model(&model.base_url()).set("LLM_MAX_CLASSIFICATION", "INTERNAL").set("LLM_EXPORT_CONTROLLED", "false");
    world.tenant("A").await
}

fn assert_nothing_secret(model: &ScriptedModel) {
    for request in model.requests() {
        // A number alone may stand in the random word that frames passages.
        for word in ["Quixotrium", "quixotrium", "731 degrees", "iridium", "formula.md"] {
            assert!(!request.body.contains(word), "the model was sent `{word}`: {}", request.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_takes_less_is_sent_nothing_restricted_by_no_way() {
    let model = plays(Turn::say(SAID));
    let mut world = World::new().await;
    let tenant = capped(&mut world, &model).await;
    let server = world.server().await;
    let plant = Plant::new(&world, &tenant, &server).await;
    let admin = &plant.admin;
    take_in(admin, "pump.md", OPEN, &[]).await;
    let open = admin.ask(OPEN_QUESTION).await;
    assert_eq!((&open["message"]["answered"], &open["message"]["model"]), (&json!(true), &json!("scripted")), "{open}");
    assert!(model.last_body().contains("500 hours"), "the recording works");
    let asked = model.count();
    take_in(admin, "formula.md", SECRET, RESTRICTED).await;

    // A question that only the restricted document answers.
    let events = admin.ask_streaming(SECRET_QUESTION).await.rest().await;
    let last = &events.last().expect("event").data;
    assert_eq!((&last["type"], &last["code"]), (&json!("RUN_ERROR"), &json!("label_denied")), "{last}");
    assert_eq!(shown(&events), "", "nothing was said");
    let run = events[0].data["runId"].as_str().expect("run");
    let ended = admin.json(&format!("/api/v1/runs/{run}")).await;
    assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("failed"), &json!("label_denied")), "{ended}");
    let detail = ended["error"]["detail"].as_str().expect("detail");
    assert!(detail.contains("RESTRICTED") && detail.contains("LLM_MAX_CLASSIFICATION"), "it explains itself: {detail}");
    let conversation = events[0].data["threadId"].clone();
    let message = admin.json(&format!("/api/v1/conversations/{}", conversation.as_str().expect("id"))).await;
    let failed = message["messages"][1].clone();
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("label_denied")), "{failed}");

    // The same question anew, and one more in that conversation.
    let again = json!({
        "regenerate_message_id": failed["id"], "conversation_id": conversation, "stream": false,
    });
    assert_eq!(admin.chat(&again).await["message"]["error"]["code"], "label_denied");
    let more =
        json!({ "message": "And its crucible of Quixotrium?", "conversation_id": conversation, "stream": false });
    let more = admin.chat(&more).await;
    assert_eq!(more["message"]["error"]["code"], "label_denied", "{more}");

    // A question that is restricted itself goes to no such model, whatever the documents are.
    let own = json!({ "message": OPEN_QUESTION, "classification": "RESTRICTED", "stream": false });
    let own = admin.chat(&own).await;
    assert_eq!(own["message"]["error"]["code"], "label_denied", "{own}");
    let follow_up = json!({
        "message": "And how often is the filter of the pump P-7 cleaned?", "conversation_id": own["conversation_id"],
        "stream": false,
    });
    let follow_up = admin.chat(&follow_up).await;
    assert_eq!(follow_up["message"]["error"]["code"], "label_denied", "the conversation is what was said in it");
    assert_eq!(model.count(), asked, "it was not asked at all");
    assert_nothing_secret(&model);
    assert_eq!(admin.audit("action=run.failed").await.len(), 5);

    // Somebody who does not find the restricted document is answered by the model all the same.
    let viewer = plant.viewer.ask(OPEN_QUESTION).await;
    assert_eq!((&viewer["message"]["answered"], model.count()), (&json!(true), asked + 1), "{viewer}");
    assert_nothing_secret(&model);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_model_may_not_be_asked_quotes_can_answer() {
    let model = plays(Turn::say(SAID));
    let mut world = World::new().await;
    let tenant = capped(&mut world, &model).await;
    world.set("LLM_LABEL_FALLBACK", "extractive");
    let server = world.server().await;
    let plant = Plant::new(&world, &tenant, &server).await;
    take_in(&plant.admin, "formula.md", SECRET, RESTRICTED).await;
    let answer = plant.admin.ask(SECRET_QUESTION).await;
    let message = &answer["message"];
    assert_eq!((&message["answered"], &message["classification"]), (&json!(true), &json!("RESTRICTED")), "{answer}");
    assert!(message["content"].as_str().expect("text").contains("731 degrees"), "{message}");
    assert!(message["model"].as_str().expect("model").contains("extractive"), "it says who answered: {message}");
    let follow_up = json!({
        "message": "And of what is its crucible made?", "conversation_id": answer["conversation_id"], "stream": false,
    });
    let follow_up = plant.admin.chat(&follow_up).await;
    assert!(follow_up["message"]["model"].as_str().expect("model").contains("extractive"), "{follow_up}");
    let again = json!({
        "regenerate_message_id": message["id"], "conversation_id": answer["conversation_id"], "stream": false,
    });
    assert!(plant.admin.chat(&again).await["message"]["content"].as_str().expect("text").contains("731"));
    assert_eq!(model.count(), 0, "{:?}", model.requests());
    // What is open goes to the model as ever.
    take_in(&plant.operator, "pump.md", OPEN, &[]).await;
    let open = plant.operator.ask(OPEN_QUESTION).await;
    assert_eq!((&open["message"]["model"], model.count()), (&json!("scripted"), 1), "{open}");
    assert_nothing_secret(&model);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_the_join_of_the_labels_that_it_was_made_from() {
    let model = plays(Turn::say(SAID));
    let mut world = World::new().await;
    world.set_model(&model.base_url());
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, &tenant, &server).await;
    let second = world.somebody(&tenant, "second", Role::Admin).await;
    let change = json!({ "export_authorisations": ["EAR", "ITAR"], "groups": ["pumps", "hr"] });
    let path = format!("/api/v1/admin/users/{}", plant.admin_id);
    assert_eq!(server.session(&second.token).patch(&path, &change).await.status(), 200);
    let admin = &plant.admin;
    take_in(admin, "pump.md", OPEN, &[("classification", "CONFIDENTIAL"), ("groups", "pumps")]).await;
    let more = "# Pump P-7, export\n\nThe seal of the pump P-7 is made of Kalrez. The pump P-7 is oiled by a ring.\n";
    take_in(admin, "seal.md", more, &[("classification", "PUBLIC"), ("export_control", "EAR:3A001")]).await;
    let answer = admin.ask("How often is the pump P-7 oiled, and by what?").await;
    let message = &answer["message"];
    // The model has read both, whatever it quotes.
    assert_eq!(
        (&message["classification"], &message["export_control"], &message["groups"], &message["integrity"]),
        (&json!("CONFIDENTIAL"), &json!(["EAR:3A001"]), &json!(["pumps"]), &json!("untrusted")),
        "{answer}"
    );
    let citation = &message["citations"][0];
    assert!(citation["classification"].is_string() && citation["export_control"].is_array(), "{citation}");
    // A question in a conversation inherits what was said before it.
    let follow_up = json!({
        "message": "When does the relief valve of the pump P-7 open?", "conversation_id": answer["conversation_id"],
        "classification": "RESTRICTED", "stream": false,
    });
    let follow_up = admin.chat(&follow_up).await;
    assert_eq!(follow_up["message"]["classification"], "RESTRICTED", "{follow_up}");
    assert_eq!(follow_up["message"]["export_control"], json!(["EAR:3A001"]), "{follow_up}");
}

async fn kept(world: &World, what: &str) -> Vec<String> {
    world
        .db()
        .peek(&format!("SELECT {what} FROM policy_events WHERE kind = 'export_blocked' ORDER BY occurred_at"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_export_controlled_content_would_answer_is_told_to_the_compliance_role_alone() {
    let world = World::new().await;
    let (with, without) = (world.tenant("A").await, world.tenant("B").await);
    let server = world.server().await;
    let with = Plant::new(&world, &with, &server).await;
    let without = Plant::new(&world, &without, &server).await;
    let second = world.somebody(&with.tenant, "second", Role::Admin).await;
    let path = format!("/api/v1/admin/users/{}", with.admin_id);
    let change = json!({ "export_authorisations": ["EAR"] });
    assert_eq!(server.session(&second.token).patch(&path, &change).await.status(), 200);
    for plant in [&with, &without] {
        take_in(&plant.admin, "pump.md", OPEN, &[]).await;
    }
    let controlled = take_in(&with.admin, "formula.md", SECRET, &[("export_control", "EAR:3A001")]).await;
    let authorised = with.admin.ask(SECRET_QUESTION).await;
    assert_eq!(authorised["message"]["answered"], true, "{authorised}");
    let bare = |answer: &Value| {
        let message = &answer["message"];
        json!([
            message["content"],
            message["answered"],
            message["citations"],
            message["status"],
            message["groups"],
            message["classification"],
            message["export_control"],
            message["integrity"],
            message["error"]
        ])
    };
    let kept_from = with.viewer.ask(SECRET_QUESTION).await;
    assert_eq!(bare(&kept_from), bare(&without.viewer.ask(SECRET_QUESTION).await));
    assert_eq!(kept_from["message"]["answered"], false, "{kept_from}");
    eventually("it is told", Duration::from_secs(10), async || kept(&world, "outcome").await == ["block"]).await;
    let uuid = |prefixed: &str| prefixed.split_once('_').expect("id").1.to_owned();
    let plain = |column: &str| format!("replace({column}::text, '-', '')");
    assert_eq!(kept(&world, &plain("document_id")).await, [uuid(id(&controlled))]);
    assert_eq!(kept(&world, &plain("user_id")).await, [uuid(&with.viewer_id)]);
    assert_eq!(kept(&world, &plain("run_id")).await, [uuid(kept_from["run_id"].as_str().expect("run"))]);
    let entries = with.admin.audit("action=document.export_blocked").await;
    assert_eq!((entries.len(), &entries[0]["resource_id"]), (1, &controlled["id"]), "{entries:?}");
    assert_eq!(entries[0]["actor"], with.viewer_id, "{entries:?}");
    assert_eq!(without.admin.audit("action=document.export_blocked").await.len(), 0);

    // The document by its id: absent for the person, told to the others.
    let path = format!("/api/v1/documents/{}", id(&controlled));
    crate::kit::problem(with.viewer.get(&path).await, 404, "not_found").await;
    eventually("that is told too", Duration::from_secs(10), async || kept(&world, "outcome").await.len() == 2).await;
    // What it would not answer, and what somebody authorised asks, is nobody's business.
    with.viewer.ask("Who won the football world cup in 1974?").await;
    with.viewer.ask(OPEN_QUESTION).await;
    with.admin.ask(SECRET_QUESTION).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(kept(&world, "outcome").await.len(), 2);
}
