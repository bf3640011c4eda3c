//! Sessions: refreshing, thieves of refresh tokens, and how access ends on every replica.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use millwright_auth::{Grant, TokenIssuer, TokenRules};
use millwright_core::{FixedClock, Role, Sources};
use serde_json::json;

use crate::kit::{
    PASSWORD, SECRET_KEY, Stream, World, eventually,
    identity::{Cable, SECOND, Tokens, ends_everywhere},
    problem, read, sample,
    session::id,
};

const ME: &str = "/api/v1/auth/me";
const SESSIONS: &str = "/api/v1/auth/sessions";

#[tokio::test]
async fn a_refresh_token_works_once_and_a_thief_ends_the_session() {
    let (world, _, first, second) = World::with_two_servers().await;
    let stolen = first.tokens("viewer@a.test").await;
    let next = second.refreshed(&stolen.refresh).await;
    assert_ne!((&next.access, &next.refresh), (&stolen.access, &stolen.refresh));
    assert_eq!(first.status(&next.access, ME).await, 200);
    let newest = first.refreshed(&next.refresh).await;
    assert_eq!((first.status(&newest.access, ME).await, second.status(&newest.access, ME).await), (200, 200));

    let other = first.tokens("viewer@a.test").await;
    assert_eq!(first.refresh(&stolen.refresh).await.0, 401, "the thief comes with the one that was used");
    ends_everywhere("refresh token used twice", &[&first, &second], &newest.access, ME).await;
    for (server, token) in [(&first, &newest), (&second, &newest), (&second, &next), (&first, &stolen)] {
        assert_eq!(server.refresh(&token.refresh).await.0, 401, "no token of the family refreshes");
        assert_eq!(server.status(&token.access, ME).await, 401);
    }
    assert_eq!(world.entries("session.reuse_detected").await, 1, "once, however often they try");
    assert_eq!(second.status(&other.access, ME).await, 200, "another session of the same person goes on");
    assert_eq!(first.refreshed(&other.refresh).await.access.len(), other.access.len());
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_wins_and_the_session_ends() {
    let (_world, _, first, second) = World::with_two_servers().await;
    for round in 0..5 {
        let tokens = first.tokens("viewer@a.test").await;
        let (one, other) = tokio::join!(first.refresh(&tokens.refresh), second.refresh(&tokens.refresh));
        let mut statuses = [one.0, other.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "round {round}");
        let won = Tokens::of(if one.0 == 200 { &one.1 } else { &other.1 });
        ends_everywhere("two refreshes at once", &[&first, &second], &won.access, ME).await;
        assert_eq!(first.refresh(&won.refresh).await.0, 401);
    }
}

#[tokio::test]
async fn made_up_refresh_tokens_end_nothing() {
    let (_world, server) = World::with_admin().await;
    let tokens = server.tokens("admin@a.test").await;
    let mut forged = tokens.refresh.clone();
    let last = forged.pop().unwrap();
    forged.insert(10, last);
    for token in [forged.as_str(), "", "mwr_", &tokens.access, &"x".repeat(5000)] {
        let (status, body) = server.refresh(token).await;
        assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")), "{body}");
    }
    assert_eq!(server.refresh(&tokens.refresh).await.0, 200);
    assert_eq!(server.status(&tokens.refresh, ME).await, 401, "a refresh token opens nothing else");
}

#[tokio::test]
async fn an_access_token_ends_by_itself_and_cannot_be_changed() {
    let mut world = World::new().await;
    world.set("ACCESS_TOKEN_TTL_MINUTES", "1");
    let tenant = world.tenant("A").await;
    let user = world.user(&tenant, "viewer@a.test", Role::Viewer).await;
    let server = world.server().await;
    let (status, body) = read(server.try_sign_in("viewer@a.test", PASSWORD).await).await;
    assert_eq!((status, &body["expires_in"]), (200, &json!(60)));
    let tokens = Tokens::of(&body);
    let session_id = body["user"]["session_id"].as_str().unwrap().parse().unwrap();
    // The same token as it was made some time ago.
    let made = |seconds_ago: i64| {
        let clock = FixedClock::new(world.sources.now() - TimeDelta::seconds(seconds_ago));
        let then = Sources { clock: std::sync::Arc::new(clock), ..Sources::system() };
        let rules = TokenRules::own(TimeDelta::minutes(1));
        let grant = Grant {
            tenant_id: tenant.tenant_id(),
            user_id: user,
            role: Role::Viewer,
            session_id,
            access_version: 1,
            restricted: false,
        };
        TokenIssuer::new(SECRET_KEY.as_bytes(), rules).unwrap().issue(&then, &grant).unwrap().token
    };
    assert_eq!(server.status(&made(0), ME).await, 200);
    assert_eq!(server.status(&made(110), ME).await, 200, "clocks may differ by a minute");
    let expired = problem(server.session(&made(121)).get(ME).await, 401, "unauthenticated").await;
    assert!(expired["detail"].as_str().unwrap().contains("expired"), "{expired}");
    assert_eq!(server.status(&made(-61), ME).await, 401, "a token of the future");
    for at in [5, tokens.access.len() / 2, tokens.access.len() - 5] {
        let mut changed = tokens.access.clone();
        let other = if &changed[at..=at] == "A" { "B" } else { "A" };
        changed.replace_range(at..=at, other);
        problem(server.session(&changed).get(ME).await, 401, "unauthenticated").await;
    }
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_and_nobody_elses() {
    let (_world, _, first, second) = World::with_two_servers().await;
    let (mine, lost) = (first.sign_in("viewer@a.test").await, first.sign_in("viewer@a.test").await);
    let foreign = second.sign_in("operator@a.test").await;
    let sessions = mine.all(SESSIONS, 1).await;
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    let current: Vec<_> = sessions.iter().filter(|session| session["current"] == true).collect();
    assert_eq!(current.len(), 1);
    assert_eq!((&current[0]["address"], &current[0]["method"]), (&json!("127.0.0.1"), &json!("password")));
    assert_eq!(mine.json(ME).await["session_id"], current[0]["id"]);

    let others = foreign.all(SESSIONS, 50).await;
    assert_eq!(mine.delete(&format!("{SESSIONS}/{}", id(&others[0]))).await, 404);
    assert_eq!(second.status(&foreign.token, ME).await, 200);
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    assert_eq!(mine.delete(&format!("{SESSIONS}/{}", id(other))).await, 204);
    assert_eq!(first.status(&lost.token, ME).await, 401, "at once where it was ended");
    ends_everywhere("one's own other session", &[&first, &second], &lost.token, ME).await;
    assert_eq!(mine.delete(&format!("{SESSIONS}/{}", id(other))).await, 404, "it has ended already");
    assert_eq!(mine.all(SESSIONS, 50).await.len(), 1);
}

#[tokio::test]
async fn an_admin_ends_a_persons_sessions_and_open_streams_everywhere() {
    let (world, _, first, second) = World::with_two_servers().await;
    let admin = first.sign_in("admin@a.test").await;
    let operator = second.sign_in("operator@a.test").await;
    let user = admin.find_user("operator@a.test").await;
    let path = format!("/api/v1/admin/users/{}/sessions", id(&user));
    assert_eq!(user["session_count"], 1);
    // A document that is never read, so that its stream has no end of its own.
    world.db().tamper("CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.run_at = now() + interval '1 hour'; RETURN NEW; END $$; CREATE TRIGGER stall BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION stall()").await;
    let document = operator.accepted("report.md", sample("downtime-report.md")).await;
    let events = format!("/api/v1/documents/{}/events", id(&document));
    let mut stream = Stream::new(operator.get(&events).await);
    assert!(stream.next().await.is_some());

    let sessions = admin.all(&path, 50).await;
    let began = Instant::now();
    assert_eq!(admin.delete(&format!("{path}/{}", id(&sessions[0]))).await, 204);
    ends_everywhere("by an admin", &[&first, &second], &operator.token, ME).await;
    while tokio::time::timeout(SECOND, stream.next()).await.expect("the stream ends within a second").is_some() {}
    println!("MEASURED revocation: an open stream on another replica: {} ms", began.elapsed().as_millis());
    assert!(began.elapsed() < SECOND + Duration::from_millis(300), "{:?}", began.elapsed());

    let (one, other) = (first.tokens("operator@a.test").await, second.tokens("operator@a.test").await);
    assert_eq!(admin.delete(&path).await, 204);
    for tokens in [&one, &other] {
        ends_everywhere("all of a user's", &[&first, &second], &tokens.access, ME).await;
        assert_eq!(second.refresh(&tokens.refresh).await.0, 401);
    }
    assert_eq!(admin.all(&path, 50).await.len(), 0);
    let viewer = first.sign_in("viewer@a.test").await;
    assert_eq!(viewer.delete(&path).await, 403);
}

#[tokio::test]
async fn another_password_ends_the_other_sessions_and_keeps_this_one() {
    let (world, _, first, second) = World::with_two_servers().await;
    let (mine, other) = (first.tokens("viewer@a.test").await, second.tokens("viewer@a.test").await);
    let session = first.session(&mine.access);
    let change = |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
    let new = "seven spindles of violet otters";
    let refused = session.post("/api/v1/auth/password", &change("not the right one", new)).await;
    problem(refused, 401, "unauthenticated").await;
    for (bad, why) in [("short", "12"), ("password1234", "guess"), ("viewer@a.test", "guess")] {
        let refused = session.post("/api/v1/auth/password", &change(PASSWORD, bad)).await;
        let body = problem(refused, 422, "validation_failed").await;
        let said = body.to_string();
        assert!(said.contains("new_password") && said.contains(why), "{bad}: {body}");
    }
    assert_eq!(session.post("/api/v1/auth/password", &change(PASSWORD, new)).await.status(), 204);
    ends_everywhere("another password", &[&first, &second], &other.access, ME).await;
    assert_eq!(second.refresh(&other.refresh).await.0, 401);
    assert_eq!((first.status(&mine.access, ME).await, second.status(&mine.access, ME).await), (200, 200));
    assert_eq!(first.refresh(&mine.refresh).await.0, 200);
    assert_eq!(first.try_sign_in("viewer@a.test", PASSWORD).await.status(), 401, "the old one is dead");
    assert_eq!(second.try_sign_in("viewer@a.test", new).await.status(), 200);
    assert_eq!(world.entries("user.password_changed").await, 1);
    // Somebody at a screen that was left open cannot guess on.
    for _ in 0..5 {
        assert_eq!(
            session.post("/api/v1/auth/password", &change("a guess of some kind", PASSWORD)).await.status(),
            401
        );
    }
    let refused = session.post("/api/v1/auth/password", &change(new, PASSWORD)).await;
    problem(refused, 429, "rate_limited").await;
}

#[tokio::test]
async fn a_database_that_stops_answering_lets_nobody_back_in() {
    let mut world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "viewer@a.test", Role::Viewer).await;
    let first = world.server().await;
    let cable = Cable::to(&world.db().url).await;
    world.set("DATABASE_URL", &cable.url).set("REQUEST_TIMEOUT_SECONDS", "2");
    let second = world.second_server().await;
    let (ended, good) = (first.tokens("viewer@a.test").await, second.tokens("viewer@a.test").await);
    assert_eq!((second.status(&ended.access, ME).await, second.status(&good.access, ME).await), (200, 200));
    cable.pull();
    assert_eq!(first.session(&ended.access).post("/api/v1/auth/logout", &json!({})).await.status(), 200);
    tokio::time::sleep(SECOND).await;
    for tokens in [&ended, &good] {
        assert_eq!(second.status(&tokens.access, ME).await, 503);
    }
    // Asked in the silence and answered after it: what was known before the silence does not count.
    let (late, fine, ()) = tokio::join!(second.status(&ended.access, ME), second.status(&good.access, ME), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cable.plug_in();
    });
    assert_eq!((late, fine), (401, 200));
    eventually("the server goes on", Duration::from_secs(20), async || second.status(&good.access, ME).await == 200)
        .await;
    assert_eq!(second.status(&ended.access, ME).await, 401);
}
