//! Servers that lie, flood, hang and lead elsewhere.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use millwright_core::Sources;
use millwright_odata::{
    AddressError, AllowedHost, AllowedHosts, Change, Connector, Cut, Looking, Lookup, MetadataLimits, ODataError,
    Offer, ReadQuery, Rows, Service,
};
use serde_json::json;

use crate::{
    connector, destination, nobody, object,
    scripted::{Scripted, Then, json as answer, with},
};

const STOCK: &str = include_str!("../../../tests/peers/sap-odata/stock/metadata.xml");

fn service() -> Service {
    Service::parse(STOCK.as_bytes(), &MetadataLimits::default()).unwrap()
}

async fn read_at(origin: &str, change: impl FnOnce(&mut millwright_odata::Limits)) -> Result<Rows, ODataError> {
    let service = service();
    let mut to = destination(origin, "/s/");
    change(&mut to.limits);
    let session = connector(to).session(nobody()).unwrap();
    let query = ReadQuery::new(&Offer::new(&service, "Stocks").unwrap(), &json!({})).unwrap();
    session.read(&service, &query).await
}

async fn read(origin: &str) -> Result<Rows, ODataError> {
    read_at(origin, |_| {}).await
}

async fn create_at(origin: &str, patience: Duration) -> Result<millwright_odata::Written, ODataError> {
    let mut to = destination(origin, "/s/");
    to.limits.patience = patience;
    let session = connector(to).session(nobody()).unwrap();
    let values = object(json!({ "Material": "A" }));
    session.change(&service(), &Change::Create { set: "Stocks".into(), values }).await
}

async fn create(origin: &str) -> Result<millwright_odata::Written, ODataError> {
    create_at(origin, Duration::from_secs(20)).await
}

