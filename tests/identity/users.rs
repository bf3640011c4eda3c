//! Roles and people: what an admin changes holds from the next request on, and somebody is left to change it back.

use millwright_core::Role;
use serde_json::json;

use crate::kit::{
    World,
    identity::{Tokens, ends_everywhere},
    problem, read,
    session::id,
};

const ME: &str = "/api/v1/auth/me";
const USERS: &str = "/api/v1/admin/users";

#[tokio::test]
async fn another_role_holds_from_the_next_request_of_an_old_token() {
    let (world, _, first, second) = World::with_two_servers().await;
    let admin = first.sign_in("admin@a.test").await;
    let demoted = second.tokens("operator@a.test").await;
    let path = format!("{USERS}/{}", id(&admin.find_user("operator@a.test").await));
    let (status, body) = read(admin.patch(&path, &json!({ "role": "viewer" })).await).await;
    assert_eq!((status, &body["role"]), (200, &json!("viewer")));
    assert_eq!(first.status(&demoted.access, ME).await, 401, "at once where it was changed");
    ends_everywhere("another role", &[&first, &second], &demoted.access, ME).await;
    let viewer = second.refreshed(&demoted.refresh).await;
    let me = first.session(&viewer.access).json(ME).await;
    assert_eq!(me["role"], "viewer");
    let upload = second.session(&viewer.access).upload("a.md", "# A").await;
    problem(upload, 403, "not_authorized").await;
    // And up again.
    assert_eq!(admin.patch(&path, &json!({ "role": "auditor" })).await.status(), 200);
    let auditor = first.refreshed(&viewer.refresh).await;
    assert_eq!(second.status(&auditor.access, "/api/v1/admin/audit").await, 200);
    assert_eq!(second.status(&auditor.access, "/api/v1/documents").await, 403);
    assert_eq!(world.entries("user.changed").await, 2);
    // A change that changes nothing ends nothing.
    assert_eq!(admin.patch(&path, &json!({ "role": "auditor", "status": "active" })).await.status(), 200);
    assert_eq!(first.status(&auditor.access, ME).await, 200);
}

#[tokio::test]
async fn a_disabled_user_is_out_everywhere_at_once_for_good() {
    let (world, _, first, second) = World::with_two_servers().await;
    let admin = first.sign_in("admin@a.test").await;
    let tokens = second.tokens("operator@a.test").await;
    let (key, _) = second.session(&tokens.access).make_key(&["documents:read"]).await;
    let documents = "/api/v1/documents";
    assert_eq!((first.status(&key, documents).await, second.status(&key, documents).await), (200, 200));
    let user = admin.find_user("operator@a.test").await;
    assert_eq!((&user["session_count"], &user["api_key_count"]), (&json!(1), &json!(1)));
    let path = format!("{USERS}/{}", id(&user));
    let (status, reset) = admin.posted(&format!("{path}/password-reset"), &json!({})).await;
    assert_eq!(status, 200, "{reset}");
    let tokens = {
        drop(tokens);
        second.tokens("operator@a.test").await
    };

    let (status, body) = read(admin.patch(&path, &json!({ "status": "disabled" })).await).await;
    assert_eq!((status, &body["status"]), (200, &json!("disabled")));
    ends_everywhere("a disabled user's session", &[&first, &second], &tokens.access, ME).await;
    ends_everywhere("a disabled user's key", &[&first, &second], &key, documents).await;
    assert_eq!(second.refresh(&tokens.refresh).await.0, 401);
    assert_eq!(first.try_sign_in("operator@a.test", crate::kit::PASSWORD).await.status(), 401);

    // Enabled again they sign in anew; nothing of before comes back.
    let (status, body) = read(admin.patch(&path, &json!({ "status": "active" })).await).await;
    assert_eq!((status, &body["status"]), (200, &json!("active")), "{body}");
    assert_eq!((first.status(&key, documents).await, second.status(&tokens.access, ME).await), (401, 401));
    assert_eq!(second.refresh(&tokens.refresh).await.0, 401);
    let link = reset["url"].as_str().unwrap().split_once("token=").unwrap().1;
    let body = json!({ "token": link, "password": "seven spindles of violet otters" });
    problem(first.open_post("/api/v1/auth/set-password", &body).await, 401, "unauthenticated").await;
    world.let_them_try_again().await;
    assert_eq!(first.status(&first.tokens("operator@a.test").await.access, ME).await, 200);
}

