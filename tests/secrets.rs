//! Secrets go where they are meant to go and nowhere else: with everything logged, those that were used, rightly and wrongly,
//! stand in no log line, no error, no audit entry, no metric and no column of any table.

use base64::{Engine, engine::general_purpose::STANDARD};
use millwright_core::Role;
use reqwest::{Method, RequestBuilder, header};
use rustls::version::TLS13;
use serde_json::{Value, json};

use crate::kit::{
    PASSWORD, SECRET_KEY, Server, World, operations::NEW_PASSWORD, people::Authenticator, read, session::id,
    tls::Certificate,
};

const DEV_SECRET: &str = "a-development-secret-of-these-tests-only";

/// What was used, and what errors said.
struct Watch<'s> {
    server: &'s Server,
    /// What it is, and the text.
    secrets: Vec<(String, String)>,
    errors: Vec<String>,
}

impl Watch<'_> {
    fn keep(&mut self, what: &str, secret: &str) -> String {
        assert!(secret.len() >= 6, "`{secret}` would be found by chance");
        self.secrets.push((what.to_owned(), secret.to_owned()));
        secret.to_owned()
    }

    /// The same for a field of an answer.
    fn keep_field(&mut self, answer: &Value, field: &str) -> String {
        let secret = answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned();
        self.keep(field, &secret)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.server.http.request(method, self.server.url(path))
    }

    /// Sends it; the answer, which is kept when it is an error.
    async fn send(&mut self, request: RequestBuilder) -> (u16, Value) {
        let response = request.send().await.expect("send");
        let headers = format!("{:?}", response.headers().get(header::LOCATION));
        let (status, body) = read(response).await;
        if status >= 400 {
            self.errors.push(format!("{status} {headers} {body}"));
        }
        (status, body)
    }

    async fn post(&mut self, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        let request = self.request(Method::POST, path).json(body);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        self.send(request).await
    }

    async fn fine(&mut self, path: &str, token: Option<&str>, body: &Value) -> Value {
        let (status, answer) = self.post(path, token, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    async fn refused(&mut self, path: &str, token: Option<&str>, body: &Value) {
        let (status, answer) = self.post(path, token, body).await;
        assert!((400..500).contains(&status), "{path}: {status} {answer}");
    }

    /// Where in a text a secret stands: whole, as its bytes, or as a header or an address would write it.
    fn found_in(&self, text: &str) -> Vec<String> {
        let found = self.secrets.iter().filter(|(_, secret)| {
            let hidden =
                [hex::encode(secret), STANDARD.encode(secret), secret.replace(' ', "%20"), secret.replace(' ', "+")];
            stands_in(text, secret) || hidden.iter().any(|hidden| stands_in(text, hidden))
        });
        found.map(|(what, secret)| format!("{what} `{secret}`")).collect()
    }

    fn assert_clean(&self, place: &str, text: &str) {
        let found = self.found_in(text);
        let around = self.secrets.iter().find_map(|(_, secret)| text.find(secret.as_str())).unwrap_or_default();
        let shown: String = text.chars().skip(text[..around].chars().count().saturating_sub(200)).take(400).collect();
        assert!(found.is_empty(), "{place} shows {found:?}: …{shown}…");
    }
}

/// Six digits stand in many a time and checksum: they count only where they stand alone.
fn stands_in(text: &str, secret: &str) -> bool {
    let alone = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '.' && c != '_' && c != '-');
    text.match_indices(secret).any(|(at, _)| {
        secret.len() > 6 || (alone(text[..at].chars().next_back()) && alone(text[at + secret.len()..].chars().next()))
    })
}