#[tokio::test]
async fn an_endless_body_is_cut_and_a_metadata_bomb_is_refused() {
    let endless = || b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"value\":[".to_vec();
    let server = Scripted::start(move |_, _| (endless(), Then::Endless(b"{\"Material\":\"A\"},"))).await;
    let read = read_at(&server.origin, |limits| limits.max_bytes = 100_000).await.unwrap();
    assert_eq!((read.rows.len(), read.cut), (0, Some(Cut::Bytes(100_000))));
    let head = || b"HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\n\r\n<edmx:Edmx>".to_vec();
    let server = Scripted::start(move |_, _| (head(), Then::Endless(b"<a>"))).await;
    let mut to = destination(&server.origin, "/s/");
    to.limits.metadata.max_bytes = 50_000;
    let failed = connector(to).session(nobody()).unwrap().metadata().await.unwrap_err();
    assert_eq!(failed, ODataError::TooLarge(50_000));
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let server = Scripted::start(|_, _| (Vec::new(), Then::Hang)).await;
    let patience = Duration::from_millis(150);
    assert_eq!(read_at(&server.origin, |limits| limits.patience = patience).await, Err(ODataError::Late(patience)));
    // What was read before it hung stays.
    let server = Scripted::start(|_, number| match number {
        0 => answer("200 OK", r#"{"value":[{"Material":"A"}],"@odata.nextLink":"Stocks?$skiptoken=1"}"#),
        _ => (Vec::new(), Then::Hang),
    })
    .await;
    let read = read_at(&server.origin, |limits| limits.patience = Duration::from_secs(1)).await.unwrap();
    assert_eq!((read.rows.len(), read.cut), (1, Some(Cut::Time)));
}

#[tokio::test]
async fn a_next_page_elsewhere_is_not_read() {
    for link in [
        "http://169.254.169.254/latest/meta-data/",
        "https://127.0.0.1/s/Stocks",
        "//evil.example/s/Stocks",
        "/other/Stocks",
        "../Stocks",
        "%2e%2e/Stocks",
        "file:///etc/passwd",
        "http://[",
    ] {
        let body = json!({ "value": [{ "Material": "A" }], "@odata.nextLink": link }).to_string();
        let server = Scripted::start(move |_, _| answer("200 OK", &body)).await;
        assert_eq!(read(&server.origin).await, Err(ODataError::ForeignLink), "{link}");
        assert_eq!(server.requests().len(), 1);
    }
    let server =
        Scripted::start(|_, _| answer("200 OK", r#"{"value":[],"@odata.nextLink":"Stocks?$skiptoken=1"}"#)).await;
    assert_eq!(read(&server.origin).await.unwrap_err().word(), "protocol", "round and round");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn redirects_are_followed_within_the_service_only() {
    for to in
        ["http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "https://idp.example/saml", "/other/", ""]
    {
        let location = format!("location: {to}\r\n");
        let server = Scripted::start(move |_, _| with("text/html", "302 Found", &location, "")).await;
        assert_eq!(read(&server.origin).await, Err(ODataError::Redirected), "{to}");
        // Where it leads round within the service, it is followed three times.
        assert_eq!(server.requests().len(), if to.is_empty() { 4 } else { 1 }, "{to}");
    }
    let server = Scripted::start(|_, number| match number {
        0 => with("text/html", "307 Temporary Redirect", "location: /s/Stocks?sap-client=100\r\n", ""),
        _ => answer("200 OK", r#"{"value":[{"Material":"A"}]}"#),
    })
    .await;
    assert_eq!(read(&server.origin).await.unwrap().rows.len(), 1);
    // A change never is.
    let server = Scripted::start(|request, _| {
        if request.starts_with("GET") {
            answer("200 OK", "{}")
        } else {
            with("text/html", "307 Temporary Redirect", "location: /s/Stocks\r\n", "")
        }
    })
    .await;
    assert_eq!(create(&server.origin).await, Err(ODataError::Redirected));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn what_is_no_data_is_said_to_be_none() {
    for (kind, body, told) in [
        (
            "text/html",
            "<html>Log on</html>",
            "the server does not keep to the protocol: it answered with a page of HTML, often one to sign in at",
        ),
        ("text/plain", "[]", "the server does not keep to the protocol: it answered with something that is no JSON"),
        (
            "application/json",
            "{\"value\":[{\"Mat",
            "the server does not keep to the protocol: its JSON is damaged or too deep",
        ),
        (
            "application/json",
            "{\"value\":5}",
            "the server does not keep to the protocol: the list of rows is not as it is declared",
        ),
        (
            "application/json",
            "{\"value\":[{\"Quantity\":\"a lot\"}]}",
            "the server does not keep to the protocol: `Quantity` is not as it is declared",
        ),
    ] {
        let server = Scripted::start(move |_, _| with(kind, "200 OK", "", body)).await;
        assert_eq!(read(&server.origin).await.unwrap_err().to_string(), told);
    }
    let half =
        || b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"value\":".to_vec();
    let server = Scripted::start(move |_, _| (half(), Then::Close)).await;
    assert_eq!(read(&server.origin).await, Err(ODataError::BrokenOff));
}

#[tokio::test]
async fn a_number_of_31_digits_in_json_is_read_exactly() {
    let body = r#"{"value":[{"Value":1234567890123456789012345678.90,"Total":9223372036854775807,"Quantity":1E1}]}"#;
    let server = Scripted::start(move |_, _| answer("200 OK", body)).await;
    let row = read(&server.origin).await.unwrap().rows.remove(0).plain();
    assert_eq!(
        row,
        json!({ "Value": "1234567890123456789012345678.90", "Total": "9223372036854775807", "Quantity": "10" })
    );
}

#[tokio::test]
async fn a_server_that_refuses_every_csrf_token_is_asked_for_another_exactly_once() {
    let server = Scripted::start(|request, _| {
        if request.starts_with("GET") {
            with("application/json", "200 OK", "x-csrf-token: abc\r\nset-cookie: S=1\r\n", "{}")
        } else {
            with("text/plain", "403 Forbidden", "x-csrf-token: Required\r\n", "CSRF token validation failed")
        }
    })
    .await;
    assert_eq!(create(&server.origin).await, Err(ODataError::Csrf));
    let methods: Vec<String> =
        server.requests().iter().map(|request| request.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(methods, ["GET", "POST", "GET", "POST"]);
    // Another 403 is none of these.
    let server = Scripted::start(|request, _| {
        if request.starts_with("GET") {
            answer("200 OK", "{}")
        } else {
            answer("403 Forbidden", r#"{"error":{"code":"/IWBEP/CM","message":{"value":"No authorisation"}}}"#)
        }
    })
    .await;
    assert_eq!(create(&server.origin).await.unwrap_err().word(), "forbidden");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn reads_are_repeated_when_put_off_and_changes_never() {
    let server = Scripted::start(|_, number| match number {
        0 | 1 => {
            with("text/plain", ["503 Service Unavailable", "429 Too Many Requests"][number], "retry-after: 0\r\n", "")
        }
        _ => answer("200 OK", r#"{"value":[]}"#),
    })
    .await;
    assert!(read(&server.origin).await.is_ok());
    let server = Scripted::start(|_, _| with("text/plain", "503 Service Unavailable", "", "")).await;
    assert_eq!(read(&server.origin).await, Err(ODataError::Busy(None)));
    assert_eq!(server.requests().len(), 3);
    let server = Scripted::start(|_, _| with("text/plain", "429 Too Many Requests", "retry-after: 3600\r\n", "")).await;
    assert_eq!(read(&server.origin).await, Err(ODataError::Busy(Some(Duration::from_hours(1)))));
    assert_eq!(server.requests().len(), 1);
    for (status, word) in
        [("503 Service Unavailable", "busy"), ("504 Gateway Timeout", "outcome_unknown"), ("500 Oops", "refused")]
    {
        let server = Scripted::start(move |request, _| {
            if request.starts_with("GET") { answer("200 OK", "{}") } else { with("text/plain", status, "", "") }
        })
        .await;
        assert_eq!(create(&server.origin).await.unwrap_err().word(), word);
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_change_without_an_answer_has_an_unknown_outcome_and_is_sent_once() {
    type Reply = fn() -> (Vec<u8>, Then);
    let replies: [(Reply, Duration); 4] = [
        (|| (Vec::new(), Then::Close), Duration::from_secs(20)),
        (|| (Vec::new(), Then::Hang), Duration::from_secs(1)),
        (|| (b"HTTP/1.1 201 Created\r\ncontent-length: 50\r\n\r\n{".to_vec(), Then::Close), Duration::from_secs(20)),
        (|| with("text/html", "201 Created", "", "<html></html>"), Duration::from_secs(20)),
    ];
    for (reply, patience) in replies {
        let server = Scripted::start(
            move |request, _| if request.starts_with("GET") { answer("200 OK", "{}") } else { reply() },
        )
        .await;
        let failed = create_at(&server.origin, patience).await.unwrap_err();
        assert!(matches!(failed, ODataError::OutcomeUnknown(_)), "{failed}");
        assert_eq!(server.requests().len(), 2);
    }
    // Nobody listens: nothing was sent.
    assert_eq!(create("http://127.0.0.1:9").await, Err(ODataError::Unreachable));
}

/// Names that lead to one address after the other.
struct Changing(Vec<&'static str>, Arc<AtomicUsize>);

impl Lookup for Changing {
    fn lookup(&self, _: &str) -> Looking {
        let at = self.1.fetch_add(1, Ordering::SeqCst);
        let found = self.0[at.min(self.0.len() - 1)].split(' ').map(|text| text.parse::<IpAddr>().unwrap()).collect();
        Box::pin(async move { Some(found) })
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_followed_and_one_that_changes_is_pinned() {
    let server = Scripted::start(|_, number| match number {
        0 => answer("200 OK", r#"{"value":[{"Material":"A"}],"@odata.nextLink":"Stocks?$skiptoken=1"}"#),
        _ => answer("200 OK", r#"{"value":[{"Material":"B"}]}"#),
    })
    .await;
    let origin = server.origin.replace("127.0.0.1", "sap.example.com");
    let service = service();
    let query = ReadQuery::new(&Offer::new(&service, "Stocks").unwrap(), &json!({})).unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let open = |addresses: Vec<&'static str>, networks: &[&str]| {
        let networks = networks.iter().map(|text| text.parse().unwrap()).collect();
        let mut to = destination(&origin, "/s/");
        to.hosts = AllowedHosts::new(&[AllowedHost { origin: origin.clone(), networks }]);
        asked.store(0, Ordering::SeqCst);
        Connector::new(to, Sources::system(), Arc::new(Changing(addresses, Arc::clone(&asked)))).unwrap()
    };
    for (addresses, networks) in [
        (vec!["127.0.0.1"], &[][..]),
        (vec!["10.0.0.1"], &["127.0.0.0/8"][..]),
        (vec!["203.0.114.1 127.0.0.1"], &[][..]),
        (vec!["169.254.169.254"], &["0.0.0.0/0"][..]),
        (vec!["::ffff:127.0.0.1"], &[][..]),
    ] {
        let session = open(addresses.clone(), networks).session(nobody()).unwrap();
        let refused = session.read(&service, &query).await;
        assert_eq!(refused, Err(ODataError::Address(AddressError::Network)), "{addresses:?}");
    }
    assert_eq!(server.requests().len(), 0);
    // Each page has a connection of its own; the name is asked for once.
    let connector = open(vec!["127.0.0.1", "169.254.169.254"], &["127.0.0.0/8"]);
    let read = connector.session(nobody()).unwrap().read(&service, &query).await.unwrap();
    assert_eq!((read.rows.len(), asked.load(Ordering::SeqCst)), (2, 1));
    let refused = connector.session(nobody()).unwrap().read(&service, &query).await;
    assert_eq!(refused, Err(ODataError::Address(AddressError::Network)), "another session asks anew");
}

#[tokio::test]
async fn every_request_names_the_client_and_the_language_and_brings_the_cookies_back() {
    let server = Scripted::start(|request, _| {
        if request.starts_with("GET /s/Stocks?%24top") || request.starts_with("GET /s/Stocks?$top") {
            let next = r#"{"value":[],"@odata.nextLink":"Stocks?$skiptoken=1"}"#;
            with("application/json", "200 OK", "set-cookie: sap-usercontext=sap-client=100; path=/\r\n", next)
        } else {
            answer("200 OK", r#"{"value":[{"Material":"A"}]}"#)
        }
    })
    .await;
    let mut to = destination(&server.origin, "/s");
    (to.sap_client, to.language) = (Some("100".into()), Some("de".into()));
    let session = connector(to.clone()).session(nobody()).unwrap();
    let service = service();
    let query = ReadQuery::new(&Offer::new(&service, "Stocks").unwrap(), &json!({})).unwrap();
    assert_eq!(session.read(&service, &query).await.unwrap().rows.len(), 1);
    let create = Change::Create { set: "Stocks".into(), values: object(json!({ "Material": "A" })) };
    session.change(&service, &create).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 4, "two pages, a CSRF token, a change");
    for request in &requests {
        assert!(request.lines().next().unwrap().contains("sap-client=100 HTTP/1.1"), "{request}");
        assert!(request.contains("accept-language: de\r\n"), "{request}");
    }
    assert!(requests[1..].iter().all(|request| request.contains("cookie: sap-usercontext=sap-client=100\r\n")));
    to.sap_client = Some("1&a".into());
    assert!(Connector::new(to, Sources::system(), Arc::new(millwright_odata::SystemLookup)).is_err());
}

#[tokio::test]
async fn a_connector_stands_where_its_configuration_says() {
    let new = |root: &str| {
        let mut to = destination("http://127.0.0.1:1", "/s/");
        to.root = root.parse().unwrap();
        Connector::new(to, Sources::system(), Arc::new(millwright_odata::SystemLookup)).map(|_| ())
    };
    assert_eq!(new("http://127.0.0.1:1/s"), Ok(()));
    for root in ["http://127.0.0.1:2/s/", "http://169.254.169.254/", "https://127.0.0.1:1/s/"] {
        assert_eq!(new(root), Err(AddressError::NotAllowed.into()), "{root}");
    }
    for root in
        ["file:///etc/passwd", "http://u:p@127.0.0.1:1/s/", "http://127.0.0.1:1/s/?a=b", "http://127.0.0.1:1/s/#a"]
    {
        assert_eq!(new(root), Err(AddressError::Form.into()), "{root}");
    }
}

#[tokio::test]
async fn requests_wait_for_their_turn_and_are_refused_where_the_line_is_too_long() {
    let server = Scripted::start(|_, _| answer("200 OK", r#"{"value":[]}"#)).await;
    let mut to = destination(&server.origin, "/s/");
    to.limits.requests_per_second = 1;
    to.limits.patience = Duration::from_millis(800);
    let connector = connector(to);
    let service = service();
    let query = ReadQuery::new(&Offer::new(&service, "Stocks").unwrap(), &json!({})).unwrap();
    let mut outcomes = Vec::new();
    for _ in 0..5 {
        outcomes.push(connector.session(nobody()).unwrap().read(&service, &query).await.err());
    }
    assert_eq!(outcomes[..2], [None, None], "what was not used in the second before is there");
    assert!(outcomes.contains(&Some(ODataError::Limited)), "{outcomes:?}");
    assert!(server.requests().len() < 5);
}
