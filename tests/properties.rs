//! Fifty tenants at once, doing what comes to their minds: no answer ever holds anything of another tenant.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use millwright_core::{Role, Sources};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::kit::{
    Server, World,
    operations::{Ids, Operation, PLAN, SUITE, operations},
    read,
    session::id,
};

const TENANTS: usize = 50;
const STEPS: usize = 10_000;
/// Set to a number to run the same choices again; their order between tenants is the machine's.
const SEED: &str = "MILLWRIGHT_TEST_SEED";
/// What every tenant's own word begins with; the tenant's number follows.
const MARK: &str = "Qorvex";

/// A small generator (splitmix64), so that a seed alone says what happened.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    fn one_of<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[self.below(things.len())]
    }
}

/// A tenant with something of every kind.
struct Tenant {
    number: usize,
    token: String,
    ids: Ids,
}

impl Tenant {
    fn mark(&self) -> String {
        mark(self.number)
    }
}

fn mark(number: usize) -> String {
    format!("{MARK}{number:03}")
}

/// All tenants, and whose each id is that was ever answered to anybody.
struct Landscape {
    server: Server,
    tenants: Vec<Tenant>,
    by_id: Vec<Operation>,
    owners: Mutex<HashMap<String, usize>>,
}

/// Ids in a text: three letters, an underscore and 32 hexadecimal digits.
fn ids_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('_').filter_map(|(at, _)| {
        let candidate = text.get(at.checked_sub(3)?..at + 33)?;
        let (kind, digits) = candidate.split_once('_')?;
        let is_id = kind.bytes().all(|b| b.is_ascii_lowercase()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_id.then_some(candidate)
    })
}

impl Landscape {
    /// What in an answer to this tenant is another's. Ids that are new are this tenant's from now on.
    fn foreign(&self, number: usize, text: &str) -> Vec<String> {
        let marks = text.match_indices(MARK).filter_map(|(at, _)| text.get(at..at + MARK.len() + 3));
        let mut found: Vec<String> = marks.filter(|found| *found != mark(number)).map(str::to_owned).collect();
        let mut owners = self.owners.lock().expect("owners");
        for id in ids_in(text) {
            if *owners.entry(id.to_owned()).or_insert(number) != number {
                found.push(id.to_owned());
            }
        }
        found
    }
}

