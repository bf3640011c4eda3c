//! Platform operators: tenants are made, suspended and removed beside running servers, and each act stands in the tenant's
//! own log.

use serde_json::{Value, json};

use crate::kit::{
    PASSWORD, World, eventually,
    identity::{SECOND, Tokens, ends_everywhere},
    problem, read, sample,
};

const ME: &str = "/api/v1/auth/me";

impl World {
    /// `millwright tenant …` that must succeed; what it printed.
    fn tenant_command(&self, arguments: &[&str]) -> String {
        let (succeeded, out, error) = self.command(&[&["tenant"], arguments].concat());
        assert!(succeeded, "{arguments:?}: {error}");
        out
    }
}

async fn with_platform() -> World {
    let mut world = World::new().await;
    let url = world.db().platform_url.clone();
    world.set("PLATFORM_DATABASE_URL", &url);
    world
}

#[tokio::test]
async fn a_tenant_is_made_suspended_resumed_and_removed_beside_running_servers() {
    let world = with_platform().await;
    let (first, second) = tokio::join!(world.server(), world.second_server());
    let made = world.tenant_command(&["create", "Walzwerk", "--admin-email", "Ada@Walzwerk.example"]);
    let (_, link) = made.trim().rsplit_once("#token=").expect("a link");
    let body = json!({ "token": link, "password": PASSWORD });
    let (status, body) = read(second.open_post("/api/v1/auth/set-password", &body).await).await;
    assert_eq!((status, &body["user"]["role"]), (200, &json!("admin")), "{body}");
    assert_eq!(body["user"]["tenant"]["name"], "Walzwerk");
    let tokens = Tokens::of(&body);
    let admin = first.session(&tokens.access);
    admin.take_in("report.md", sample("downtime-report.md")).await;
    admin.ask("What stopped the line?").await;
    let (key, _) = admin.make_key(&["audit:read"]).await;
    assert!(
        world.tenant_command(&["list"]).lines().any(|line| line.contains("\tactive\t") && line.ends_with("Walzwerk"))
    );
    for wrong in [
        vec!["create", "Walzwerk"],
        vec!["create", ""],
        vec!["create", "Other", "--admin-email", "ada@walzwerk.example"],
        vec!["create", "Other", "--admin-email", "no address"],
        vec!["suspend", "nobody"],
        vec!["resume", "Walzwerk"],
        vec!["delete", "Walzwerk", "--confirm", "Walzwerk"],
    ] {
        let (succeeded, _, error) = world.command(&[&["tenant"], wrong.as_slice()].concat());
        assert!(!succeeded && !error.is_empty(), "{wrong:?}");
    }
    assert!(!world.tenant_command(&["list"]).contains("Other"), "nothing is left of what failed");

    world.tenant_command(&["suspend", "Walzwerk"]);
    ends_everywhere("a suspended tenant's session", &[&first, &second], &tokens.access, ME).await;
    ends_everywhere("a suspended tenant's key", &[&first, &second], &key, "/api/v1/admin/audit").await;
    assert_eq!(second.refresh(&tokens.refresh).await.0, 401);
    assert_eq!(first.try_sign_in("ada@walzwerk.example", PASSWORD).await.status(), 401);
    // A server that starts now knows it too.
    let third = crate::kit::Server::start(&world, &world.data.path().join("third")).await;
    assert_eq!(third.status(&tokens.access, ME).await, 401);
    assert!(world.tenant_command(&["list"]).contains("\tsuspended\t"));

    world.tenant_command(&["resume", "Walzwerk"]);
    eventually("the tenant goes on", SECOND, async || {
        let mut all = true;
        for server in [&first, &second, &third] {
            all &= server.status(&tokens.access, ME).await == 200;
        }
        all
    })
    .await;
    drop(third);
    let log: Vec<_> = admin.audit("resource_type=tenant").await.iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(log, ["tenant.resumed", "tenant.suspended", "tenant.created"].map(Value::from));

    world.tenant_command(&["suspend", "Walzwerk"]);
    let (succeeded, _, _) = world.command(&["tenant", "delete", "Walzwerk", "--confirm", "walzwerk"]);
    assert!(!succeeded, "the name must be repeated");
    world.tenant_command(&["delete", "Walzwerk", "--confirm", "Walzwerk"]);
    ends_everywhere("a removed tenant's session", &[&first, &second], &tokens.access, ME).await;
    let tables = "SELECT table_name::text FROM information_schema.columns \
                  WHERE table_schema = 'millwright' AND column_name = 'tenant_id'";
    for table in world.db().peek(tables).await {
        let rows = world.db().peek(&format!("SELECT tenant_id::text FROM {table}")).await.len();
        let kept = table.starts_with("audit_") || table == "tenants" || table == "revocations";
        assert!(rows == 0 || kept, "{rows} rows are left in {table}");
    }
    // Its log is all that is left, and it is whole.
    let (succeeded, out, error) = world.command(&["audit", "verify"]);
    assert!(succeeded && out.contains("sound") && !out.contains("NOT SOUND"), "{out}{error}");
    assert_eq!(world.entries("tenant.deleted").await, 1);
    assert_eq!(first.try_sign_in("ada@walzwerk.example", PASSWORD).await.status(), 401);
    // Name and address are free again, and the new tenant has nothing of the old.
    let made = world.tenant_command(&["create", "Walzwerk", "--admin-email", "ada@walzwerk.example"]);
    let (_, link) = made.trim().rsplit_once("#token=").expect("a link");
    let body = json!({ "token": link, "password": PASSWORD });
    let (status, body) = read(first.open_post("/api/v1/auth/set-password", &body).await).await;
    assert_eq!(status, 200, "{body}");
    let admin = first.session(body["access_token"].as_str().unwrap());
    assert_eq!(admin.all("/api/v1/documents", 50).await.len(), 0);
    assert_eq!(admin.search("downtime").await.len(), 0);
    assert_eq!(first.status(&tokens.access, ME).await, 401);
}

#[tokio::test]
async fn only_the_platforms_login_makes_tenants() {
    let mut world = World::new().await;
    let (succeeded, _, error) = world.command(&["tenant", "list"]);
    assert!(!succeeded && error.contains("PLATFORM_DATABASE_URL"), "{error}");
    // The application's own login, of which every replica has the password, can neither make nor change one.
    let app = world.db().url.clone();
    world.set("PLATFORM_DATABASE_URL", &app);
    for arguments in [["tenant", "create", "Eve"].as_slice(), &["tenant", "list"]] {
        let (succeeded, _, error) = world.command(arguments);
        assert!(!succeeded && error.contains("platform"), "{error}");
    }
    assert_eq!(world.db().peek("SELECT name FROM tenants").await.len(), 0);
}

#[tokio::test]
async fn an_admin_of_a_tenant_cannot_reach_the_platform() {
    let (_world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    for path in ["/api/v1/admin/tenants", "/api/v1/platform/tenants", "/api/v1/tenants"] {
        problem(admin.post(path, &json!({ "name": "Eve" })).await, 404, "not_found").await;
    }
}
