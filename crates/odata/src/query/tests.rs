use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::metadata::MetadataLimits;

const PURCHASING: &str = include_str!("../../../../tests/peers/sap-odata/purchasing/metadata.xml");
const STOCK: &str = include_str!("../../../../tests/peers/sap-odata/stock/metadata.xml");

/// Read once: properties ask for it some hundred times.
fn service(text: &str) -> Service {
    static READ: LazyLock<[Service; 2]> = LazyLock::new(|| {
        [PURCHASING, STOCK].map(|text| Service::parse(text.as_bytes(), &MetadataLimits::default()).unwrap())
    });
    READ[usize::from(text == STOCK)].clone()
}

/// The options of what a read asks for, decoded as a server would.
fn asked(text: &str, set: &str, arguments: &Value) -> Result<Vec<(String, String)>, String> {
    let service = service(text);
    let query = ReadQuery::new(&Offer::new(&service, set).unwrap(), arguments).map_err(|error| error.to_string())?;
    let url = Url::parse(&format!("https://h/s/{}", query.relative(None))).unwrap();
    let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    pairs.insert(0, ("path".into(), url.path().to_owned()));
    Ok(pairs)
}

fn filter_of(text: &str, set: &str, filter: &Value) -> String {
    let pairs = asked(text, set, &json!({ "filter": filter })).unwrap();
    pairs.into_iter().find(|(name, _)| name == "$filter").unwrap().1
}

