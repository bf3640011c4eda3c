//! What is read, what is refused and how it is said. Nothing here touches the process's environment.

use std::{fs, net::IpAddr, path::Path, time::Duration};

use crate::{Config, ConfigError, Environment, LogFormat, LogLevel, ModelNames, ModelServer, SECTIONS, Surroundings};

fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let home = [("HOME", "/home/ada")];
    Config::from_surroundings(&Surroundings::new(home.iter().chain(variables).copied()))
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

#[test]
fn nothing_need_be_set() {
    let config = load(&[]).unwrap();
    assert_eq!((config.server.host, config.server.port), ("127.0.0.1".parse::<IpAddr>().unwrap(), 8000));
    assert_eq!(config.server.environment, Environment::Dev);
    assert_eq!(config.server.max_upload_bytes, 52_428_800);
    assert_eq!(config.server.access_token_ttl, Duration::from_hours(8));
    assert!(config.server.cors_allowed_origins.is_empty());
    assert!(config.database.is_private());
    assert_eq!(config.database.max_connections, 10);
    assert_eq!(config.storage.data_dir, Path::new("/home/ada/.local/share/millwright"));
    assert_eq!(config.storage.cache_dir, Path::new("/home/ada/.cache/millwright"));
    assert_eq!(config.storage.model_dir, Path::new("/home/ada/.cache/millwright/models/all-minilm-l6-v2"));
    assert_eq!((config.retrieval.chunk_size_tokens, config.retrieval.chunk_overlap_tokens), (512, 50));
    assert_eq!((config.retrieval.vector_top_k, config.retrieval.embedding_threads), (50, None));
    assert_eq!(config.models.server, ModelServer::BuiltIn);
    assert_eq!((config.telemetry.log_level, config.telemetry.log_format), (LogLevel::Info, LogFormat::Auto));
}

#[test]
fn every_mistake_is_told_at_once_with_what_is_accepted() {
    let found = problems(&[
        ("PORT", "seventy"),
        ("HOST", "localhost.example"),
        ("CHUNK_OVERLAP_TOKENS", "400"),
        ("LOG_LEVEL", "loud"),
        ("MILLWRIGHT_DATADIR", "/srv"),
    ]);
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["MILLWRIGHT_DATADIR", "HOST", "PORT", "CHUNK_OVERLAP_TOKENS", "LOG_LEVEL"]);
    assert_eq!(found[2].1, "given is `seventy`, accepted is a whole number from 0 to 65535");
    let shown = load(&[("PORT", "x"), ("VECTOR_TOP_K", "0")]).unwrap_err().to_string();
    assert_eq!(
        shown,
        "2 settings are wrong\n  PORT: given is `x`, accepted is a whole number from 0 to 65535\n  VECTOR_TOP_K: given \
         is `0`, accepted is a whole number from 1 to 1000"
    );
}

#[test]
fn one_mistake_does_not_look_like_several() {
    assert_eq!(names(&[("DATABASE_URL", "postgres://db"), ("SECRET_KEY", "short")]), ["SECRET_KEY"]);
    assert_eq!(names(&[("CHUNK_SIZE_TOKENS", "many")]), ["CHUNK_SIZE_TOKENS"]);
}

#[test]
fn an_empty_variable_counts_as_absent() {
    assert_eq!(load(&[("PORT", ""), ("DATABASE_URL", " "), ("SECRET_KEY", "")]).unwrap().server.port, 8000);
}

#[test]
fn a_shared_database_needs_a_shared_key() {
    let url = ("DATABASE_URL", "postgres://millwright_app:pw-7461@db/millwright");
    assert_eq!(names(&[url]), ["SECRET_KEY"]);
    let config = load(&[url, ("SECRET_KEY", &"k".repeat(32))]).unwrap();
    assert!(!config.database.is_private());
    assert!(!format!("{config:?}").contains("pw-7461"));
}

#[test]
fn a_refused_secret_is_not_shown() {
    let found = problems(&[("SECRET_KEY", "hunter2"), ("DATABASE_URL", "mysql://root:hunter2@db")]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
}

#[test]
fn a_secret_can_be_a_file_but_not_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let key = "0123456789abcdef0123456789abcdef";
    fs::write(&path, format!("{key}\n")).unwrap();
    let file = ("SECRET_KEY_FILE", path.to_str().unwrap());
    assert_eq!(load(&[file]).unwrap().secrets.secret_key.unwrap().expose(), key);
    assert_eq!(names(&[file, ("SECRET_KEY", key)]), ["SECRET_KEY"]);
    assert_eq!(names(&[("SECRET_KEY_FILE", "/nowhere/key")]), ["SECRET_KEY_FILE"]);
    fs::write(&path, "\n").unwrap();
    assert_eq!(names(&[file]), ["SECRET_KEY_FILE"]);
}

