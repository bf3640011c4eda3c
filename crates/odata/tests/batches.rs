//! `$batch`.

use millwright_odata::{BatchAnswer, BatchFormat, BatchPart, Change, ODataError, Offer, ReadQuery, Service};
use serde_json::json;

use crate::{
    connector, destination,
    gateway::{Gateway, Rules},
    nobody, object, peer,
    scripted::{Scripted, json as answer, with},
};

fn read(service: &Service, set: &str, arguments: &serde_json::Value) -> BatchPart {
    BatchPart::Read(ReadQuery::new(&Offer::new(service, set).unwrap(), arguments).unwrap())
}

#[tokio::test]
async fn a_batch_reads_and_changes_in_both_versions() {
    let Some(origin) = peer::origin() else { return };
    let gateway = Gateway::start(origin, Rules::default()).await;
    let session = connector(destination(&gateway.origin, peer::V2)).session(nobody()).unwrap();
    let service = session.metadata().await.unwrap();
    let item = |number: &str| Change::Create {
        set: "Items".into(),
        values: object(
            json!({ "PurchaseOrder": "4500009003", "ItemNumber": number, "Material": "a\r\n--batch", "Quantity": "1.5" }),
        ),
    };
    let parts = [
        read(&service, "Orders", &json!({ "top": 2, "select": ["PurchaseOrder"] })),
        BatchPart::Changes(vec![item("00010"), item("00020")]),
        read(&service, "Orders", &json!({ "key": { "PurchaseOrder": "none" } })),
        read(
            &service,
            "Items",
            &json!({ "filter": [{ "field": "PurchaseOrder", "op": "eq", "value": "4500009003" }] }),
        ),
    ];
    let answers = session.batch(&service, &parts, BatchFormat::Multipart).await.unwrap();
    let BatchAnswer::Read(Ok(rows)) = &answers[0] else { panic!("{answers:?}") };
    assert_eq!(rows.rows.len(), 2);
    let BatchAnswer::Changes(Ok(written)) = &answers[1] else { panic!("{answers:?}") };
    assert_eq!(written.iter().map(|one| one.status).collect::<Vec<_>>(), [201, 201]);
    assert_eq!(written[1].row.as_ref().unwrap().plain()["ItemNumber"], "00020");
    assert!(matches!(&answers[2], BatchAnswer::Read(Err(ODataError::NotFound(_)))), "{answers:?}");
    let BatchAnswer::Read(Ok(rows)) = &answers[3] else { panic!("{answers:?}") };
    assert_eq!(
        rows.rows.iter().map(|row| row.plain()["Material"].clone()).collect::<Vec<_>>(),
        ["a\r\n--batch", "a\r\n--batch"]
    );
    assert_eq!(gateway.count("POST"), 1);

    let session = connector(destination(&gateway.origin, peer::V4)).session(nobody()).unwrap();
    let service = session.metadata().await.unwrap();
    let parts = [read(&service, "Stocks", &json!({ "key": { "Material": "PUMP-2" } }))];
    let answers = session.batch(&service, &parts, BatchFormat::Multipart).await.unwrap();
    let BatchAnswer::Read(Ok(rows)) = &answers[0] else { panic!("{answers:?}") };
    assert_eq!(rows.rows[0].plain()["Quantity"], "2.125");
}

