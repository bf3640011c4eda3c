//! Changes by the gateway, which wants CSRF tokens and ETags.

use millwright_odata::{Cell, Change, ODataError, Offer, ReadQuery, Row, Scalar, Service, Session};
use serde_json::json;

use crate::{
    connector, destination,
    gateway::{Gateway, Rules},
    nobody, object, peer,
};

async fn read_one(session: &Session, service: &Service, set: &str, key: serde_json::Value) -> Row {
    let query = ReadQuery::new(&Offer::new(service, set).unwrap(), &json!({ "key": key })).unwrap();
    session.read(service, &query).await.unwrap().rows.remove(0)
}

#[tokio::test]
async fn rows_of_v2_are_made_changed_and_deleted_with_their_etags() {
    let Some(origin) = peer::origin() else { return };
    let gateway = Gateway::start(origin, Rules::default()).await;
    let session = connector(destination(&gateway.origin, peer::V2)).session(nobody()).unwrap();
    let service = session.metadata().await.unwrap();
    let key = json!({ "PurchaseOrder": "4500009001" });
    let values = json!({
        "PurchaseOrder": "4500009001", "Supplier": "17300009", "Note": "O'Brien & Co", "OrderDate": "2024-02-29",
        "NetAmount": "1234567890123456789012345678.901", "Counter": "9007199254740993", "DeliveryTime": "23:59:59"
    });
    let made =
        session.change(&service, &Change::Create { set: "Orders".into(), values: object(values) }).await.unwrap();
    assert_eq!(made.status, 201);
    assert_eq!(gateway.count("GET /sap/opu/odata/sap/ZMW_PURCHASING/"), 2, "the description, and one CSRF token");

    let row = read_one(&session, &service, "Orders", key.clone()).await;
    let plain = row.plain();
    assert_eq!(plain["NetAmount"], "1234567890123456789012345678.901");
    assert_eq!((&plain["OrderDate"], &plain["DeliveryTime"]), (&json!("2024-02-29T00:00:00"), &json!("23:59:59")));
    assert_eq!(plain["Note"], "O'Brien & Co");

    let update = |etag: Option<&String>| Change::Update {
        set: "Orders".into(),
        key: object(key.clone()),
        values: object(json!({ "Note": "geprüft" })),
        etag: etag.cloned(),
    };
    let without = session.change(&service, &update(None)).await.unwrap_err();
    assert_eq!(without.to_string(), "the arguments cannot be used: etag: expected the ETag of the row as it was read");
    assert_eq!(gateway.count("MERGE"), 0, "nothing was sent");
    session.change(&service, &update(row.etag.as_ref())).await.unwrap();
    let stale = session.change(&service, &update(row.etag.as_ref())).await.unwrap_err();
    assert_eq!(
        stale.to_string(),
        "the row has changed since it was read (status 412, code `ZGW/412`: Precondition failed)"
    );
    let row = read_one(&session, &service, "Orders", key.clone()).await;
    assert_eq!(row.plain()["Note"], "geprüft");
    assert_eq!(row.plain()["Supplier"], "17300009", "what was not said stays");

    let delete = Change::Delete { set: "Orders".into(), key: object(key.clone()), etag: row.etag.clone() };
    gateway.touch("4500009001");
    assert_eq!(session.change(&service, &delete).await.unwrap_err().word(), "stale");
    let row = read_one(&session, &service, "Orders", key.clone()).await;
    let delete = Change::Delete { set: "Orders".into(), key: object(key.clone()), etag: row.etag };
    assert_eq!(session.change(&service, &delete).await.unwrap().status, 204);
    let query = ReadQuery::new(&Offer::new(&service, "Orders").unwrap(), &json!({ "key": key })).unwrap();
    assert_eq!(session.read(&service, &query).await.unwrap_err().word(), "not_found");
}