/// With passwords: right, wrong, changed, refused, in the wrong place, by links and in cookies.
async fn passwords(watch: &mut Watch<'_>, admin: &str) {
    let wrong = watch.keep("a wrong password", "wrong-horse-Xw7-battery");
    watch.keep("the password", PASSWORD);
    watch.keep("the next password", NEW_PASSWORD);
    for email in ["ada@a.test", "nobody@a.test"] {
        watch.refused("/api/v1/auth/login", None, &json!({ "email": email, "password": wrong })).await;
    }
    // Not of the documented form: serde would say what it found.
    for body in [
        json!({ "email": "ada@a.test", "password": [wrong] }),
        json!({ "email": "ada@a.test", "password": { "is": wrong } }),
        json!({ "email": "ada@a.test", "password": wrong, "transport": wrong }),
        json!({ "email": "ada@a.test", "password": wrong, "remember": true }),
        json!([wrong]),
        json!(wrong),
    ] {
        watch.refused("/api/v1/auth/login", None, &body).await;
    }
    let cut = format!("{{\"email\":\"ada@a.test\",\"password\":\"{wrong}\"");
    let request = watch.request(Method::POST, "/api/v1/auth/login").header(header::CONTENT_TYPE, "application/json");
    assert_eq!(watch.send(request.body(cut)).await.0, 400);
    let form = watch.request(Method::POST, "/api/v1/auth/login").header(header::CONTENT_TYPE, "text/plain");
    assert_eq!(watch.send(form.body(wrong.clone())).await.0, 415);
    watch.keep("the same as Basic writes it", &STANDARD.encode(format!("ada@a.test:{wrong}")));
    let basic = watch.request(Method::GET, "/api/v1/auth/me").basic_auth("ada@a.test", Some(&wrong));
    assert_eq!(watch.send(basic).await.0, 401);
    let ada = watch.fine("/api/v1/auth/login", None, &json!({ "email": "ada@a.test", "password": PASSWORD })).await;
    let token = watch.keep_field(&ada, "access_token");
    for refused in ["password1234", "Passw0rd!Passw0rd!"] {
        watch.keep("a refused password", refused);
        let body = json!({ "current_password": PASSWORD, "new_password": refused });
        watch.refused("/api/v1/auth/password", Some(&token), &body).await;
    }
    let body = json!({ "current_password": wrong, "new_password": NEW_PASSWORD });
    watch.refused("/api/v1/auth/password", Some(&token), &body).await;
    let body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    watch.fine("/api/v1/auth/password", Some(&token), &body).await;

    let body = json!({ "email": "new@a.test", "display_name": "New", "role": "viewer" });
    let made = watch.fine("/api/v1/admin/users", Some(admin), &body).await;
    let (user, url) = (id(&made["user"]).to_owned(), made["invitation"]["url"].as_str().expect("url").to_owned());
    let link = watch.keep("an invitation", url.split_once("#token=").expect("link").1);
    let second = watch.keep("a password set by a link", "juniper-lathe-77-sparrow");
    let set = |password: &str| json!({ "token": link, "password": password });
    watch.refused("/api/v1/auth/set-password", None, &set("qwertyuiop12")).await;
    watch.fine("/api/v1/auth/set-password", None, &set(&second)).await;
    watch.refused("/api/v1/auth/set-password", None, &set(&second)).await;
    let reset = watch.fine(&format!("/api/v1/admin/users/{user}/password-reset"), Some(admin), &json!({})).await;
    watch.keep("a reset link", reset["url"].as_str().expect("url").split_once("#token=").expect("link").1);
}

/// Sessions: tokens that are used, used twice, cut, and in cookies.
async fn sessions(watch: &mut Watch<'_>) {
    let credentials = json!({ "email": "bob@a.test", "password": PASSWORD });
    let first = watch.fine("/api/v1/auth/login", None, &credentials).await;
    let (access, refresh) = (watch.keep_field(&first, "access_token"), watch.keep_field(&first, "refresh_token"));
    let body = json!({ "refresh_token": refresh });
    let next = watch.fine("/api/v1/auth/refresh", None, &body).await;
    watch.keep_field(&next, "access_token");
    watch.keep_field(&next, "refresh_token");
    watch.refused("/api/v1/auth/refresh", None, &body).await;
    watch.refused("/api/v1/auth/refresh", None, &json!({ "refresh_token": &refresh[..refresh.len() - 3] })).await;
    watch.refused("/api/v1/auth/refresh", None, &json!({ "refresh_token": [refresh] })).await;
    for token in [access.clone(), access[..access.len() - 4].to_owned(), format!("{access}x")] {
        let request = watch.request(Method::GET, "/api/v1/auth/me").bearer_auth(token);
        assert_eq!(watch.send(request).await.0, 401, "the session has ended");
    }
    let request = watch.request(Method::GET, &format!("/api/v1/documents?access_token={access}"));
    assert_eq!(watch.send(request).await.0, 401);

    let body = json!({ "email": "bob@a.test", "password": PASSWORD, "transport": "cookie" });
    let response = watch.request(Method::POST, "/api/v1/auth/login").json(&body).send().await.expect("send");
    let set = response.headers().get_all(header::SET_COOKIE);
    let cookies: Vec<_> = set.iter().map(|cookie| cookie.to_str().expect("ascii").to_owned()).collect();
    let mut jar = Vec::new();
    for cookie in &cookies {
        let pair = cookie.split(';').next().expect("pair");
        let (name, value) = pair.split_once('=').expect("value");
        watch.keep(&format!("the cookie {name}"), value);
        jar.push(pair.to_owned());
    }
    assert!(jar.len() >= 4, "{cookies:?}");
    let csrf = jar.iter().find_map(|pair| pair.strip_prefix("__Host-millwright_csrf=")).expect("csrf").to_owned();
    let jar = jar.join("; ");
    let wrong = watch.keep("a wrong csrf value", "0123456789abcdef-not-this-one");
    let change = |watch: &Watch<'_>, csrf: &str| {
        let request = watch.request(Method::PATCH, "/api/v1/auth/me").header(header::COOKIE, &jar);
        request.header("x-csrf-token", csrf).json(&json!({ "display_name": "Bob" }))
    };
    let (request, expected) = (change(watch, &wrong), 403);
    assert_eq!(watch.send(request).await.0, expected);
    let request = change(watch, &csrf);
    assert_eq!(watch.send(request).await.0, 200);
    let renew = watch.request(Method::POST, "/api/v1/auth/refresh").header(header::COOKIE, &jar);
    let response = renew.header("x-csrf-token", &csrf).json(&json!({})).send().await.expect("send");
    assert_eq!(response.status(), 200);
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        let pair = cookie.to_str().expect("ascii").split(';').next().expect("pair");
        watch.keep("a renewed cookie", pair.split_once('=').expect("value").1);
    }
}

