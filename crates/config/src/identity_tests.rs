//! Identity providers: what is read, what is refused, and that a secret is never told.

use std::{fs, path::PathBuf};

use millwright_core::Role;

use crate::{Config, ConfigError, IdentityConfig, Surroundings, TenantBinding};

const ISSUER: (&str, &str) = ("OIDC_ISSUER_URL", "https://login.example/tenant/");
const CLIENT: (&str, &str) = ("OIDC_CLIENT_ID", "millwright");
const PRODUCTION: (&str, &str) = ("ENVIRONMENT", "production");

fn load(variables: &[(&str, &str)]) -> Result<IdentityConfig, ConfigError> {
    let home = [("HOME", "/home/ada")];
    let surroundings = Surroundings::new(home.iter().chain(variables).copied());
    Config::from_surroundings(&surroundings).map(|config| config.identity)
}

fn problems(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    match load(variables).unwrap_err() {
        ConfigError::Invalid(problems) => problems.into_iter().map(|p| (p.name, p.message)).collect(),
        other => panic!("{other}"),
    }
}

fn names(variables: &[(&str, &str)]) -> Vec<String> {
    problems(variables).into_iter().map(|(name, _)| name).collect()
}

struct File {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("providers.toml");
        fs::write(folder.path().join("secret"), "hunter2\n").unwrap();
        fs::write(&path, text.replace("FOLDER", folder.path().to_str().unwrap())).unwrap();
        Self { folder, path }
    }

    fn setting(&self) -> (&'static str, &str) {
        ("IDENTITY_PROVIDERS_FILE", self.path.to_str().unwrap())
    }
}

#[test]
fn without_settings_nobody_else_is_believed() {
    let identity = load(&[]).unwrap();
    assert!(identity.providers.is_empty() && identity.dev_jwt_secret.is_none());
}