#[test]
fn conditions_become_the_filter_of_each_version() {
    let filter = json!([
        { "field": "Supplier", "op": "eq", "value": "17300001" },
        { "or": [
            { "field": "Note", "op": "contains", "value": "O'Brien" },
            { "and": [{ "field": "NetAmount", "op": "ge", "value": "12.50" }, { "field": "Counter", "op": "ne", "value": 5 }] },
            { "field": "OrderDate", "op": "eq", "value": null }
        ] },
        { "field": "Currency", "op": "in", "value": ["EUR", "USD"] },
        { "field": "ChangedAt", "op": "lt", "value": "2024-01-01T00:00:00+01:00" }
    ]);
    assert_eq!(
        filter_of(PURCHASING, "Orders", &filter),
        "Supplier eq '17300001' and (substringof('O''Brien',Note) or (NetAmount ge 12.50M and Counter ne 5L) or OrderDate eq null) \
         and (Currency eq 'EUR' or Currency eq 'USD') and ChangedAt lt datetimeoffset'2024-01-01T00:00:00+01:00'"
    );
    let filter = json!([
        { "field": "Material", "op": "contains", "value": "ü%" },
        { "field": "Kind", "op": "eq", "value": "OWN" },
        { "field": "_Plant/Name", "op": "startswith", "value": "W" },
        { "field": "Batch", "op": "eq", "value": "3F2504E0-4F89-11D3-9A0C-0305E82C3301" }
    ]);
    assert_eq!(
        filter_of(STOCK, "Stocks", &filter),
        "contains(Material,'ü%') and Kind eq com.example.stock.Kind'OWN' and startswith(_Plant/Name,'W') \
         and Batch eq 3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    );
    assert_eq!(
        filter_of(PURCHASING, "Items", &json!([{ "field": "to_Order/Supplier", "op": "eq", "value": "1" }])),
        "to_Order/Supplier eq '1'"
    );
}

#[test]
fn columns_orders_and_keys_become_those_of_each_version() {
    let text =
        |pairs: Vec<(String, String)>| pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    let arguments = json!({
        "select": ["PurchaseOrder", "Note"], "expand": [{ "navigation": "to_Items", "select": ["Material"] }],
        "orderby": [{ "field": "OrderDate", "descending": true }, { "field": "PurchaseOrder" }], "top": 5, "skip": 10, "count": true
    });
    assert_eq!(
        text(asked(PURCHASING, "Orders", &arguments).unwrap()),
        [
            "path=/s/Orders",
            "$orderby=OrderDate desc,PurchaseOrder",
            "$skip=10",
            "$inlinecount=allpages",
            "$select=PurchaseOrder,Note,to_Items/Material",
            "$expand=to_Items",
            "$top=5"
        ]
    );
    let arguments = json!({ "expand": [{ "navigation": "_Plant", "select": ["Name"] }], "count": true });
    assert_eq!(
        text(asked(STOCK, "Stocks", &arguments).unwrap()),
        ["path=/s/Stocks", "$count=true", "$expand=_Plant($select=Name)"]
    );
    let arguments = json!({ "key": { "PurchaseOrder": "4/5?#", "ItemNumber": "1'0" } });
    assert_eq!(
        text(asked(PURCHASING, "Items", &arguments).unwrap()),
        ["path=/s/Items(PurchaseOrder=%274%2F5%3F%23%27,ItemNumber=%271%27%270%27)"]
    );
    let arguments = json!({ "key": { "PurchaseOrder": "1" }, "expand": ["to_Items"], "select": ["Note"] });
    assert_eq!(
        text(asked(PURCHASING, "Orders", &arguments).unwrap()),
        ["path=/s/Orders(%271%27)", "$select=Note,to_Items", "$expand=to_Items"]
    );
}

#[test]
fn an_offer_of_some_fields_gives_no_others() {
    let service = service(PURCHASING);
    let offer = Offer::new(&service, "Orders").unwrap().only(["Supplier", "Nothing"]);
    let query = |arguments: Value| ReadQuery::new(&offer, &arguments).map(|query| query.relative(Some(9)));
    assert_eq!(query(json!({})).unwrap(), "Orders?$select=PurchaseOrder%2CSupplier&$top=9");
    for arguments in [
        json!({ "select": ["Note"] }),
        json!({ "filter": [{ "field": "Note", "op": "eq", "value": "x" }] }),
        json!({ "orderby": [{ "field": "Note" }] }),
        json!({ "expand": ["to_Items"] }),
    ] {
        assert!(query(arguments.clone()).is_err(), "{arguments}");
    }
    let tool = serde_json::to_string(&offer.read_tool().input_schema).unwrap();
    assert!(tool.contains("Supplier") && !tool.contains("Note") && !tool.contains("to_Items"), "{tool}");
}

#[test]
fn what_cannot_be_asked_for_is_refused_with_what_can() {
    let deep = (0..6).fold(json!([{ "field": "Note", "op": "eq", "value": "x" }]), |inner, _| json!([{ "or": inner }]));
    let many = vec![json!({ "field": "Note", "op": "eq", "value": "x" }); 51];
    let long = vec![json!({ "field": "Note", "op": "eq", "value": "ü".repeat(190) }); 40];
    for (arguments, told) in [
        (json!([]), "arguments: expected an object"),
        (
            json!({ "$filter": "1 eq 1" }),
            "$filter: expected only `key`, `filter`, `select`, `expand`, `orderby`, `top`, `skip`, `count`",
        ),
        (json!({ "filter": "1 eq 1" }), "filter: expected a list of conditions"),
        (
            json!({ "filter": [{ "field": "1 eq 1 or Note", "op": "eq", "value": "x" }] }),
            "filter[0].field: expected one of `PurchaseOrder`, `Supplier`, `Note`, `OrderDate`, `DeliveryTime`, `ChangedAt`, `NetAmount`, `Currency`, `IsReleased`, `Counter`",
        ),
        (
            json!({ "filter": [{ "field": "to_Items/Material", "op": "eq", "value": "x" }] }),
            "filter[0].field: expected one of `P",
        ),
        (
            json!({ "filter": [{ "field": "InternalText", "op": "eq", "value": "x" }] }),
            "filter[0].field: expected one of `P",
        ),
        (
            json!({ "filter": [{ "field": "Note", "op": "eq 'x' or 1", "value": "x" }] }),
            "filter[0].op: expected one of `eq`, `ne`, `gt`, `ge`, `lt`, `le`, `in`, `contains`, `startswith`, `endswith`",
        ),
        (
            json!({ "filter": [{ "field": "IsReleased", "op": "gt", "value": true }] }),
            "filter[0].op: expected one of `eq`, `ne`, `in`",
        ),
        (
            json!({ "filter": [{ "field": "NetAmount", "op": "gt", "value": 12.5 }] }),
            "filter[0].value: expected a decimal number of at most 31 digits, 3 of them after the point, as text, such as `\"12\"` or `\"12.5\"`",
        ),
        (
            json!({ "filter": [{ "field": "Note", "op": "in", "value": ["a", 5] }] }),
            "filter[0].value[1]: expected text of at most 200 characters",
        ),
        (json!({ "filter": [{ "or": [] }] }), "filter[0].or: expected a list of conditions"),
        (
            json!({ "filter": [{ "or": [{}], "and": [{}] }] }),
            "filter[0]: expected an object with `field`, `op`, `value`, or with `and` or `or`",
        ),
        (
            json!({ "filter": [{ "field": "Note", "op": "eq", "value": "x", "raw": "y" }] }),
            "filter[0].raw: expected only `field`, `op` and `value`",
        ),
        (json!({ "filter": deep }), "filter[0].or[0].or[0].or[0].or: expected at most 4 levels of `and` and `or`"),
        (json!({ "filter": many }), "filter: expected at most 50 conditions"),
        (json!({ "filter": long }), "arguments: expected fewer or shorter conditions, or fewer fields"),
        (json!({ "select": ["*"] }), "select: expected a list of fields, one of `PurchaseOrder`"),
        (
            json!({ "expand": ["to_Items($filter=1 eq 1)"] }),
            "expand[0]: expected a list of navigations, one of `to_Items`, or objects with `navigation`, `select`, `expand`",
        ),
        (
            json!({ "orderby": [{ "field": "Note desc,1" }] }),
            "orderby[0]: expected a list of objects with `field`, one of `PurchaseOrder`",
        ),
        (json!({ "top": 0 }), "top: expected an integer up to 1000000000"),
        (json!({ "skip": "1" }), "skip: expected an integer up to 1000000000"),
        (json!({ "count": "true" }), "count: expected true or false"),
        (json!({ "key": { "PurchaseOrder": "1", "x": "y" } }), "key: expected an object with exactly `PurchaseOrder`"),
        (
            json!({ "key": { "PurchaseOrder": "1" }, "top": 1 }),
            "top: expected nothing beside `key`, which names one row",
        ),
    ] {
        let refused = asked(PURCHASING, "Orders", &arguments).unwrap_err();
        assert!(refused.starts_with(told), "{arguments}\n{refused}\n{told}");
    }
}

#[test]
fn what_a_service_does_not_allow_is_refused() {
    for (set, arguments, told) in [
        ("Stocks", json!({ "filter": [{ "field": "Total", "op": "eq", "value": 1 }] }), "filter[0].field"),
        ("Stocks", json!({ "orderby": [{ "field": "Kind" }] }), "orderby[0]"),
        (
            "Stocks",
            json!({ "filter": [{ "field": "Kind", "op": "eq", "value": "OWN' or 1 eq 1" }] }),
            "filter[0].value: expected one of `OWN`, `CONSIGNED`",
        ),
        ("Plants", json!({}), "filter: expected a condition: these rows cannot be listed without"),
        (
            "Plants",
            json!({ "filter": [{ "field": "Name", "op": "eq", "value": "x" }] }),
            "filter: expected a condition on `Plant`",
        ),
        (
            "Plants",
            json!({ "filter": [{ "or": [{ "field": "Plant", "op": "eq", "value": "1" }] }] }),
            "filter: expected a condition on `Plant`",
        ),
    ] {
        let refused = asked(STOCK, set, &arguments).unwrap_err();
        assert!(refused.starts_with(told), "{refused}");
    }
}

#[test]
fn the_tools_say_what_can_be_asked_with_labels_and_units() {
    let service = service(PURCHASING);
    let offer = Offer::new(&service, "Orders").unwrap();
    let tool = offer.read_tool();
    assert_eq!((tool.name.as_str(), tool.writes), ("read_Orders", false));
    let line = "- NetAmount: a decimal number of at most 31 digits, 3 of them after the point, as text, such as `\"12\"` or \
        `\"12.5\"`; Net amount; its unit stands in Currency";
    assert!(
        tool.description.starts_with("Reads Purchase orders (`Orders`). Fields:\n- PurchaseOrder: "),
        "{}",
        tool.description
    );
    assert!(tool.description.contains(line), "{}", tool.description);
    assert!(tool.description.contains("; Supplier; Account number of the supplier"));
    let fields = &tool.input_schema["$defs"]["condition"]["anyOf"][0]["properties"]["field"]["enum"];
    assert!(
        fields.as_array().unwrap().contains(&json!("Note"))
            && !fields.as_array().unwrap().contains(&json!("InternalText"))
    );
    let tools: Vec<_> = offer.change_tools().into_iter().map(|tool| tool.name).collect();
    assert_eq!(tools, ["create_Orders", "update_Orders", "delete_Orders", "call_Release"]);
    let update = &offer.change_tools()[1].input_schema;
    assert_eq!(update["required"], json!(["key", "values", "etag"]));
    assert!(update["properties"]["values"]["properties"].get("IsReleased").is_none());
    let items: Vec<_> =
        Offer::new(&service, "Items").unwrap().change_tools().into_iter().map(|tool| tool.name).collect();
    assert_eq!(items, ["create_Items"]);
    let stock = self::service(STOCK);
    let block = Offer::new(&stock, "Stocks")
        .unwrap()
        .change_tools()
        .into_iter()
        .find(|tool| tool.name == "call_block")
        .unwrap();
    assert_eq!(block.input_schema["required"], json!(["parameters", "key"]));
    let required: Vec<_> = crate::unbound_tools(&stock).into_iter().map(|tool| (tool.name, tool.writes)).collect();
    assert_eq!(required, [("call_Recount".to_owned(), true)]);
}

#[test]
fn a_key_that_leads_out_of_the_service_behind_a_proxy_is_refused() {
    for key in ["/../../x", "a/../b", "a\\..\\b", "a/./b"] {
        let refused = asked(PURCHASING, "Orders", &json!({ "key": { "PurchaseOrder": key } })).unwrap_err();
        assert_eq!(refused, "key.PurchaseOrder: expected text without `/./` and `/../`");
    }
    for key in ["..", "a..b", "../", "1/2", "./x"] {
        assert!(asked(PURCHASING, "Orders", &json!({ "key": { "PurchaseOrder": key } })).is_ok(), "{key}");
    }
    let filter = json!([{ "field": "Note", "op": "eq", "value": "a/../b" }]);
    assert_eq!(
        filter_of(PURCHASING, "Orders", &filter),
        "Note eq 'a/../b'",
        "in the query it is a value like any other"
    );
}

#[test]
fn the_schema_of_a_tool_takes_what_the_query_takes() {
    let service = service(PURCHASING);
    let offer = Offer::new(&service, "Orders").unwrap();
    let schema = jsonschema::validator_for(&offer.read_tool().input_schema).unwrap();
    for arguments in [
        json!({}),
        json!({ "key": { "PurchaseOrder": "1" }, "expand": ["to_Items"] }),
        json!({ "filter": [{ "or": [{ "field": "Note", "op": "contains", "value": "x" }, { "and": [{ "field": "Counter", "op": "in", "value": [1, 2] }] }] }] }),
        json!({ "filter": [{ "field": "OrderDate", "op": "eq", "value": null }], "orderby": [{ "field": "Note", "descending": true }] }),
        json!({ "select": ["Note"], "expand": [{ "navigation": "to_Items", "select": ["Material"] }], "top": 1, "skip": 0, "count": true }),
    ] {
        assert!(schema.is_valid(&arguments), "{arguments}");
        assert!(ReadQuery::new(&offer, &arguments).is_ok(), "{arguments}");
    }
    for arguments in [
        json!({ "filter": "Note eq 'x'" }),
        json!({ "filter": [{ "field": "InternalText", "op": "eq", "value": "x" }] }),
        json!({ "filter": [{ "field": "Note", "op": "like", "value": "x" }] }),
        json!({ "select": ["Nothing"] }),
        json!({ "expand": ["Nothing"] }),
        json!({ "key": {} }),
        json!({ "top": 0 }),
        json!({ "$filter": "x" }),
    ] {
        assert!(!schema.is_valid(&arguments), "{arguments}");
        assert!(ReadQuery::new(&offer, &arguments).is_err(), "{arguments}");
    }
    let stock = self::service(STOCK);
    for set in ["Stocks", "Plants"] {
        let offer = Offer::new(&stock, set).unwrap();
        for tool in offer.change_tools().into_iter().chain([offer.read_tool()]).chain(crate::unbound_tools(&stock)) {
            assert!(jsonschema::validator_for(&tool.input_schema).is_ok(), "{}", tool.name);
        }
    }
}

#[test]
fn changes_become_requests_with_typed_bodies() {
    let service = service(PURCHASING);
    let object = |value: Value| value.as_object().cloned().unwrap();
    let prepared = |change: Change| Prepared::new(&service, &change).map_err(|error| error.to_string());
    let create = prepared(Change::Create {
        set: "Orders".into(),
        values: object(json!({
            "PurchaseOrder": "1", "OrderDate": "2024-01-01", "NetAmount": "0.10", "Counter": 7, "DeliveryTime": "11:30",
            "to_Items": [{ "PurchaseOrder": "1", "ItemNumber": "10", "Quantity": "1.5" }]
        })),
    })
    .unwrap();
    let body = json!({
        "PurchaseOrder": "1", "OrderDate": "/Date(1704067200000)/", "NetAmount": "0.10", "Counter": "7", "DeliveryTime": "PT11H30M00S",
        "to_Items": [{ "PurchaseOrder": "1", "ItemNumber": "10", "Quantity": "1.5" }]
    });
    assert_eq!((create.method.as_str(), create.relative.as_str(), &create.body), ("POST", "Orders", &Body::Json(body)));
    let update = |values: Value, etag: Option<&str>| {
        prepared(Change::Update {
            set: "Orders".into(),
            key: object(json!({ "PurchaseOrder": "1" })),
            values: object(values),
            etag: etag.map(str::to_owned),
        })
    };
    let good = update(json!({ "Note": "x" }), Some("W/\"1\"")).unwrap();
    assert_eq!((good.method.as_str(), good.relative.as_str()), ("MERGE", "Orders(%271%27)"));
    for (values, etag, told) in [
        (json!({ "Note": "x" }), None, "etag: expected"),
        (json!({ "Note": "x" }), Some("*"), "etag: expected"),
        (json!({ "Note": "x" }), Some("\"a\r\nX-Evil: 1\""), "etag: expected"),
        (json!({}), Some("\"1\""), "values: expected at least one field"),
        (json!({ "PurchaseOrder": "2" }), Some("\"1\""), "values.PurchaseOrder: expected"),
        (json!({ "IsReleased": true }), Some("\"1\""), "values.IsReleased: expected one of `Supplier`, `Note`"),
        (json!({ "NetAmount": 0.1 }), Some("\"1\""), "values.NetAmount: expected a decimal"),
        (json!({ "Nothing": 1 }), Some("\"1\""), "values.Nothing: expected one of"),
    ] {
        let refused = update(values, etag).unwrap_err();
        assert!(refused.starts_with(told), "{refused}");
    }
    let delete = prepared(Change::Delete { set: "Items".into(), key: object(json!({})), etag: None }).unwrap_err();
    assert!(delete.starts_with("entity set: expected one whose rows can be deleted"), "{delete}");
    let call = |parameters: Value| {
        let operation = "Release".into();
        prepared(Change::Call { operation, set: None, key: None, parameters: object(parameters), etag: None })
    };
    let release = call(json!({ "PurchaseOrder": "1", "Reason": "a&b=c" })).unwrap();
    assert_eq!(release.relative, "Release?PurchaseOrder=%271%27&Reason=%27a%26b%3Dc%27");
    assert!(
        call(json!({ "Other": 1 }))
            .unwrap_err()
            .starts_with("parameters.Other: expected one of `PurchaseOrder`, `Reason`")
    );
}

proptest! {
    #[test]
    fn whatever_a_value_holds_it_stays_one_literal(text in "[^\0]{0,50}|(' or 1 eq 1|'|&\\$top=1|%27|#|/|\\?|\\)){1,6}") {
        let filter = json!([{ "field": "Note", "op": "eq", "value": text }]);
        let pairs = asked(PURCHASING, "Orders", &json!({ "filter": filter })).unwrap();
        let expected = format!("Note eq '{}'", text.replace('\'', "''"));
        prop_assert_eq!(pairs, [("path".to_owned(), "/s/Orders".to_owned()), ("$filter".to_owned(), expected)]);
        // Some of what slashes stand around is refused, whichever way they lean.
        let key: String = text.chars().filter(|c| !matches!(c, '/' | '\\')).take(10).collect();
        let service = service(PURCHASING);
        let query = ReadQuery::new(&Offer::new(&service, "Orders").unwrap(), &json!({ "key": { "PurchaseOrder": key } })).unwrap();
        let url = Url::parse(&format!("https://h/s/{}", query.relative(None))).unwrap();
        prop_assert!(url.path().starts_with("/s/Orders(%27") && url.path().ends_with("%27)"), "{}", url);
        prop_assert_eq!(url.path_segments().unwrap().count(), 2);
        prop_assert!(url.query().is_none() && url.fragment().is_none());
    }

    #[test]
    fn no_arguments_make_it_fail(text in "\\PC{0,30}", number in any::<f64>(), which in 0_usize..8) {
        let value = match which { 0 => json!(text), 1 => json!(number), 2 => json!([text]), 3 => json!({ text.clone(): text }),
            4 => json!([{ "field": text, "op": text, "value": number }]), 5 => Value::Null, 6 => json!([[[[number]]]]), _ => json!(true) };
        for name in ["key", "filter", "select", "expand", "orderby", "top", "skip", "count"] {
            let _ = asked(PURCHASING, "Orders", &json!({ name: value.clone() }));
        }
    }
}