#[test]
fn the_environment_wins_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("millwright.toml");
    let file = ("MILLWRIGHT_CONFIG", path.to_str().unwrap());
    fs::write(
        &path,
        "PORT = 9000\nVECTOR_TOP_K = 20\nCORS_ALLOWED_ORIGINS = [\"https://a.example\", \"http://b.example:81\"]",
    )
    .unwrap();
    let config = load(&[file, ("PORT", "9001")]).unwrap();
    assert_eq!((config.server.port, config.retrieval.vector_top_k), (9001, 20));
    assert_eq!(config.server.cors_allowed_origins, ["https://a.example", "http://b.example:81"]);

    fs::write(&path, "PORTT = 9000\nVECTOR_TOP_K = 1.5").unwrap();
    let mut found = names(&[file]);
    found.sort();
    assert_eq!(found, ["PORTT", "VECTOR_TOP_K"]);
    fs::write(&path, "VECTOR_TOP_K = 3\nPORT = = 1").unwrap();
    let found = problems(&[file]);
    assert_eq!(found[0].0, "MILLWRIGHT_CONFIG");
    assert!(found[0].1.contains("line 2"), "{found:?}");
}

#[test]
fn origins_are_origins_and_never_a_star() {
    for wrong in ["*", "https://a.example/path", "a.example", "https://", "https://a.example,*", "https://A.example"] {
        assert_eq!(names(&[("CORS_ALLOWED_ORIGINS", wrong)]), ["CORS_ALLOWED_ORIGINS"], "{wrong}");
    }
}

#[test]
fn production_wants_origins_with_tls() {
    let origins = ("CORS_ALLOWED_ORIGINS", "https://a.example,http://b.example");
    assert!(load(&[origins]).is_ok());
    assert_eq!(names(&[origins, ("ENVIRONMENT", "production")]), ["CORS_ALLOWED_ORIGINS"]);
}

#[test]
fn a_model_server_comes_with_names() {
    let ollama = ("OLLAMA_BASE_URL", "http://127.0.0.1:11434/");
    assert_eq!(names(&[ollama]), ["LLM_MODEL_STANDARD"]);
    let config = load(&[ollama, ("LLM_MODEL_STANDARD", "qwen3"), ("LLM_MODEL_HEAVY", "qwen3:32b")]).unwrap();
    let names_expected =
        ModelNames { light: "qwen3".to_owned(), standard: "qwen3".to_owned(), heavy: "qwen3:32b".to_owned() };
    let expected = ModelServer::Ollama { base_url: "http://127.0.0.1:11434".to_owned(), names: names_expected };
    assert_eq!(config.models.server, expected);
    let both = [ollama, ("LLM_BASE_URL", "http://127.0.0.1:8080/v1"), ("LLM_MODEL_STANDARD", "m")];
    assert_eq!(names(&both), ["OLLAMA_BASE_URL"]);
    assert_eq!(names(&[("LLM_API_KEY", "sk")]), ["LLM_API_KEY"]);
}

#[test]
fn without_a_home_the_data_folder_must_be_named() {
    let nobody = Surroundings::new::<&str, &str>([]);
    assert!(Config::from_surroundings(&nobody).unwrap_err().to_string().contains("MILLWRIGHT_DATA_DIR"));
    assert!(Config::from_surroundings(&nobody.as_root()).is_ok());
    assert_eq!(names(&[("MILLWRIGHT_DATA_DIR", "relative/path")]), ["MILLWRIGHT_DATA_DIR"]);
}

#[test]
fn the_reference_in_docs_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let checked_in = fs::read_to_string(path).unwrap_or_default();
    assert!(
        checked_in == Config::reference(),
        "docs/configuration.md is out of date: run `cargo run -p millwright-config --example write_reference`"
    );
}

#[test]
fn settings_have_distinct_names_and_every_secret_is_marked() {
    let mut seen = std::collections::HashSet::new();
    for setting in SECTIONS.iter().flat_map(|section| section.settings) {
        assert!(seen.insert(setting.name), "{} stands twice", setting.name);
        assert!(!setting.meaning.is_empty() && !setting.accepts.is_empty());
        let sounds_secret =
            ["KEY", "PASSWORD", "DATABASE_URL", "ADMIN_URL"].iter().any(|word| setting.name.contains(word));
        assert_eq!(setting.secret, sounds_secret, "{}", setting.name);
    }
}
