//! Sessions of browsers: cookies that scripts and other sites cannot use.

use reqwest::Method;
use serde_json::json;

use crate::kit::{
    PASSWORD, World,
    identity::{ACCESS, Browser, CSRF, DEVICE, REFRESH},
    problem, read,
};

const ME: &str = "/api/v1/auth/me";

#[tokio::test]
async fn cookies_are_for_this_host_only_and_all_but_one_for_no_script() {
    let (_world, server) = World::with_admin().await;
    let browser = Browser::signed_in(&server, "admin@a.test").await;
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), [ACCESS, CSRF, DEVICE, REFRESH]);
    for (name, path, hidden) in
        [(ACCESS, "/", true), (CSRF, "/", false), (REFRESH, "/api/v1/auth", true), (DEVICE, "/api/v1/auth", true)]
    {
        let cookie = browser.cookie(name);
        assert!(cookie.has("secure") && cookie.has("samesite=strict"), "{name}: {cookie:?}");
        assert!(cookie.has(&format!("path={path}")), "{name}: {cookie:?}");
        assert_eq!(cookie.has("httponly"), hidden, "{name}");
        assert!(!cookie.attributes.iter().any(|attribute| attribute.starts_with("domain")), "{name}: {cookie:?}");
    }
    assert!(browser.cookie(ACCESS).has("max-age=600"));
    let whole = browser.cookie(REFRESH).attributes.iter().find_map(|text| text.strip_prefix("max-age="));
    assert!((86_390..=86_400).contains(&whole.unwrap().parse::<u32>().unwrap()));
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let (_world, server) = World::with_admin().await;
    let browser = Browser::signed_in(&server, "admin@a.test").await;
    let other = Browser::signed_in(&server, "admin@a.test").await;
    let renamed = json!({ "display_name": "Eve" });
    // The cookies come along, the header does not, or it is a guess, or the value of another session.
    for header in [None, Some(""), Some("00"), Some("zz"), Some(other.csrf().as_str())] {
        let mut request = browser.request(Method::PATCH, ME).json(&renamed);
        if let Some(value) = header {
            request = request.header("x-csrf-token", value);
        }
        problem(request.send().await.unwrap(), 403, "csrf_rejected").await;
    }
    // Also where a neighbouring host planted a cookie that fits its header.
    let mut planted = browser.clone();
    planted.cookies.get_mut(CSRF).unwrap().value = "ab".repeat(32);
    let request = planted.request(Method::PATCH, ME).header("x-csrf-token", planted.csrf()).json(&renamed);
    problem(request.send().await.unwrap(), 403, "csrf_rejected").await;
    for (method, path) in [
        (Method::POST, "/api/v1/auth/logout"),
        (Method::POST, "/api/v1/auth/refresh"),
        (Method::POST, "/api/v1/auth/api-keys"),
        (Method::DELETE, "/api/v1/auth/totp"),
        (Method::PUT, "/api/v1/admin/security-policy"),
        (Method::POST, "/api/v1/search"),
    ] {
        let response = browser.request(method, path).json(&json!({})).send().await.unwrap();
        problem(response, 403, "csrf_rejected").await;
    }
    let (status, me) = read(browser.request(Method::GET, ME).send().await.unwrap()).await;
    assert_eq!((status, &me["display_name"]), (200, &json!("admin@a.test")), "reading needs no header");
    // Our own page may, and a program with its token needs no header.
    let request = browser.request(Method::PATCH, ME).header("x-csrf-token", browser.csrf()).json(&renamed);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let program = server.sign_in("admin@a.test").await;
    assert_eq!(program.patch(ME, &json!({ "display_name": "Ada" })).await.status(), 200);
}

/// A form of another site can send text with the cookies of this one, but not declare it as JSON.
#[tokio::test]
async fn another_site_signs_nobody_in() {
    let (_world, server) = World::with_admin().await;
    let body = json!({ "email": "admin@a.test", "password": PASSWORD, "transport": "cookie" }).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let request = server.http.post(server.url("/api/v1/auth/login")).header("content-type", kind);
        let response = request.header("origin", "https://evil.example").body(body.clone()).send().await.unwrap();
        assert!(!response.headers().contains_key("set-cookie"));
        assert!(!response.headers().contains_key("access-control-allow-origin"));
        problem(response, 415, "unsupported_media_type").await;
    }
}

#[tokio::test]
async fn a_browser_stays_signed_in_by_refreshing_until_it_signs_out() {
    let (world, server) = World::with_admin().await;
    let mut browser = Browser::signed_in(&server, "admin@a.test").await;
    let before = browser.clone();
    let (status, body) = browser.refresh().await;
    assert_eq!((status, &body["access_token"], &body["refresh_token"]), (200, &json!(null), &json!(null)), "{body}");
    assert_ne!(browser.cookie(REFRESH).value, before.cookie(REFRESH).value);
    assert_ne!(browser.cookie(ACCESS).value, before.cookie(ACCESS).value);
    assert_eq!(browser.csrf(), before.csrf(), "pages that are open go on");
    assert_eq!(browser.get(ME).await.status(), 200);
    // A token that was meant for a cookie is not handed out to scripts, also when it is sent in the body.
    let stolen = json!({ "refresh_token": browser.cookie(REFRESH).value });
    let response = browser.send(browser.request(Method::POST, "/api/v1/auth/refresh").json(&stolen)).await;
    let (status, body) = read(response).await;
    assert_eq!((status, &body["access_token"], &body["refresh_token"]), (200, &json!(null), &json!(null)));

    let last = browser.clone();
    let (status, body) = read(browser.post("/api/v1/auth/logout", &json!({})).await).await;
    assert_eq!((status, &body), (200, &json!({ "redirect_to": null })));
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), [DEVICE], "only the device stays known");
    assert_eq!(last.clone().get(ME).await.status(), 401, "a copy of the cookies is dead at once");
    let mut copy = last;
    let (status, body) = copy.refresh().await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")));
    assert!(!copy.cookies.contains_key(REFRESH), "a browser is told to forget what does not work");
    assert_eq!(world.entries("session.signed_out").await, 1);
}

#[tokio::test]
async fn what_is_no_sessions_token_is_nothing_in_a_cookie() {
    let (_world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let (key, _) = admin.make_key(&["documents:read", "audit:read"]).await;
    let audit = "/api/v1/admin/audit";
    assert_eq!(server.status(&key, audit).await, 200, "the server has just seen that it is good");
    let request = server.http.get(server.url(audit)).header("cookie", format!("{ACCESS}={key}"));
    problem(request.send().await.unwrap(), 401, "unauthenticated").await;
    let request = server.http.get(server.url(audit)).header("cookie", format!("{ACCESS}={}", admin.token));
    assert_eq!(request.send().await.unwrap().status(), 200);
    // A header that is there counts, also one that is wrong.
    let request = server.http.get(server.url(audit)).header("cookie", format!("{ACCESS}={}", admin.token));
    problem(request.bearer_auth("wrong").send().await.unwrap(), 401, "unauthenticated").await;
}
