//! Budgets and usage over the API, with calls that a gateway would make.

use millwright_budgets::{BudgetError, Subjects};
use millwright_core::{Role, ToProblem, id::UserId};
use serde_json::{Value, json};

use crate::kit::{Session, World, problem, read, session::id};

const BUDGETS: &str = "/api/v1/admin/budgets";

fn of(user: UserId) -> Subjects {
    Subjects { user, agent: None, api_key: None, task: None }
}

async fn make(admin: &Session<'_>, body: Value) -> Value {
    let (status, made) = read(admin.post(BUDGETS, &body).await).await;
    assert_eq!(status, 201, "{made}");
    made
}

async fn only(session: &Session<'_>, path: &str) -> Value {
    let items = session.json(path).await["items"].clone();
    assert_eq!(items.as_array().map(Vec::len), Some(1), "{items}");
    items[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_shows_what_is_used_held_and_left_and_how_near_its_end_is() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let user = world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    let body =
        json!({ "name": "All of us", "subject_kind": "tenant", "period": "month", "unit": "tokens", "limit": 1000 });
    let made = make(&admin, body.clone()).await;
    assert_eq!((&made["current"]["used"], &made["current"]["level"]), (&json!(0), &json!("ok")));
    problem(admin.post(BUDGETS, &body).await, 409, "conflict").await;

    for (tokens, level) in [(700, "ok"), (100, "warning"), (150, "critical"), (50, "exhausted")] {
        world.spend(&tenant, of(user), "small", (tokens, 0)).await;
        assert_eq!(only(&admin, BUDGETS).await["current"]["level"], level);
    }
    let refused = world.reserve(&tenant, of(user), (1, 0)).await.expect_err("nothing is left");
    assert!(refused.problem().detail.contains("`All of us`"), "{refused:?}");

    // Another limit holds at once, also in a process that was not told.
    let path = format!("{BUDGETS}/{}", id(&made));
    let (status, changed) = read(admin.patch(&path, &json!({ "limit": 2000, "name": "Us" })).await).await;
    assert_eq!((status, &changed["limit"], &changed["name"]), (200, &json!(2000), &json!("Us")));
    let held = world.reserve(&tenant, of(user), (300, 0)).await.expect("room");
    let current = only(&admin, BUDGETS).await["current"].clone();
    assert_eq!(
        (&current["used"], &current["reserved"], &current["remaining"]),
        (&json!(1000), &json!(300), &json!(700))
    );
    assert_eq!((&current["percent"], &current["level"]), (&json!(50.0), &json!("ok")));
    world.ledger().release(held).await.expect("released");

    assert_eq!(admin.delete(&path).await, 204);
    problem(admin.get(&path).await, 405, "method_not_allowed").await;
    problem(admin.patch(&path, &json!({ "limit": 1 })).await, 404, "not_found").await;
    assert_eq!(admin.json(BUDGETS).await["items"], json!([]));
    world.reserve(&tenant, of(user), (1_000_000, 0)).await.map(drop).expect("no budget binds any more");
    make(&admin, body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_budget_is_explained() {
    let (_world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let good = json!({ "name": "x", "subject_kind": "user", "period": "day", "unit": "money", "limit": 5 });
    for (field, value, named) in [
        ("limit", json!(-1), "limit"),
        ("limit", json!(1_000_000_000_000_001_i64), "limit"),
        ("name", json!(" "), "name"),
        ("name", json!("two\nlines"), "name"),
        ("subject_id", json!("usr_0190a0000000700080000000000000ff"), "subject_id"),
        ("subject_id", json!("ada"), "subject_id"),
        ("period", json!("year"), "body"),
        ("unit", json!("euro"), "body"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let refused = problem(admin.post(BUDGETS, &body).await, 422, "validation_failed").await;
        assert_eq!(refused["fields"][0]["field"], named, "{refused}");
    }
    let tenant_with_subject = json!({ "name": "x", "subject_kind": "tenant", "subject_id": "me", "period": "day", "unit": "money", "limit": 5 });
    problem(admin.post(BUDGETS, &tenant_with_subject).await, 422, "validation_failed").await;
    let made = make(&admin, good).await;
    let path = format!("{BUDGETS}/{}", id(&made));
    for body in [json!({}), json!({ "limit": -1 }), json!({ "name": "" }), json!({ "unit": "tokens" })] {
        problem(admin.patch(&path, &body).await, 422, "validation_failed").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_the_budgets_that_bind_them_with_what_is_left_to_themselves() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    let [ada, bob] =
        [world.somebody(&tenant, "Ada", Role::Viewer).await, world.somebody(&tenant, "Bob", Role::Viewer).await];
    for body in [
        json!({ "name": "1 all", "subject_kind": "tenant", "period": "month", "unit": "tokens", "limit": 1000 }),
        json!({ "name": "2 each", "subject_kind": "user", "period": "day", "unit": "tokens", "limit": 100 }),
        json!({ "name": "3 bob", "subject_kind": "user", "subject_id": bob.user.to_string(), "period": "hour", "unit": "money", "limit": 500 }),
        json!({ "name": "4 planner", "subject_kind": "agent", "subject_id": "planner", "period": "day", "unit": "tokens", "limit": 5 }),
    ] {
        make(&admin, body).await;
    }
    world.spend(&tenant, of(ada.user), "small", (30, 0)).await;
    world.spend(&tenant, of(bob.user), "small", (60, 250)).await;
    let left = async |token: &str| -> Vec<(String, i64)> {
        let items = server.session(token).json("/api/v1/usage/budgets").await["items"].clone();
        let items = items.as_array().expect("items").iter();
        items
            .map(|item| {
                (
                    item["name"].as_str().expect("name").to_owned(),
                    item["current"]["remaining"].as_i64().expect("number"),
                )
            })
            .collect()
    };
    let named =
        |items: &[(&str, i64)]| items.iter().map(|(name, left)| ((*name).to_owned(), *left)).collect::<Vec<_>>();
    assert_eq!(left(&ada.token).await, named(&[("1 all", 910), ("2 each", 70)]));
    assert_eq!(left(&bob.token).await, named(&[("1 all", 910), ("2 each", 40), ("3 bob", 250)]));
    problem(server.session(&ada.token).get(BUDGETS).await, 403, "not_authorized").await;
    // An admin sees of a budget for each who has used most of it.
    let budgets = admin.all(BUDGETS, 2).await;
    let each = budgets.iter().find(|budget| budget["name"] == "2 each").expect("there");
    assert_eq!((&each["current"]["subject"], &each["current"]["subjects"]), (&json!(bob.user.to_string()), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_summed_up_by_what_is_asked_for_and_only_ones_own_without_the_right_to_all() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    let [ada, bob] =
        [world.somebody(&tenant, "Ada", Role::Viewer).await, world.somebody(&tenant, "Bob", Role::Viewer).await];
    for (user, model, used) in
        [(ada.user, "small", (10, 0)), (ada.user, "large", (20, 700)), (bob.user, "small", (40, 0))]
    {
        let agent = Some("planner".to_owned());
        world.spend(&tenant, Subjects { agent, ..of(user) }, model, used).await;
    }
    let all = admin.json("/api/v1/usage?group_by=model").await;
    let sums = |answer: &Value| -> Vec<(String, i64, i64)> {
        let items = answer["items"].as_array().expect("items").iter();
        items
            .map(|item| {
                let number = |name: &str| item[name].as_i64().expect("number");
                (item["key"].as_str().expect("key").to_owned(), number("input_tokens"), number("cost_micros"))
            })
            .collect()
    };
    assert_eq!(sums(&all), [("large".to_owned(), 20, 700), ("small".to_owned(), 50, 0)]);
    assert_eq!((&all["total"]["calls"], &all["total"]["gpu_seconds"]), (&json!(3), &json!(4.5)));
    let days = admin.json("/api/v1/usage").await;
    assert_eq!(sums(&days), [(world.sources.now().format("%Y-%m-%d").to_string(), 70, 700)]);
    let people = admin.json("/api/v1/usage?group_by=user").await;
    assert_eq!((&people["items"][0]["name"], &people["items"][1]["name"]), (&json!("Ada"), &json!("Bob")));
    assert_eq!(sums(&admin.json("/api/v1/usage?group_by=agent").await), [("planner".to_owned(), 70, 700)]);

    // Part by part.
    let first = admin.json("/api/v1/usage?group_by=model&limit=1").await;
    assert_eq!(sums(&first).len(), 1);
    let next = first["next_cursor"].as_str().expect("more");
    let second = admin.json(&format!("/api/v1/usage?group_by=model&limit=1&cursor={next}")).await;
    assert_eq!(sums(&second), [("small".to_owned(), 50, 0)]);
    assert_eq!((&second["next_cursor"], &second["total"]), (&Value::Null, &all["total"]));

    let own = server.session(&ada.token);
    assert_eq!(
        sums(&own.json("/api/v1/usage?group_by=model").await),
        [("large".to_owned(), 20, 700), ("small".to_owned(), 10, 0)]
    );
    let csv = own.get("/api/v1/usage/export").await.text().await.expect("text");
    assert_eq!(csv.matches(&ada.user.to_string()).count(), 2);
    assert!(!csv.contains(&bob.user.to_string()) && !csv.contains("Bob"), "{csv}");

    let before = "/api/v1/usage?to=2020-01-01T00:00:00Z";
    assert_eq!(admin.json(before).await["total"]["calls"], 0);
    for query in [
        "group_by=task",
        "from=yesterday",
        "from=-9999-01-01T00:00:00Z&to=-9999-01-02T00:00:00Z",
        "from=2020-01-01T00:00:00Z",
        "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "cursor=k0",
    ] {
        problem(admin.get(&format!("/api/v1/usage?{query}")).await, 422, "validation_failed").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_export_is_whole_and_harmless_in_a_spreadsheet() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let user = world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    world.spend(&tenant, of(user), "=HYPERLINK(\"http://evil\")", (10, 5)).await;
    // More than are read at once.
    world
        .db()
        .tamper(
            "INSERT INTO model_usage SELECT tenant_id, gen_random_uuid(), occurred_at, user_id, agent, api_key_id, task, \
             run_id, 'plain', endpoint, provider, tier, 1, 2, 0, 0, 0, 0, 'cut', NULL FROM model_usage, generate_series(1, 2500)",
        )
        .await;
    let response = admin.get("/api/v1/usage/export").await;
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8; header=present");
    assert!(response.headers()["content-disposition"].to_str().expect("ascii").starts_with("attachment"));
    let csv = response.text().await.expect("text");
    assert_eq!(csv.lines().count(), 1 + 2_501);
    assert!(csv.starts_with("id,occurred_at,user_id,"));
    assert_eq!(csv.matches(",plain,").count(), 2_500);
    assert!(csv.contains("\"'=HYPERLINK(\"\"http://evil\"\")\""), "no cell begins as a formula");
    let fields = csv.lines().map(|line| line.matches(',').count()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(fields.len(), 1, "every line has the same fields: {fields:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_made_over_the_api_refuses_in_the_ledger_and_names_itself() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let user = world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    let made = make(&admin, json!({ "name": "Pilot", "subject_kind": "user", "subject_id": user.to_string(), "period": "day", "unit": "money", "limit": 0 })).await;
    let refused = world.reserve(&tenant, of(user), (5, 1)).await;
    let Err(BudgetError::Exceeded(exceeded)) = refused else { panic!("{refused:?}") };
    assert_eq!((exceeded.budget.to_string().as_str(), exceeded.name.as_str()), (id(&made), "Pilot"));
    assert_eq!(made["current"]["resets_at"].as_str().expect("time").parse(), Ok(exceeded.resets_at));
    // Without a price nothing is refused.
    world.spend(&tenant, of(user), "local", (5, 0)).await;
}