/// A second factor: enrolled, shown, shown twice, shown wrongly, and lost.
async fn second_factor(watch: &mut Watch<'_>) {
    let credentials = json!({ "email": "eve@a.test", "password": PASSWORD });
    let first = watch.fine("/api/v1/auth/login", None, &credentials).await;
    let token = watch.keep_field(&first, "access_token");
    let begun = watch.fine("/api/v1/auth/totp", Some(&token), &json!({})).await;
    let secret = watch.keep_field(&begun, "secret");
    let uri = watch.keep_field(&begun, "otpauth_uri");
    let raw = base32(&secret);
    watch.keep("the second factor's bytes", &hex::encode(raw));
    let mut authenticator = Authenticator::scan(&uri);
    let wrong = watch.keep("a wrong code", "731942");
    watch.refused("/api/v1/auth/totp/confirm", Some(&token), &json!({ "code": wrong })).await;
    let code = watch.keep("a code", &authenticator.code().await);
    let confirmed = watch.fine("/api/v1/auth/totp/confirm", Some(&token), &json!({ "code": code })).await;
    let codes: Vec<String> = confirmed["recovery_codes"]
        .as_array()
        .expect("codes")
        .iter()
        .map(|c| c.as_str().expect("code").to_owned())
        .collect();
    for code in &codes {
        watch.keep("a recovery code", code);
        watch.keep("a recovery code as it is hashed", &code.replace('-', ""));
    }
    let challenge = |answer: &Value| {
        assert_eq!(answer["status"], "second_factor_required", "{answer}");
        answer["challenge"].as_str().expect("challenge").to_owned()
    };
    let begun = watch.fine("/api/v1/auth/login", None, &credentials).await;
    let challenge = watch.keep("a challenge", &challenge(&begun));
    let show = |code: &str| json!({ "challenge": challenge, "code": code });
    watch.refused("/api/v1/auth/login/second-factor", None, &show(&code)).await;
    watch.refused("/api/v1/auth/login/second-factor", None, &show(&wrong)).await;
    let lost = watch.keep("a wrong recovery code", "zzzzz-99999");
    watch.refused("/api/v1/auth/login/second-factor", None, &show(&lost)).await;
    let signed_in = watch.fine("/api/v1/auth/login/second-factor", None, &show(&codes[0])).await;
    let token = watch.keep_field(&signed_in, "access_token");
    watch.keep_field(&signed_in, "refresh_token");
    watch.refused("/api/v1/auth/login/second-factor", None, &show(&codes[0])).await;

    let code = watch.keep("a code", &authenticator.code().await);
    let step_up = json!({ "purpose": "totp.recovery_codes", "code": code });
    let proof = watch.fine("/api/v1/auth/step-up", Some(&token), &step_up).await;
    let proof = watch.keep_field(&proof, "proof");
    watch.refused("/api/v1/auth/step-up", Some(&token), &step_up).await;
    let misplaced =
        watch.request(Method::DELETE, "/api/v1/auth/totp").bearer_auth(&token).header("x-step-up-proof", &proof);
    assert_eq!(watch.send(misplaced).await.0, 403);
    for expected in [200, 403] {
        let renew = watch.request(Method::POST, "/api/v1/auth/totp/recovery-codes").bearer_auth(&token);
        let (status, renewed) = watch.send(renew.header("x-step-up-proof", &proof)).await;
        assert_eq!(status, expected, "{renewed}");
        for code in renewed["recovery_codes"].as_array().into_iter().flatten() {
            watch.keep("a renewed recovery code", code.as_str().expect("code"));
        }
    }
}

