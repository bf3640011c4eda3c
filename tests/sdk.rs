//! The official client packages of the OpenAI API, unmodified: openai for Python and JavaScript, and langchain-openai. What they
//! check stands in `tests/sdk`; here is the installation that they are run against. `run.sh` there runs them by hand against
//! any other, for instance one before a real llama.cpp server (`tests/peers/llamacpp`).

use std::{process::Command, time::Duration};

use millwright_core::Role;

use crate::{
    gateway::{budget, models_file},
    kit::{World, root, upstream::Upstream},
};

/// What the stand-in says to everything, so that the agent finds it held by a passage.
const DOCUMENT: &str =
    "# Orders\n\nThe purchase order 4500000001 is released and has three open items. Order 4500000002 is closed.\n";
const QUESTION: &str = "Is the purchase order 4500000001 released?";

async fn run(language: &'static str) {
    let upstream = Upstream::start();
    let mut world = World::new().await;
    let tenant = world.tenant("A").await;
    for (email, role) in [("admin@a.test", Role::Admin), ("poor@a.test", Role::Operator)] {
        world.user(&tenant, email, role).await;
    }
    models_file(&mut world, &[&upstream]);
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("orders.md", DOCUMENT).await;
    let (key, _) = admin.make_key(&["chat:use", "documents:read"]).await;
    let poor = server.sign_in("poor@a.test").await;
    let (poor_key, _) = poor.make_key(&["chat:use"]).await;
    let user = admin.find_user("poor@a.test").await;
    budget(&admin, "pocket money", "user", user["id"].as_str(), "tokens", 1).await;

    let mut command = Command::new(root().join("tests/sdk/run.sh"));
    command
        .arg(language)
        .env("SDK_BASE_URL", server.url("/v1"))
        .env("SDK_KEY", key)
        .env("SDK_POOR_KEY", poor_key)
        .env("SDK_BUDGET", "pocket money")
        .env("SDK_MODEL", "fake-1")
        .env("SDK_EMBEDDING_MODEL", "fake-emb")
        .env("SDK_QUESTION", QUESTION)
        .env("SDK_ANSWER", "three open items");
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = tokio::time::timeout(Duration::from_mins(5), output).await.expect("in time");
    let output = output.expect("join").expect("run.sh");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
    println!("{said}");
    assert!(output.status.success(), "{language}:\n{said}");
    let ran = ["\nRan ", "pass "].iter().any(|word| said.contains(word));
    assert!(ran || said.starts_with("SKIPPED"), "it tested nothing: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_packages_work_unmodified() {
    run("python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_javascript_package_works_unmodified() {
    run("javascript").await;
}