/// Makes a tenant's things, each with its mark in it.
async fn plant(world: &World, server: &Server, number: usize) -> Tenant {
    let scope = world.tenant(&format!("tenant {number}")).await;
    let mark = mark(number);
    let admin = world.somebody(&scope, &format!("{mark} Admin"), Role::Admin).await;
    let session = server.session(&admin.token);
    let text = format!("The gauge of plant {mark} shows 7 bar. Its valve is closed by hand.");
    let document = session.accepted(&format!("{mark}.txt"), text).await;
    let answer = session.ask(&format!("What does the gauge of plant {mark} show?")).await;
    let key = json!({ "name": mark, "scopes": ["documents:read"], "expires_in_days": 3 });
    let (status, key) = read(session.post("/api/v1/auth/api-keys", &key).await).await;
    assert_eq!(status, 201, "{key}");
    let wish = json!({ "label": { "classification": "PUBLIC" }, "reason": mark });
    let path = format!("/api/v1/documents/{}/label-requests", id(&document));
    let (status, request) = read(session.post(&path, &wish).await).await;
    assert_eq!(status, 201, "{request}");
    let budget = json!({ "name": mark, "subject_kind": "tenant", "period": "month", "unit": "tokens", "limit": 9 });
    let (status, budget) = read(session.post("/api/v1/admin/budgets", &budget).await).await;
    assert_eq!(status, 201, "{budget}");
    let entry = json!({ "term": mark, "expansions": ["gauge of the plant"] });
    let (status, entry) = read(session.post("/api/v1/admin/glossary", &entry).await).await;
    assert_eq!(status, 201, "{entry}");
    let source = json!({ "name": mark, "path": "manuals" });
    let (status, source) = read(session.post("/api/v1/sources", &source).await).await;
    assert_eq!(status, 201, "{source}");
    let mcp = json!({ "name": mark.to_lowercase(), "url": world.mcp.url() });
    let (status, mcp) = read(session.post("/api/v1/mcp-servers", &mcp).await).await;
    assert_eq!(status, 201, "{mcp}");
    let suite = json!({ "definition": SUITE.replace("Pump", &mark) });
    let (status, suite) = read(session.post("/api/v1/evaluation-suites", &suite).await).await;
    assert_eq!(status, 201, "{suite}");
    let (status, started) = read(session.post("/api/v1/evaluations", &json!({ "suite_id": suite["id"] })).await).await;
    assert_eq!(status, 201, "{started}");
    let goal = json!({ "goal": format!("Prepare the service of {mark}."), "plan": PLAN });
    let (status, goal) = read(session.post("/api/v1/goals", &goal).await).await;
    assert_eq!(status, 201, "{goal}");
    let memory = json!({ "about_me": format!("I work in plant {mark}.") });
    let (status, memory) = read(session.post("/api/v1/memories", &memory).await).await;
    assert_eq!(status, 201, "{memory}");
    let agent = format!("agent-of-{}", mark.to_lowercase());
    let definition = format!("name: {agent}\ntitle: Agent of {mark}\npurpose: Reads the gauges.\ntools: []\n");
    let (status, made) =
        read(session.post("/api/v1/agents", &json!({ "definition": definition, "note": "planted" })).await).await;
    assert_eq!(status, 201, "{made}");
    let text = |value: &Value| value.as_str().expect("id").to_owned();
    let ids = Ids {
        document: id(&document).to_owned(),
        conversation: text(&answer["conversation_id"]),
        run: text(&answer["run_id"]),
        goal: id(&goal).to_owned(),
        memory: id(&memory).to_owned(),
        agent,
        job: id(&session.all("/api/v1/admin/jobs", 1).await[0]).to_owned(),
        user: admin.user.to_string(),
        session: admin.session.to_string(),
        api_key: id(&key).to_owned(),
        label_request: id(&request).to_owned(),
        budget: id(&budget).to_owned(),
        glossary_entry: id(&entry).to_owned(),
        source: id(&source).to_owned(),
        evaluation_suite: id(&suite).to_owned(),
        evaluation: id(&started["items"][0]).to_owned(),
        mcp_server: id(&mcp).to_owned(),
        ..Ids::of_nothing()
    };
    Tenant { number, token: admin.token, ids }
}

/// What is expected of an answer.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Expected {
    Fine,
    Absent,
}

type Step = (RequestBuilder, String, Expected);

/// The first three take a word to look for.
const LISTS: &[&str] = &[
    "/api/v1/documents",
    "/api/v1/conversations",
    "/api/v1/admin/users",
    "/api/v1/admin/jobs",
    "/api/v1/admin/audit",
    "/api/v1/auth/sessions",
    "/api/v1/auth/api-keys",
    "/api/v1/admin/budgets",
    "/api/v1/admin/glossary",
    "/api/v1/sources",
    "/api/v1/mcp-servers",
    "/api/v1/evaluation-suites",
    "/api/v1/evaluations",
];

const SINGLE: &[&str] = &["/api/v1/admin/metrics", "/api/v1/auth/me", "/api/v1/admin/security-policy"];

impl Landscape {
    fn send(&self, tenant: &Tenant, method: Method, path: &str) -> RequestBuilder {
        self.server.http.request(method, self.server.url(path)).bearer_auth(&tenant.token)
    }

    /// One step: the request, what it is, and what must come back.
    fn step(&self, dice: &mut Dice, tenant: &Tenant) -> Step {
        let other = &self.tenants[dice.below(TENANTS)];
        match dice.below(100) {
            0..58 => self.list(dice, tenant, other),
            58..88 => self.by_ids(dice, tenant, other),
            88..95 => self.search(dice, tenant, other),
            _ => self.change(dice, tenant, other),
        }
    }

    fn list(&self, dice: &mut Dice, tenant: &Tenant, other: &Tenant) -> Step {
        let path = match dice.below(8) {
            // Another's words and ids in a filter find nothing; one's own do.
            0 => format!("{}?q={}", dice.one_of(&LISTS[..3]), other.mark()),
            1 => format!("/api/v1/admin/audit?resource_id={}", other.ids.document),
            2 => format!("{}?limit=5", dice.one_of(LISTS)),
            3 => (*dice.one_of(SINGLE)).to_owned(),
            _ => (*dice.one_of(LISTS)).to_owned(),
        };
        (self.send(tenant, Method::GET, &path), path, Expected::Fine)
    }