#[tokio::test]
async fn the_last_admin_stays() {
    let (world, tenant, first, second) = World::with_two_servers().await;
    let admin = first.sign_in("admin@a.test").await;
    let own = format!("{USERS}/{}", id(&admin.find_user("admin@a.test").await));
    for change in [json!({ "role": "operator" }), json!({ "status": "disabled" })] {
        let refused = problem(admin.patch(&own, &change).await, 409, "conflict").await;
        assert!(refused["detail"].as_str().unwrap().contains("last admin"), "{refused}");
    }
    // Somebody who was invited and never came is no admin that could help, nor is a program.
    let invited = json!({ "email": "late@a.test", "display_name": "Late", "role": "admin" });
    assert_eq!(admin.post(USERS, &invited).await.status(), 201);
    let robot = json!({ "kind": "service", "display_name": "Robot", "role": "admin" });
    assert_eq!(admin.post(USERS, &robot).await.status(), 201);
    problem(admin.patch(&own, &json!({ "role": "viewer" })).await, 409, "conflict").await;

    // Two admins who demote each other in the same moment.
    world.user(&tenant, "second-admin@a.test", Role::Admin).await;
    let admin_path = own;
    let second_path = format!("{USERS}/{}", id(&admin.find_user("second-admin@a.test").await));
    for round in 0..4 {
        let (one, other) = (first.sign_in("admin@a.test").await, second.sign_in("second-admin@a.test").await);
        let demote = json!({ "role": "viewer" });
        let (a, b) = tokio::join!(one.patch(&second_path, &demote), other.patch(&admin_path, &demote));
        let statuses = [a.status().as_u16(), b.status().as_u16()];
        assert!(statuses.contains(&200), "round {round}: {statuses:?}");
        let admins = world
            .db()
            .peek("SELECT email FROM users WHERE role = 'admin' AND disabled_at IS NULL AND has_password")
            .await;
        assert_eq!(admins.len(), 1, "round {round}: {statuses:?} left {admins:?}");
        world
            .db()
            .tamper("UPDATE users SET role = 'admin', access_version = access_version + 1 WHERE email ~ 'admin@'")
            .await;
    }
}

#[tokio::test]
async fn admins_find_and_name_people_and_others_do_not() {
    let (_world, _, first, _) = World::with_two_servers().await;
    let admin = first.sign_in("admin@a.test").await;
    let made = json!({ "email": " Ida.Bell@Plant.example ", "display_name": "Ida Bell", "role": "auditor" });
    let (status, made) = admin.posted(USERS, &made).await;
    assert_eq!((status, &made["user"]["email"]), (201, &json!("ida.bell@plant.example")), "{made}");
    assert_eq!(made["user"]["status"], "invited");
    for (query, found) in [("q=ida", 1), ("q=BELL", 1), ("q=%25", 0), ("role=auditor", 1), ("status=invited", 1)] {
        assert_eq!(admin.all(&format!("{USERS}?{query}"), 2).await.len(), found, "{query}");
    }
    assert_eq!(admin.all(&format!("{USERS}?kind=person"), 2).await.len(), 4);
    let taken = json!({ "email": "IDA.bell@plant.example", "display_name": "Eve", "role": "viewer" });
    problem(admin.post(USERS, &taken).await, 409, "conflict").await;
    for (bad, field) in [
        (json!({ "display_name": "X", "role": "viewer" }), "email"),
        (json!({ "email": "x", "display_name": "X", "role": "viewer" }), "email"),
        (json!({ "email": "x@y.example", "display_name": " ", "role": "viewer" }), "display_name"),
        (json!({ "kind": "service", "email": "x@y.example", "display_name": "X", "role": "viewer" }), "email"),
    ] {
        let refused = problem(admin.post(USERS, &bad).await, 422, "validation_failed").await;
        assert!(refused.to_string().contains(field), "{refused}");
    }
    // Capital letters that other languages lower in their own way are no fault of ours.
    for address in ["İsmail@plant.example", "ΟΔΥΣΣΕΥΣ@plant.example", "STRAẞE@plant.example"] {
        let body = json!({ "email": address, "display_name": "X", "role": "viewer" });
        let status = admin.post(USERS, &body).await.status().as_u16();
        assert!([201, 422].contains(&status), "{address}: {status}");
    }
    let path = format!("{USERS}/{}", id(&made["user"]));
    for email in ["operator@a.test", "viewer@a.test"] {
        let session = first.sign_in(email).await;
        assert_eq!((session.get(USERS).await.status(), session.get(&path).await.status()).0, 403);
        assert_eq!(session.patch(&path, &json!({ "role": "admin" })).await.status(), 403);
        assert_eq!(session.patch(ME, &json!({ "role": "admin" })).await.status(), 422, "nobody promotes themselves");
    }
}

#[tokio::test]
async fn a_session_of_another_tenant_is_not_there() {
    let (world, server) = World::with_admin().await;
    let other = world.tenant("B").await;
    world.user(&other, "admin@b.test", Role::Admin).await;
    let (ours, theirs): (_, Tokens) = (server.sign_in("admin@a.test").await, server.tokens("admin@b.test").await);
    let user = server.session(&theirs.access).json(ME).await;
    let (user, session) = (id(&user).to_owned(), user["session_id"].as_str().unwrap().to_owned());
    let path = format!("{USERS}/{user}");
    assert_eq!(ours.delete(&format!("{path}/sessions/{session}")).await, 404);
    assert_eq!(ours.delete(&format!("{path}/sessions")).await, 404);
    assert_eq!(ours.patch(&path, &json!({ "status": "disabled" })).await.status(), 404);
    assert_eq!(ours.post(&format!("{path}/password-reset"), &json!({})).await.status(), 404);
    assert_eq!(ours.delete(&format!("{path}/second-factor")).await, 404);
    assert_eq!(server.status(&theirs.access, ME).await, 200);
}