#[test]
fn the_environment_describes_one_provider() {
    let identity = load(&[ISSUER, CLIENT, ("OIDC_CLIENT_SECRET", "hunter2"), ("OIDC_AUDIENCE", "api://mw")]).unwrap();
    let [provider] = identity.providers.as_slice() else { panic!("{identity:?}") };
    assert_eq!((provider.id.as_str(), provider.issuer.as_str()), ("oidc", "https://login.example/tenant/"));
    assert_eq!(provider.client_secret.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(provider.accepted_audience(), "api://mw");
    assert_eq!(provider.scopes, ["openid", "email", "profile"]);
    assert!(matches!(&provider.tenant, TenantBinding::Claim { claim, map } if claim == "tenant_id" && map.is_empty()));
    assert_eq!((provider.role.claim.as_str(), provider.role.default), ("role", None));
    assert!(!format!("{identity:?}").contains("hunter2"));
    assert_eq!(load(&[ISSUER, CLIENT]).unwrap().providers[0].accepted_audience(), "millwright");
}

#[test]
fn half_a_provider_is_refused() {
    assert_eq!(names(&[ISSUER]), ["OIDC_CLIENT_ID"]);
    assert_eq!(names(&[CLIENT, ("OIDC_AUDIENCE", "x")]), ["OIDC_CLIENT_ID", "OIDC_AUDIENCE"]);
    assert_eq!(names(&[("OIDC_ISSUER_URL", "login.example"), CLIENT]), ["OIDC_ISSUER_URL"]);
    for wrong in [
        "ftp://a.example",
        "https://",
        "https://a.example?x=1",
        "https://a.example/#x",
        "https://me@a.example",
        "https://a b",
    ] {
        assert_eq!(names(&[("OIDC_ISSUER_URL", wrong), CLIENT]), ["OIDC_ISSUER_URL"], "{wrong}");
    }
}

#[test]
fn production_believes_no_issuer_without_tls() {
    for (issuer, accepted) in [
        ("http://login.example", false),
        ("http://127.0.0.1.example", false),
        ("http://localhost.example:80/", false),
        ("http://10.0.0.1", false),
        ("http://127.0.0.1:8080/realm", true),
        ("http://[::1]:8080", true),
        ("http://localhost", true),
        ("https://login.example", true),
    ] {
        assert!(load(&[("OIDC_ISSUER_URL", issuer), CLIENT]).is_ok(), "{issuer}");
        let in_production = load(&[("OIDC_ISSUER_URL", issuer), CLIENT, PRODUCTION]);
        assert_eq!(in_production.is_ok(), accepted, "{issuer}");
        let text = format!(
            "[[provider]]\nid = \"a\"\nissuer = \"{issuer}\"\nclient_id = \"c\"\ntenant = {{ fixed = \"acme\" }}"
        );
        assert_eq!(load(&[File::new(&text).setting(), PRODUCTION]).is_ok(), accepted, "{issuer} in the file");
    }
}

#[test]
fn a_development_secret_is_long_and_never_in_production() {
    let long = "0123456789abcdef0123456789abcdef";
    assert_eq!(load(&[("DEV_JWT_SECRET", long)]).unwrap().dev_jwt_secret.unwrap().expose(), long);
    assert_eq!(names(&[("DEV_JWT_SECRET", &long[1..])]), ["DEV_JWT_SECRET"]);
    let refused = problems(&[("DEV_JWT_SECRET", long), PRODUCTION]);
    assert_eq!(refused[0].0, "DEV_JWT_SECRET");
    assert!(!format!("{refused:?}").contains(long));
}

#[test]
fn the_public_address_is_an_origin() {
    let url =
        |text: &str| load(&[("PUBLIC_URL", text)]).map(|identity| identity.public_url("127.0.0.1:1".parse().unwrap()));
    assert_eq!(url("https://mw.example/").unwrap(), "https://mw.example");
    assert_eq!(url("http://mw.example:81").unwrap(), "http://mw.example:81");
    for wrong in ["mw.example", "https://mw.example/path", "https://", "https://MW.example", "https://me@mw.example"] {
        assert!(url(wrong).is_err(), "{wrong}");
    }
    assert_eq!(names(&[("PUBLIC_URL", "http://mw.example"), PRODUCTION]), ["PUBLIC_URL"]);
    assert!(load(&[("PUBLIC_URL", "http://localhost:8000"), PRODUCTION]).is_ok());
    let absent = load(&[]).unwrap();
    for (bound, reached) in [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:80", "http://[::1]:80"),
        ("10.1.2.3:80", "http://10.1.2.3:80"),
    ] {
        assert_eq!(absent.public_url(bound.parse().unwrap()), reached);
    }
}

#[test]
fn the_file_holds_several_providers() {
    let file = File::new(
        r#"
        [[provider]]
        id = "contoso"
        name = "Contoso"
        issuer = "https://login.contoso.example"
        client_id = "mw"
        client_secret_file = "FOLDER/secret"
        tenant = { fixed = "acme" }

        [[provider]]
        id = "group"
        issuer = "https://sso.example/realms/all"
        client_id = "mw"
        audience = "api"
        scopes = ["openid", "offline_access"]
        authorize_parameters = { prompt = "consent" }
        login = false
        tenant = { claim = "company", map = { "0017" = "acme" } }
        [provider.role]
        claim = "/realm_access/roles"
        groups_claim = "groups"
        map = { "mw-admins" = "admin", "mw-audit" = "auditor" }
        default = "viewer"
        "#,
    );
    let identity = load(&[file.setting(), ISSUER, CLIENT]).unwrap();
    let ids: Vec<_> = identity.providers.iter().map(|provider| provider.id.as_str()).collect();
    assert_eq!(ids, ["oidc", "contoso", "group"]);
    let (contoso, group) = (&identity.providers[1], &identity.providers[2]);
    assert_eq!((contoso.name.as_str(), contoso.login), ("Contoso", true));
    assert_eq!(contoso.client_secret.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(contoso.tenant, TenantBinding::Fixed("acme".to_owned()));
    assert_eq!((group.name.as_str(), group.login, group.accepted_audience()), ("group", false, "api"));
    assert_eq!(group.authorize_parameters["prompt"], "consent");
    assert_eq!((group.role.map["mw-audit"], group.role.default), (Role::Auditor, Some(Role::Viewer)));
    assert!(!format!("{identity:?}").contains("hunter2"));
}

#[test]
fn all_that_is_wrong_with_the_file_is_told_at_once() {
    let file = File::new(
        r#"
        surplus = 1
        [[provider]]
        id = "Not An Id"
        issuer = "login.example"
        client_secret = "hunter2"
        client_secret_file = "FOLDER/absent"
        scopes = ["email"]
        authorize_parameters = { state = "fixed" }
        login = "yes"
        tenant = { fixed = "a", claim = "b" }
        role = { map = { g = "root" }, default = "boss", colour = "red" }
        [[provider]]
        name = ""
        "#,
    );
    let found = problems(&[file.setting()]);
    assert!(found.iter().all(|(name, _)| name == "IDENTITY_PROVIDERS_FILE"));
    let told = found.iter().map(|(_, message)| message.as_str()).collect::<Vec<_>>().join("\n");
    for expected in [
        "`surplus` is not known",
        "provider `Not An Id`: `id` must",
        "`issuer` is `login.example`",
        "provider `Not An Id`: `client_id` is needed",
        "`client_secret` is not known; give its file as `client_secret_file`",
        "absent`, which cannot be used",
        "`scopes` must have `openid`",
        "must not have `state`",
        "`login` must be",
        "`tenant`: it must have either",
        "`map` has `root`",
        "`default` has `boss`",
        "`colour` is not known",
        "provider 2: `id` is needed",
        "provider 2: `issuer` is needed",
        "provider 2: `name` must be a text",
        "provider 2: `tenant` is needed",
    ] {
        assert!(told.contains(expected), "{expected} is missing in\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
    assert_eq!(found.len(), 18, "{told}");
}

#[test]
fn doubles_and_unreadable_files_are_refused() {
    let entry = "[[provider]]\nid = \"oidc\"\nissuer = \"https://login.example/tenant/\"\nclient_id = \"c\"\ntenant = { fixed = \"t\" }\n";
    let file = File::new(entry);
    assert!(load(&[file.setting()]).is_ok());
    let told = format!("{:?}", problems(&[file.setting(), ISSUER, CLIENT]));
    assert!(
        told.contains("the id `oidc` stands twice")
            && told.contains("the issuer `https://login.example/tenant/` stands twice")
    );
    let broken = File::new("[[provider]]\nid = hunter2");
    let told = format!("{:?}", problems(&[broken.setting()]));
    assert!(told.contains("line 2") && !told.contains("hunter2"), "{told}");
    let absent = broken.folder.path().join("absent");
    assert_eq!(names(&[("IDENTITY_PROVIDERS_FILE", absent.to_str().unwrap())]), ["IDENTITY_PROVIDERS_FILE"]);
    assert_eq!(names(&[("IDENTITY_PROVIDERS_FILE", "relative.toml")]), ["IDENTITY_PROVIDERS_FILE"]);
    assert_eq!(names(&[File::new("").setting()]), ["IDENTITY_PROVIDERS_FILE"]);
}