    fn by_ids(&self, dice: &mut Dice, tenant: &Tenant, other: &Tenant) -> Step {
        let nothing = Ids {
            document: format!("doc_{:016x}{:016x}", dice.roll(), dice.roll()),
            user: format!("usr_{:016x}{:016x}", dice.roll(), dice.roll()),
            ..Ids::of_nothing()
        };
        let own = other.number == tenant.number || dice.below(3) == 0;
        // What is one's own is read only, so that it is there to the end; with another's anything is tried.
        let operation = loop {
            let operation = dice.one_of(&self.by_id);
            if !own || operation.method == Method::GET {
                break operation;
            }
        };
        let (ids, expected) = match (own, dice.below(8)) {
            (true, _) => (&tenant.ids, Expected::Fine),
            (false, 0) => (&nothing, Expected::Absent),
            (false, _) => (&other.ids, Expected::Absent),
        };
        let request = operation.request(&self.server, ids).bearer_auth(&tenant.token);
        (request, format!("{} with ids of {ids:?}", operation.id), expected)
    }

    fn search(&self, dice: &mut Dice, tenant: &Tenant, other: &Tenant) -> Step {
        let queries = [other.mark(), format!("gauge of plant {}", other.mark()), "closed valve".to_owned()];
        let mut body = json!({ "query": dice.one_of(&queries), "limit": 20 });
        if dice.below(3) == 0 {
            body["document_ids"] = json!([other.ids.document, tenant.ids.document]);
        }
        (self.send(tenant, Method::POST, "/api/v1/search").json(&body), format!("search {body}"), Expected::Fine)
    }

    fn change(&self, dice: &mut Dice, tenant: &Tenant, other: &Tenant) -> Step {
        let (mark, number) = (tenant.mark(), dice.below(1000));
        let (method, path, body) = match dice.below(50) {
            0..12 => {
                let path = format!("/api/v1/conversations/{}", tenant.ids.conversation);
                (Method::PATCH, path, json!({ "title": format!("{mark} {number}") }))
            }
            12..20 => {
                (Method::PATCH, "/api/v1/auth/me".to_owned(), json!({ "display_name": format!("{mark} {number}") }))
            }
            20..30 => {
                let email = format!("{mark}-{:x}@plant.test", dice.roll());
                let body = json!({ "email": email, "display_name": mark, "role": "viewer" });
                (Method::POST, "/api/v1/admin/users".to_owned(), body)
            }
            30..38 => {
                let body = json!({ "name": mark, "scopes": ["documents:read"], "expires_in_days": 2 });
                (Method::POST, "/api/v1/auth/api-keys".to_owned(), body)
            }
            38..42 => {
                let text = format!("Note {number} of {mark}: the gauge was read.");
                let part = reqwest::multipart::Part::text(text).file_name(format!("{mark}-{}.txt", number % 4));
                let form = reqwest::multipart::Form::new().part("file", part);
                let request = self.send(tenant, Method::POST, "/api/v1/documents/upload").multipart(form);
                return (request, "upload".to_owned(), Expected::Fine);
            }
            roll => {
                let foreign = roll < 46 && other.number != tenant.number;
                let conversation = if foreign { &other.ids.conversation } else { &tenant.ids.conversation };
                let message = format!("What does the gauge of plant {mark} show?");
                let body = json!({ "message": message, "stream": false, "conversation_id": conversation });
                let expected = if foreign { Expected::Absent } else { Expected::Fine };
                let request = self.send(tenant, Method::POST, "/api/v1/chat").json(&body);
                return (request, format!("chat in {conversation}"), expected);
            }
        };
        (self.send(tenant, method.clone(), &path).json(&body), format!("{method} {path} {body}"), Expected::Fine)
    }

