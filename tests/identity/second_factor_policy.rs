//! Where the organisation asks for a second factor, nothing is reached without one, and an admin can help who lost theirs.

use serde_json::{Value, json};

use crate::kit::{
    PASSWORD, World,
    identity::{Tokens, ends_everywhere},
    people::Authenticator,
    problem, read,
    session::id,
};

const ME: &str = "/api/v1/auth/me";
const POLICY: &str = "/api/v1/admin/security-policy";
const TOTP: &str = "/api/v1/auth/totp";

#[tokio::test]
async fn who_must_have_one_reaches_only_the_profile_until_it_is_there() {
    let (world, _, first, second) = World::with_two_servers().await;
    let admin = first.sign_in("admin@a.test").await;
    let open = second.tokens("operator@a.test").await;
    let untouched = second.tokens("viewer@a.test").await;
    let put = async |body: Value| admin.request(reqwest::Method::PUT, POLICY).json(&body).send().await.unwrap();
    let policy = json!({ "second_factor_roles": ["operator"], "password_sign_in": true });
    let (status, body) = read(put(policy.clone()).await).await;
    assert_eq!((status, &body), (200, &policy));
    assert_eq!(admin.json(POLICY).await, policy);
    problem(put(json!({ "second_factor_roles": [], "password_sign_in": false })).await, 409, "conflict").await;
    ends_everywhere("a second factor asked for", &[&first, &second], &open.access, ME).await;
    assert_eq!(first.status(&untouched.access, ME).await, 200, "others go on");

    // The session that was open goes on in the profile alone, and a new one begins there.
    let (status, body) = read(first.try_sign_in("operator@a.test", PASSWORD).await).await;
    assert_eq!((status, &body["user"]["restricted"]), (200, &json!(true)), "{body}");
    for tokens in [second.refreshed(&open.refresh).await, Tokens::of(&body)] {
        let session = second.session(&tokens.access);
        let me = session.json(ME).await;
        assert_eq!((&me["restricted"], &me["permissions"]), (&json!(true), &json!(["profile:manage"])));
        assert_eq!(me["second_factor"], json!({ "enrolled": false, "required": true, "recovery_codes_left": 0 }));
        for path in ["/api/v1/documents", "/api/v1/conversations"] {
            problem(session.get(path).await, 403, "second_factor_required").await;
        }
        problem(session.upload("a.md", "# A").await, 403, "second_factor_required").await;
        problem(session.get("/api/v1/admin/users").await, 403, "not_authorized").await;
        // Nor by a key that such a session makes for itself.
        let key = json!({ "name": "x", "scopes": ["documents:read"], "expires_in_days": 1 });
        problem(session.post("/api/v1/auth/api-keys", &key).await, 403, "second_factor_required").await;
    }
    let tokens = Tokens::of(&body);
    let session = first.session(&tokens.access);
    let mut authenticator = session.enrol().await;
    problem(session.get("/api/v1/documents").await, 403, "second_factor_required").await;
    let whole = second.refreshed(&tokens.refresh).await;
    assert_eq!(first.status(&whole.access, "/api/v1/documents").await, 200);
    let me = second.session(&whole.access).json(ME).await;
    assert_eq!((&me["restricted"], &me["second_factor"]["enrolled"]), (&json!(false), &json!(true)));
    // It cannot be taken away while it is asked for.
    let session = first.session(&whole.access);
    let proof = session.step_up(&mut authenticator, "totp.disable").await;
    problem(session.delete_with_proof(TOTP, &proof).await, 409, "conflict").await;
    // The policy ends: who was held up by it is held up no longer.
    assert_eq!(put(json!({ "second_factor_roles": [], "password_sign_in": true })).await.status(), 200);
    assert_eq!(world.entries("tenant.policy_changed").await, 2);
    let whole = second.refreshed(&whole.refresh).await;
    assert_eq!(first.session(&whole.access).delete_with_proof(TOTP, &proof).await.status(), 204);
    assert_eq!(second.status(&second.tokens("operator@a.test").await.access, "/api/v1/documents").await, 200);
    let viewer = second.session(&untouched.access);
    problem(viewer.request(reqwest::Method::PUT, POLICY).json(&policy).send().await.unwrap(), 403, "not_authorized")
        .await;
}

#[tokio::test]
async fn an_admin_takes_a_lost_one_away_but_not_their_own() {
    let (world, _, first, second) = World::with_two_servers().await;
    let admin = first.sign_in("admin@a.test").await;
    let lost = second.tokens("viewer@a.test").await;
    let _: Authenticator = second.session(&lost.access).enrol().await;
    let path = |user: &Value| format!("/api/v1/admin/users/{}/second-factor", id(user));
    let (viewer, own) = (admin.find_user("viewer@a.test").await, admin.find_user("admin@a.test").await);
    assert_eq!(viewer["second_factor"], true);
    assert_eq!(first.sign_in("operator@a.test").await.delete(&path(&viewer)).await, 403);
    let refused = admin.request(reqwest::Method::DELETE, &path(&own)).send().await.unwrap();
    problem(refused, 409, "conflict").await;
    // An admin without one needs no proof; it ends the person's sessions.
    assert_eq!(admin.delete(&path(&viewer)).await, 204);
    ends_everywhere("a second factor reset", &[&first, &second], &lost.access, ME).await;
    assert_eq!(second.refresh(&lost.refresh).await.0, 401);
    assert_eq!(admin.delete(&path(&viewer)).await, 404, "there is none any more");
    let again = second.tokens("viewer@a.test").await;
    let _: Authenticator = second.session(&again.access).enrol().await;
    // An admin who has one shows it, for this purpose.
    let mut authenticator = admin.enrol().await;
    let bare = admin.request(reqwest::Method::DELETE, &path(&viewer)).send().await.unwrap();
    problem(bare, 403, "step_up_required").await;
    let proof = admin.step_up(&mut authenticator, "totp.disable").await;
    problem(admin.delete_with_proof(&path(&viewer), &proof).await, 403, "step_up_required").await;
    let proof = admin.step_up(&mut authenticator, "users.reset_second_factor").await;
    problem(admin.delete_with_proof(&path(&own), &proof).await, 409, "conflict").await;
    assert_eq!(admin.delete_with_proof(&path(&viewer), &proof).await.status(), 204);
    assert_eq!(admin.find_user("viewer@a.test").await["second_factor"], false);
    assert_eq!(world.entries("second_factor.reset").await, 2);
}
