//! Reading from the mock server.

use millwright_odata::{Cut, ODataError, Offer, ReadQuery, Service, Session, Version};
use serde_json::{Value, json};

use crate::{
    connector, destination,
    gateway::{Gateway, Rules},
    nobody, peer,
};

async fn rows(session: &Session, service: &Service, set: &str, arguments: Value) -> Vec<Value> {
    let query = ReadQuery::new(&Offer::new(service, set).unwrap(), &arguments).unwrap();
    let read = session.read(service, &query).await.unwrap();
    assert_eq!(read.cut, None);
    read.rows.iter().map(millwright_odata::Row::plain).collect()
}

fn column(rows: &[Value], name: &str) -> Vec<String> {
    rows.iter().map(|row| row[name].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_service_of_v2_is_described_filtered_and_read() {
    let Some(origin) = peer::origin() else { return };
    let session = connector(destination(origin, peer::V2)).session(nobody()).unwrap();
    let service = session.metadata().await.unwrap();
    assert_eq!(service.version, Version::V2);

    let arguments = json!({ "key": { "PurchaseOrder": "4500000001" }, "expand": ["to_Items"] });
    let row = rows(&session, &service, "Orders", arguments).await.remove(0);
    assert_eq!(row["NetAmount"], "1234567890123456789012345678.901", "31 digits");
    assert_eq!(row["OrderDate"], "2024-01-02T00:00:00");
    assert_eq!(row["ChangedAt"], "2024-01-01T00:00:00.001Z");
    assert_eq!(row["DeliveryTime"], "11:30:00");
    assert_eq!(row["Counter"], "9007199254740992");
    assert_eq!(row["Note"], "Kühlwasserpumpe & Zubehör");
    assert_eq!(column(row["to_Items"].as_array().unwrap(), "Quantity"), ["1.250", "2.250"]);

    let filter = json!([
        { "field": "Supplier", "op": "eq", "value": "17300002" },
        { "or": [
            { "field": "Note", "op": "eq", "value": "100% geprüft" },
            { "field": "OrderDate", "op": "ge", "value": "2024-01-21" }
        ] }
    ]);
    let arguments = json!({ "filter": filter, "orderby": [{ "field": "PurchaseOrder", "descending": true }],
        "select": ["PurchaseOrder", "Note"], "top": 4 });
    let found = rows(&session, &service, "Orders", arguments).await;
    assert_eq!(column(&found, "PurchaseOrder"), ["4500000024", "4500000022", "4500000020", "4500000018"]);
    assert_eq!(found[0].as_object().unwrap().len(), 2, "only what was selected: {}", found[0]);

    let arguments = json!({ "filter": [{ "field": "ItemNumber", "op": "in", "value": ["00010", "00030"] },
        { "field": "PurchaseOrder", "op": "startswith", "value": "450000002" }] });
    assert_eq!(rows(&session, &service, "Items", arguments).await.len(), 6);
    // It holds a quote for the service's grammar only: nobody has it.
    let arguments = json!({ "filter": [{ "field": "Supplier", "op": "eq", "value": "1 or 1 eq 1" }] });
    let refused = ReadQuery::new(&Offer::new(&service, "Orders").unwrap(), &arguments).unwrap_err();
    assert_eq!(refused.to_string(), "filter[0].value: expected text of at most 10 characters");
    let arguments = json!({ "filter": [{ "field": "Note", "op": "eq", "value": "x) or (1 eq 1" }] });
    assert_eq!(rows(&session, &service, "Orders", arguments).await, Vec::<Value>::new());

    let query = ReadQuery::new(&Offer::new(&service, "Orders").unwrap(), &json!({ "key": { "PurchaseOrder": "1" } }));
    let missing = session.read(&service, &query.unwrap()).await.unwrap_err();
    assert_eq!(missing.word(), "not_found");
}

#[tokio::test]
async fn a_service_of_v4_is_described_filtered_and_read() {
    let Some(origin) = peer::origin() else { return };
    let session = connector(destination(origin, peer::V4)).session(nobody()).unwrap();
    let service = session.metadata().await.unwrap();
    assert_eq!(service.version, Version::V4);
    let arguments = json!({
        "filter": [{ "field": "Quantity", "op": "gt", "value": "10.124" }, { "field": "CountedOn", "op": "lt", "value": "2024-01-12" }],
        "expand": [{ "navigation": "_Plant", "select": ["Plant", "Name"] }],
        "count": true
    });
    let found = rows(&session, &service, "Stocks", arguments).await;
    assert_eq!(column(&found, "Material"), ["PUMP-10", "PUMP-11"]);
    assert_eq!(found[0]["_Plant"], json!({ "Plant": "1010", "Name": "Werk Süd" }));
    assert_eq!(found[0]["ChangedAt"], "2024-01-10T11:00:00.1234567Z");
    let row = rows(&session, &service, "Stocks", json!({ "key": { "Material": "PUMP-1" } })).await.remove(0);
    assert_eq!(row["Value"], "9999999999999999999999999999.99");
    assert_eq!((&row["Kind"], &row["Total"]), (&json!("OWN"), &json!("9007199254740991")));
    let query = ReadQuery::new(&Offer::new(&service, "Stocks").unwrap(), &json!({ "count": true, "top": 2 })).unwrap();
    let read = session.read(&service, &query).await.unwrap();
    assert_eq!((read.rows.len(), read.count, read.cut), (2, Some(12), None));
}

#[tokio::test]
async fn pages_are_turned_up_to_the_limits_which_are_told() {
    let Some(origin) = peer::origin() else { return };
    let gateway = Gateway::start(origin, Rules { page: Some(10), ..Rules::default() }).await;
    for (root, set, count, bytes) in [(peer::V2, "Orders", 25, 6_000), (peer::V4, "Stocks", 12, 4_000)] {
        let within = |change: &dyn Fn(&mut millwright_odata::Limits)| {
            let mut to = destination(&gateway.origin, root);
            change(&mut to.limits);
            connector(to).session(nobody()).unwrap()
        };
        let session = within(&|_| {});
        let service = session.metadata().await.unwrap();
        // Other tests make and change rows meanwhile; these are always there.
        let known = match set {
            "Orders" => json!([{ "field": "Supplier", "op": "in", "value": ["17300001", "17300002"] }]),
            _ => json!([{ "field": "Material", "op": "startswith", "value": "PUMP-" }]),
        };
        let key = if set == "Orders" { "PurchaseOrder" } else { "Material" };
        let all = column(&rows(&session, &service, set, json!({ "filter": known })).await, key);
        assert_eq!(all.len(), count);
        let first = rows(&session, &service, set, json!({ "filter": known, "top": 11 })).await;
        assert_eq!(column(&first, key), all[..11]);
        let query = ReadQuery::new(&Offer::new(&service, set).unwrap(), &json!({ "filter": known })).unwrap();
        let read = within(&|limits| limits.max_rows = 11).read(&service, &query).await.unwrap();
        assert_eq!((read.rows.len(), read.cut), (11, Some(Cut::Rows(11))));
        let read = within(&|limits| limits.max_rows = count).read(&service, &query).await.unwrap();
        assert_eq!((read.rows.len(), read.cut), (count, None));
        let read = within(&|limits| limits.max_pages = 1).read(&service, &query).await.unwrap();
        assert_eq!((read.rows.len(), read.cut), (10, Some(Cut::Pages(1))));
        let read = within(&|limits| limits.max_bytes = bytes).read(&service, &query).await.unwrap();
        assert_eq!((read.rows.len(), read.cut), (10, Some(Cut::Bytes(bytes))));
        let read = within(&|limits| limits.max_bytes = 100).read(&service, &query).await.unwrap();
        assert_eq!((read.rows.len(), read.cut), (0, Some(Cut::Bytes(100))));
    }
}

#[tokio::test]
async fn what_is_not_of_the_service_is_not_sent() {
    let Some(origin) = peer::origin() else { return };
    let session = connector(destination(origin, peer::V2)).session(nobody()).unwrap();
    let other = connector(destination(origin, peer::V4)).session(nobody()).unwrap();
    let service = session.metadata().await.unwrap();
    let stock = other.metadata().await.unwrap();
    let query = ReadQuery::new(&Offer::new(&stock, "Stocks").unwrap(), &json!({})).unwrap();
    assert!(matches!(session.read(&service, &query).await, Err(ODataError::Argument(_))));
}