    /// Some steps of one tenant. Says what was wrong at the first that was.
    async fn walk(&self, number: usize, seed: u64, steps: usize) -> Result<(), String> {
        let tenant = &self.tenants[number];
        let mut dice = Dice(seed ^ (number as u64).wrapping_mul(0x1000_0000_01B3));
        for step in 0..steps {
            let (request, what, expected) = self.step(&mut dice, tenant);
            let place = format!("seed {seed}, tenant {number}, step {step}, {what}");
            let response = request.send().await.map_err(|error| format!("{place}: {error:?}"))?;
            let status = response.status();
            let text = response.text().await.map_err(|error| format!("{place}: {error:?}"))?;
            let fits = match expected {
                Expected::Fine => status.is_success(),
                Expected::Absent => status == StatusCode::NOT_FOUND,
            };
            if !fits {
                return Err(format!("{place}: expected {expected:?}, not {status}: {text}"));
            }
            let foreign = self.foreign(number, &text);
            // A question and a filter are echoed nowhere, so that even another's word in an answer is a leak.
            if !foreign.is_empty() {
                return Err(format!("{place}: shows {foreign:?}: {text}"));
            }
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a person gives the seed of a failure")]
fn seed() -> u64 {
    std::env::var(SEED).ok().map_or_else(
        || Sources::system().new_uuid().as_u128() as u64,
        |text| text.parse().expect("MILLWRIGHT_TEST_SEED must be a number"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_tenants_at_once_never_see_a_row_of_another() {
    let world = World::new().await;
    let server = world.server().await;
    let began = Instant::now();
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        tenants.push(plant(&world, &server, number).await);
    }
    for tenant in &tenants {
        server.session(&tenant.token).settled(&tenant.ids.document).await;
    }
    println!("planted in {:?}", began.elapsed());
    let owned = |tenant: &Tenant| {
        let Ids {
            document, conversation, run, goal, memory, job, user, session, api_key, label_request, budget, ..
        } = tenant.ids.clone();
        [document, conversation, run, goal, memory, job, user, session, api_key, label_request, budget]
            .map(|id| (id, tenant.number))
    };
    let owners = tenants.iter().flat_map(owned).collect();
    // Streams would be read to their end; the isolation tests follow them.
    let by_id = |operation: &Operation| {
        operation.has_path_parameters() && operation.permission.is_some() && !operation.id.ends_with(".events")
    };
    let by_id = operations().into_iter().filter(by_id).collect();
    let landscape = Arc::new(Landscape { server: server.elsewhere(), tenants, by_id, owners: Mutex::new(owners) });
    let seed = seed();
    println!("{SEED}={seed}");
    let began = Instant::now();
    let mut walks = JoinSet::new();
    for number in 0..TENANTS {
        let landscape = Arc::clone(&landscape);
        walks.spawn(async move { landscape.walk(number, seed, STEPS / TENANTS).await });
    }
    let faults: Vec<_> = walks.join_all().await.into_iter().filter_map(Result::err).collect();
    println!("{STEPS} steps in {:?}, {} ids seen", began.elapsed(), landscape.owners.lock().expect("owners").len());
    assert!(faults.is_empty(), "{faults:#?}");
    for tenant in &landscape.tenants {
        let session = landscape.server.session(&tenant.token);
        let document = session.json(&format!("/api/v1/documents/{}", tenant.ids.document)).await;
        assert_eq!(document["name"], format!("{}.txt", tenant.mark()), "somebody else changed it");
        let user = session.json(&format!("/api/v1/admin/users/{}", tenant.ids.user)).await;
        assert_eq!(
            (&user["role"], &user["second_factor"]),
            (&json!("admin"), &json!(false)),
            "somebody else changed it"
        );
    }
}

#[test]
fn what_is_foreign_is_recognised() {
    let ids: Vec<_> =
        ids_in("\"doc_0190a0000000700080000000000000ff\",usr_x,_ usr_0190a0000000700080000000000000fe").collect();
    assert_eq!(ids, ["doc_0190a0000000700080000000000000ff", "usr_0190a0000000700080000000000000fe"]);
    let owners = HashMap::from([("usr_0190a0000000700080000000000000fe".to_owned(), 3)]);
    let server = Server::nobody();
    let landscape = Landscape { server, tenants: Vec::new(), by_id: Vec::new(), owners: Mutex::new(owners) };
    assert!(landscape.foreign(3, "Qorvex003 usr_0190a0000000700080000000000000fe").is_empty());
    assert_eq!(landscape.foreign(4, "Qorvex003").as_slice(), ["Qorvex003"]);
    assert_eq!(landscape.foreign(4, "by usr_0190a0000000700080000000000000fe").len(), 1);
    assert!(landscape.foreign(4, "doc_0190a0000000700080000000000000ff").is_empty(), "new, and so its own from now on");
    assert_eq!(landscape.foreign(5, "doc_0190a0000000700080000000000000ff").len(), 1);
}
