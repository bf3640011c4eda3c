//! The shape of the house: which crate may depend on which, who may name what, and how large a file may grow.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::kit::root;

/// Floors from the bottom up. A crate may depend on crates of lower floors, and on its own floor only where said.
const FLOORS: &[&[&str]] = &[
    &["core", "config", "telemetry", "private-postgres"],
    &["store"],
    &["auth", "audit", "documents", "limits", "mcp", "odata", "odbc", "oidc", "policy", "routing", "sql-guard"],
    &["llm", "retrieval", "identity", "governance", "budgets"],
    &["gateway"],
    &["agents"],
    &["workers"],
    &["api"],
    &["server"],
    &["loadtest", "scripted-mcp", "scripted-model", "xtask"],
];

/// Dependencies inside one floor that have a reason.
const ALLOWED_BESIDE: &[(&str, &str, &str)] = &[
    ("config", "core", "core is below everything"),
    ("telemetry", "core", "core is below everything"),
    ("telemetry", "config", "its settings"),
    ("private-postgres", "core", "core is below everything"),
    ("loadtest", "scripted-model", "runs are measured with a model that takes no time"),
];

/// Who may name a library.
const ONLY: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("pgvector", &["store"]),
    ("axum", &["api", "scripted-mcp"]),
    ("utoipa-axum", &["api"]),
    ("tantivy", &["retrieval"]),
    ("rten", &["retrieval"]),
    ("async-openai", &["llm"]),
    ("argon2", &["auth"]),
    ("jsonwebtoken", &["auth", "oidc"]),
    ("metrics", &["telemetry"]),
    ("governor", &["limits"]),
    ("redis", &["limits"]),
    ("hyper", &["api"]),
    ("tokio-rustls", &["api"]),
    ("cedar-policy", &["policy"]),
    ("sqlparser", &["sql-guard"]),
    ("rmcp", &["mcp", "scripted-mcp"]),
    ("odbc-api", &["odbc"]),
];

fn short(name: &str) -> &str {
    name.strip_prefix("millwright-").unwrap_or(name)
}

fn dependencies() -> BTreeMap<String, Vec<String>> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("metadata");
    metadata
        .packages
        .iter()
        .map(|package| {
            let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
            (short(&package.name).to_owned(), normal.map(|dependency| short(&dependency.name).to_owned()).collect())
        })
        .collect()
}

#[test]
fn arrows_only_point_down() {
    let floor = |name: &str| FLOORS.iter().position(|floor| floor.contains(&name));
    let mut wrong = Vec::new();
    for (name, dependencies) in dependencies() {
        let Some(own) = floor(&name) else {
            wrong.push(format!("{name} stands on no floor"));
            continue;
        };
        for dependency in dependencies {
            let Some(other) = floor(&dependency) else { continue };
            let beside = ALLOWED_BESIDE.iter().any(|(from, to, _)| *from == name && *to == dependency);
            if other > own || (other == own && !beside) {
                wrong.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_named_crates_name_a_library() {
    for (name, dependencies) in dependencies() {
        for (library, allowed) in ONLY {
            let named = dependencies.iter().any(|dependency| dependency == library);
            assert!(!named || allowed.contains(&name.as_str()), "{name} must not name {library}");
        }
    }
}

#[test]
fn core_audit_auth_policy_and_routing_do_no_input_or_output() {
    for name in ["core", "audit", "auth", "policy", "routing"] {
        let dependencies = &dependencies()[name];
        for library in ["tokio", "reqwest", "sqlx", "millwright-store", "store"] {
            assert!(!dependencies.iter().any(|dependency| dependency == library), "{name} depends on {library}");
        }
    }
}

fn files(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()) {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if entry.is_dir() {
            if !["node_modules", "target", "dist", ".git", "generated"].contains(&name) {
                files(&entry, extensions, found);
            }
        } else if extensions.iter().any(|extension| name.ends_with(extension)) && !name.contains(".gen.") {
            found.push(entry);
        }
    }
}

#[test]
fn no_file_is_too_large_to_read() {
    let mut found = Vec::new();
    for folder in ["crates", "tests", "loadtest", "frontend/src", "frontend/e2e"] {
        let folder = root().join(folder);
        if folder.exists() {
            files(&folder, &[".rs", ".ts", ".tsx"], &mut found);
        }
    }
    assert!(found.len() > 100, "the search for files is broken");
    let large: Vec<_> = found
        .iter()
        .map(|file| (fs::read_to_string(file).expect("text"), file))
        .filter(|(text, _)| !text.starts_with("// Generated by ") && text.lines().count() > 800)
        .map(|(_, file)| file)
        .collect();
    assert!(large.is_empty(), "split these: {large:?}");
}

#[test]
fn nothing_unfinished_is_left_behind() {
    let mut found = Vec::new();
    for folder in ["crates", "frontend/src", "migrations", "scripts"] {
        files(&root().join(folder), &[".rs", ".ts", ".tsx", ".sql", ".sh", ".py"], &mut found);
    }
    // Put together here, so that this file does not find itself.
    let words = [["TO", "DO"], ["FIX", "ME"], ["X", "XX"], ["HA", "CK"]].map(|parts| parts.concat());
    for file in found {
        let text = fs::read_to_string(&file).expect("text");
        for word in &words {
            let unfinished = text.split(|c: char| !c.is_alphanumeric()).any(|found| found == word);
            assert!(!unfinished, "{} says {word}", file.display());
        }
        assert!(!text.contains(&["#[", "ignore"].concat()), "{} skips a test", file.display());
    }
}

#[test]
fn every_crate_says_what_it_is() {
    for entry in fs::read_dir(root().join("crates")).expect("crates").map(|entry| entry.expect("entry").path()) {
        let (lib, main) = (entry.join("src/lib.rs"), entry.join("src/main.rs"));
        let text = fs::read_to_string(if lib.exists() { lib } else { main }).expect("crate root");
        let documented = text.lines().take_while(|line| line.starts_with("//!")).count();
        assert!(documented >= 5, "{} says too little about itself", entry.display());
    }
}

#[test]
fn the_map_names_every_crate() {
    let map = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("map");
    assert!(map.lines().count() < 250);
    for name in dependencies().keys().filter(|name| *name != "loadtest") {
        assert!(map.contains(&format!("`{name}`")), "docs/ARCHITECTURE.md does not name `{name}`");
    }
}

#[test]
fn the_openapi_document_is_the_one_checked_in() {
    let mut made = crate::kit::operations::document();
    made.sort_all_objects();
    let made = serde_json::to_string_pretty(&made).expect("json");
    let kept = fs::read_to_string(root().join("docs/openapi.json")).unwrap_or_default();
    assert!(made.trim() == kept.trim(), "docs/openapi.json is out of date: run `make generate`");
}