#[tokio::test]
async fn a_set_of_changes_that_fails_is_told_with_its_reason_and_what_follows_was_not_looked_at() {
    let Some(origin) = peer::origin() else { return };
    let service = connector(destination(origin, peer::V2)).session(nobody()).unwrap().metadata().await.unwrap();
    let body = "--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n\
        {\"error\":{\"code\":\"ME/083\",\"message\":{\"value\":\"Enter Plant\"}}}\r\n--b--\r\n";
    let server = Scripted::start(move |request, _| {
        if request.starts_with("GET") {
            answer("200 OK", "{}")
        } else {
            with("multipart/mixed; boundary=b", "202 Accepted", "", body)
        }
    })
    .await;
    let session = connector(destination(&server.origin, "/s/")).session(nobody()).unwrap();
    let item =
        Change::Create { set: "Items".into(), values: object(json!({ "PurchaseOrder": "1", "ItemNumber": "1" })) };
    let parts = [BatchPart::Changes(vec![item.clone(), item]), read(&service, "Orders", &json!({}))];
    let answers = session.batch(&service, &parts, BatchFormat::Multipart).await.unwrap();
    let BatchAnswer::Changes(Err(ODataError::Refused(refusal))) = &answers[0] else { panic!("{answers:?}") };
    assert_eq!(refusal.to_string(), "status 400, code `ME/083`: Enter Plant");
    assert_eq!(answers[1], BatchAnswer::Read(Err(ODataError::NotProcessed)));
    let sent = server.requests();
    assert!(sent[1].contains("content-type: multipart/mixed; boundary=batch_"), "{}", sent[1]);
    let json = session.batch(&service, &parts, BatchFormat::Json).await.unwrap_err();
    assert_eq!(json.word(), "argument");
}

#[tokio::test]
async fn a_batch_whose_answer_is_cut_off_has_an_unknown_outcome() {
    let Some(origin) = peer::origin() else { return };
    let service = connector(destination(origin, peer::V2)).session(nobody()).unwrap().metadata().await.unwrap();
    let server = Scripted::start(|request, _| {
        if request.starts_with("GET") {
            answer("200 OK", "{}")
        } else {
            with(
                "multipart/mixed; boundary=b",
                "202 Accepted",
                "",
                "--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 20",
            )
        }
    })
    .await;
    let session = connector(destination(&server.origin, "/s/")).session(nobody()).unwrap();
    let item =
        Change::Create { set: "Items".into(), values: object(json!({ "PurchaseOrder": "1", "ItemNumber": "1" })) };
    let failed = session.batch(&service, &[BatchPart::Changes(vec![item])], BatchFormat::Multipart).await.unwrap_err();
    assert_eq!(failed.word(), "outcome_unknown");
    let reads = [read(&service, "Orders", &json!({}))];
    assert_eq!(session.batch(&service, &reads, BatchFormat::Multipart).await.unwrap_err().word(), "protocol");
}

#[tokio::test]
async fn a_batch_in_json_of_v4_is_matched_by_ids() {
    let Some(origin) = peer::origin() else { return };
    let service = connector(destination(origin, peer::V4)).session(nobody()).unwrap().metadata().await.unwrap();
    let body = r#"{"responses":[{"id":"p1c0","status":201,"headers":{"ETag":"W/\"1\""},"body":{"Material":"A","Value":1234567890123456789012345678.90}},
        {"id":"p0c0","status":200,"body":{"value":[{"Material":"B"}]}}]}"#;
    let server =
        Scripted::start(move |request, _| answer("200 OK", if request.starts_with("GET") { "{}" } else { body })).await;
    let session = connector(destination(&server.origin, "/s/")).session(nobody()).unwrap();
    let create = Change::Create {
        set: "Stocks".into(),
        values: object(json!({ "Material": "A", "Value": "1234567890123456789012345678.90" })),
    };
    let parts = [read(&service, "Stocks", &json!({})), BatchPart::Changes(vec![create])];
    let answers = session.batch(&service, &parts, BatchFormat::Json).await.unwrap();
    let BatchAnswer::Read(Ok(rows)) = &answers[0] else { panic!("{answers:?}") };
    assert_eq!(rows.rows[0].plain(), json!({ "Material": "B" }));
    let BatchAnswer::Changes(Ok(written)) = &answers[1] else { panic!("{answers:?}") };
    assert_eq!(
        written[0].row.as_ref().unwrap().plain()["Value"],
        "1234567890123456789012345678.90",
        "a number, exactly"
    );
    assert_eq!(written[0].etag.as_deref(), Some("W/\"1\""));
    let sent: serde_json::Value = serde_json::from_str(server.requests()[1].split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(sent["requests"][1]["atomicityGroup"], "g1");
    assert_eq!(sent["requests"][1]["body"]["Value"], "1234567890123456789012345678.90");
}