/// RFC 4648, without padding.
fn base32(text: &str) -> Vec<u8> {
    let (mut bits, mut held, mut bytes) = (0_u32, 0_u32, Vec::new());
    for c in text.bytes() {
        let value = if c.is_ascii_uppercase() { c - b'A' } else { c - b'2' + 26 };
        (bits, held) = (bits << 5 | u32::from(value), held + 5);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    bytes
}

/// Keys of programs, development tokens, and what a provider would send. Returns the readable beginning of the key.
async fn programs(watch: &mut Watch<'_>, admin: &str) -> String {
    let body = json!({ "name": "program", "scopes": ["documents:read"], "expires_in_days": 1 });
    let made = watch.fine("/api/v1/auth/api-keys", Some(admin), &body).await;
    let key = watch.keep_field(&made, "key");
    let prefix = made["prefix"].as_str().expect("prefix").to_owned();
    watch.keep("the key behind its prefix", &key[prefix.len()..]);
    let me = |watch: &Watch<'_>, token: &str| watch.request(Method::GET, "/api/v1/auth/me").bearer_auth(token);
    let list = |watch: &Watch<'_>, token: &str| watch.request(Method::GET, "/api/v1/documents").bearer_auth(token);
    let request = list(watch, &key);
    assert_eq!(watch.send(request).await.0, 200);
    for request in [me(watch, &key), list(watch, &format!("{key}x")), list(watch, &key[..key.len() - 5])] {
        assert!(matches!(watch.send(request).await.0, 401 | 403));
    }
    let path = format!("/api/v1/auth/api-keys/{}", id(&made));
    let revoke = watch.request(Method::DELETE, &path).bearer_auth(admin);
    assert_eq!(watch.send(revoke).await.0, 204);
    let request = list(watch, &key);
    assert_eq!(watch.send(request).await.0, 401);

    let code = watch.keep("an authorisation code", "SplxlOBeZQQYbYS6WxSbIA");
    let state = watch.keep("a state", "af0ifjsldkjQ7state");
    let pending = watch.keep("a login under way", "cGVuZGluZyBsb2dpbiBvZiBub2JvZHk");
    let request = watch.request(Method::GET, &format!("/api/v1/auth/oidc/callback?code={code}&state={state}"));
    let request = request.header(header::COOKIE, format!("__Secure-millwright_login={pending}"));
    let response = request.send().await.expect("send");
    let led_to = response.url().to_string();
    watch.errors.push(format!("{led_to} {}", response.text().await.expect("text")));
    let request = watch
        .request(Method::GET, "/api/v1/auth/me")
        .header(header::COOKIE, format!("__Host-millwright_access={code}"));
    assert_eq!(watch.send(request).await.0, 401);
    prefix
}

/// The same credentials over TLS and HTTP/2, whose libraries say the most about what they receive. Returns the log.
async fn over_http2(world: &mut World, token: &str) -> Vec<String> {
    let certificate = Certificate::new();
    world.set_certificate(&certificate);
    let server = world.second_server().await;
    let stream = server.tls(&certificate.der, &[&TLS13], &["h2"]).await.expect("handshake");
    let (requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let ask = async {
        let request = http::Request::get("https://localhost/api/v1/auth/me")
            .header("authorization", format!("Bearer {token}"))
            .header("cookie", format!("__Host-millwright_access={token}"))
            .body(())
            .expect("request");
        let mut requests = requests.ready().await.expect("ready");
        let (response, _) = requests.send_request(request, true).expect("request");
        assert_eq!(response.await.expect("an answer").status(), 200);
    };
    tokio::select! {
        () = ask => {}
        ended = connection => panic!("the connection ended: {ended:?}"),
    }
    server.log()
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stand_in_no_log_error_audit_entry_metric_or_table() {
    let mut world = World::new().await;
    world.set("LOG_LEVEL", "trace").set("ENVIRONMENT", "dev").set("DEV_JWT_SECRET", DEV_SECRET);
    let tenant = world.tenant("A").await;
    for email in ["ada@a.test", "bob@a.test", "eve@a.test"] {
        world.user(&tenant, email, Role::Viewer).await;
    }
    let admin = world.somebody(&tenant, "Admin", Role::Admin).await;
    let server = world.server().await;
    let mut watch = Watch { server: &server, secrets: Vec::new(), errors: Vec::new() };
    for (what, secret) in [("the server's secret", SECRET_KEY), ("the development secret", DEV_SECRET)] {
        watch.keep(what, secret);
    }
    watch.keep("the database's password", "only-for-tests");
    watch.keep("an access token", &admin.token);
    passwords(&mut watch, &admin.token).await;
    sessions(&mut watch).await;
    second_factor(&mut watch).await;
    let prefix = programs(&mut watch, &admin.token).await;
    dev_tokens(&world, &mut watch).await;

    let admin = server.session(&admin.token);
    let mut log = server.log();
    log.extend(over_http2(&mut world, &admin.token).await);
    assert!(log.iter().any(|line| line.contains("\"level\":\"TRACE\"")), "not everything is logged");
    assert!(log.iter().any(|line| line.contains(&prefix)), "a key can be found in the log by its prefix");
    for line in &log {
        watch.assert_clean("the log", line);
    }
    assert!(watch.errors.len() >= 30, "only {} errors", watch.errors.len());
    for error in &watch.errors {
        watch.assert_clean("an error", error);
    }
    for entry in admin.all("/api/v1/admin/audit", 200).await {
        watch.assert_clean("the audit log", &entry.to_string());
    }
    let canonical = world.db().peek("SELECT convert_from(canonical, 'utf8') FROM audit_entries").await;
    assert!(canonical.len() >= 20, "{} entries", canonical.len());
    for entry in &canonical {
        watch.assert_clean("a canonical audit entry", entry);
    }
    for path in ["/metrics", "/api/v1/admin/metrics", "/health/ready"] {
        watch.assert_clean(path, &admin.get(path).await.text().await.expect("text"));
    }
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'millwright'::regnamespace AND relkind = 'r'";
    let tables = world.db().peek(tables).await;
    assert!(tables.len() >= 25, "{tables:?}");
    let mut rows = 0;
    for table in &tables {
        for row in world.db().peek(&format!("SELECT t::text FROM {table} t")).await {
            watch.assert_clean(&format!("the table {table}"), &row);
            rows += 1;
        }
    }
    assert!(rows >= 60, "only {rows} rows");
    println!("{} secrets, {} log lines, {} errors, {rows} rows", watch.secrets.len(), log.len(), watch.errors.len());
}

/// Tokens signed with the development secret: good, too old, and with what they must not have.
async fn dev_tokens(world: &World, watch: &mut Watch<'_>) {
    let now = world.sources.now().timestamp();
    for (exp, expected) in [(now + 600, 200), (now - 600, 401)] {
        let claims = json!({ "sub": "grace", "tenant_id": "A", "role": "viewer", "exp": exp });
        let token = crate::kit::people::dev_token(DEV_SECRET, &claims);
        watch.keep("a development token", &token);
        let request = watch.request(Method::GET, "/api/v1/auth/me").bearer_auth(&token);
        let (status, answer) = watch.send(request).await;
        assert_eq!(status, expected, "{answer}");
    }
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    let server = Server::nobody();
    let secrets = vec![("a".to_owned(), "tall oak 77".to_owned()), ("b".to_owned(), "731942".to_owned())];
    let watch = Watch { server: &server, secrets, errors: Vec::new() };
    for text in ["x=tall oak 77;", "74616c6c206f616b203737", "dGFsbCBvYWsgNzc=", "p=tall%20oak%2077", "code: 731942"] {
        assert_eq!(watch.found_in(text).len(), 1, "{text}");
    }
    for text in ["12:01:02.731942Z", "a1731942ff", "tall oak 7"] {
        assert!(watch.found_in(text).is_empty(), "{text}");
    }
    assert_eq!(base32("MZXW6YTBOI"), b"foobar");
}