#[tokio::test]
async fn a_csrf_token_that_has_ended_is_fetched_anew_once() {
    let Some(origin) = peer::origin() else { return };
    let gateway = Gateway::start(origin, Rules::default()).await;
    let session = connector(destination(&gateway.origin, peer::V2)).session(nobody()).unwrap();
    let service = session.metadata().await.unwrap();
    let item = |number: &str| Change::Create {
        set: "Items".into(),
        values: object(json!({ "PurchaseOrder": "4500009002", "ItemNumber": number, "Quantity": "1" })),
    };
    session.change(&service, &item("00010")).await.unwrap();
    gateway.end_csrf();
    assert_eq!(session.change(&service, &item("00020")).await.unwrap().status, 201);
    assert_eq!(gateway.count("POST"), 3, "one was refused before it was looked at");
    assert_eq!(gateway.count(&format!("GET {}", peer::V2)), 3);
}

#[tokio::test]
async fn a_function_import_of_v2_is_called_and_its_refusal_is_told() {
    let Some(origin) = peer::origin() else { return };
    let gateway = Gateway::start(origin, Rules::default()).await;
    let session = connector(destination(&gateway.origin, peer::V2)).session(nobody()).unwrap();
    let service = session.metadata().await.unwrap();
    let release = Change::Call {
        operation: "Release".into(),
        set: None,
        key: None,
        parameters: object(json!({ "PurchaseOrder": "4500000025", "Reason": "it's due & checked" })),
        etag: None,
    };
    let row = session.change(&service, &release).await.unwrap().row.unwrap();
    assert_eq!(row.scalar("IsReleased"), Some(&Scalar::Boolean(true)));
    let ODataError::Refused(refusal) = session.change(&service, &release).await.unwrap_err() else { panic!() };
    assert_eq!(refusal.to_string(), "status 400, code `ZMW/002`: Order 4500000025 is released already");
    assert_eq!(
        (refusal.details[0].code.as_str(), refusal.details[0].target.as_deref()),
        ("ZMW/003", Some("IsReleased"))
    );
}

#[tokio::test]
async fn actions_and_functions_of_v4_are_called() {
    let Some(origin) = peer::origin() else { return };
    let gateway = Gateway::start(origin, Rules::default()).await;
    let session = connector(destination(&gateway.origin, peer::V4)).session(nobody()).unwrap();
    let service = session.metadata().await.unwrap();
    let key = || Some(object(json!({ "Material": "PUMP-5" })));
    let etag = read_one(&session, &service, "Stocks", json!({ "Material": "PUMP-5" })).await.etag;
    let call = |operation: &str, parameters, etag| Change::Call {
        operation: operation.into(),
        set: Some("Stocks".into()),
        key: key(),
        parameters: object(parameters),
        etag,
    };
    let block = call("com.example.stock.block", json!({ "Reason": "leak" }), etag);
    let row = session.change(&service, &block).await.unwrap().row.unwrap();
    assert_eq!(row.scalar("Blocked"), Some(&Scalar::Boolean(true)));
    let available = call("com.example.stock.available", json!({ "On": "2024-01-01" }), None);
    let returned = session.change(&service, &available).await.unwrap().returned;
    assert_eq!(returned, Some(Cell::Scalar(Scalar::Text("PUMP-5:2024-01-01".into()))));
    let recount = Change::Call {
        operation: "Recount".into(),
        set: None,
        key: None,
        parameters: object(json!({ "Plants": ["1010", "1020"] })),
        etag: None,
    };
    assert_eq!(session.change(&service, &recount).await.unwrap().returned, Some(Cell::Scalar(Scalar::Integer(2))));
    let update = Change::Update {
        set: "Stocks".into(),
        key: key().unwrap(),
        values: object(json!({ "Value": "0.10", "CountedOn": "9999-12-31" })),
        etag: read_one(&session, &service, "Stocks", json!({ "Material": "PUMP-5" })).await.etag,
    };
    session.change(&service, &update).await.unwrap();
    let row = read_one(&session, &service, "Stocks", json!({ "Material": "PUMP-5" })).await.plain();
    assert_eq!((&row["Value"], &row["CountedOn"]), (&json!("0.10"), &json!("9999-12-31")));
}
