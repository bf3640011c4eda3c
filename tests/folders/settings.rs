//! Settings of watched folders: what somebody alone may make of them, and what the audit log keeps of it.

use serde_json::json;

use super::Plant;
use crate::kit::{World, problem, read};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_alone_lowers_what_documents_carry_by_label_or_by_map() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, tenant, &server).await;
    let source = plant.watch(json!({ "group_map": { "4242": "maintenance" }, "tags": ["share"] })).await;
    let path = format!("/api/v1/sources/{source}");
    for lower in [
        json!({ "classification": "PUBLIC" }),
        json!({ "group_map": { "4242": "night-shift" } }),
        json!({ "group_map": { "4243": "night-shift" } }),
    ] {
        problem(plant.admin.patch(&path, &lower).await, 403, "hitl_required").await;
    }
    let both = json!({ "4242": "maintenance", "4243": "night-shift" });
    let change = json!({ "group_map": both, "tags": ["plant"], "content_interval_s": 3600 });
    let (status, changed) = read(plant.admin.patch(&path, &change).await).await;
    assert_eq!((status, &changed["group_map"]), (200, &both), "{changed}");

    let entries = plant.admin.audit("action=source.changed").await;
    let [entry] = entries.as_slice() else { panic!("what was refused is no change: {entries:?}") };
    let (before, after) = (&entry["details"]["settings_before"], &entry["details"]["settings"]);
    assert_eq!((&before["tags"], &after["tags"]), (&json!(["share"]), &json!(["plant"])), "{entry}");
    assert_eq!((&before["content_interval_s"], &after["content_interval_s"]), (&json!(604_800), &json!(3600)));
    assert_eq!((&before["group_map"], &after["group_map"]), (&json!({ "4242": "maintenance" }), &both));
    let entries = plant.admin.audit("action=source.created").await;
    assert_eq!(entries[0]["details"]["settings"]["tags"], json!(["share"]), "{entries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_at_once_neither_undoes_the_other() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, tenant, &server).await;
    let source = plant.watch(json!({})).await;
    let path = format!("/api/v1/sources/{source}");
    for round in 0..8 {
        let tags = json!({ "tags": [format!("round-{round}")] });
        let seconds = 3600 + round;
        let interval = json!({ "content_interval_s": seconds });
        let (one, other) = tokio::join!(plant.admin.patch(&path, &tags), plant.admin.patch(&path, &interval));
        assert_eq!((one.status().as_u16(), other.status().as_u16()), (200, 200));
        let now = plant.source(&source).await;
        assert_eq!((&now["tags"], &now["content_interval_s"]), (&tags["tags"], &json!(seconds)), "{now}");
    }
}
