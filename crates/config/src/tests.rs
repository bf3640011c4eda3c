//! What is read, what is refused and how it is said. Nothing here touches the process's environment.

use std::{fs, net::IpAddr, path::Path, time::Duration};

use millwright_core::Classification;

use crate::{Config, ConfigError, Environment, LogFormat, LogLevel, ModelTier, SECTIONS, Surroundings};

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
    assert_eq!(config.server.access_token_ttl, Duration::from_mins(10));
    assert_eq!(config.server.session_ttl, Duration::from_hours(24));
    assert!(config.server.cors_allowed_origins.is_empty());
    assert!(config.database.is_private());
    assert_eq!(config.database.max_connections, 10);
    assert_eq!(config.storage.data_dir, Path::new("/home/ada/.local/share/millwright"));
    assert_eq!(config.storage.cache_dir, Path::new("/home/ada/.cache/millwright"));
    assert_eq!(config.storage.model_dir, Path::new("/home/ada/.cache/millwright/models/all-minilm-l6-v2"));
    assert_eq!((config.retrieval.chunk_size_tokens, config.retrieval.chunk_overlap_tokens), (512, 50));
    assert_eq!((config.retrieval.vector_top_k, config.retrieval.embedding_threads), (100, None));
    assert!(config.models.catalog.endpoints.is_empty() && config.models.catalog.models.is_empty());
    assert!(!config.models.quotes_where_refused);
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
fn limits_have_defaults_and_bursts_in_proportion() {
    let limits = load(&[]).unwrap().limits;
    let rates = [limits.user, limits.tenant, limits.address].map(|limit| (limit.per_minute, limit.burst));
    assert_eq!(rates, [(600, 100), (6000, 1000), (3000, 500)]);
    let tight = [limits.sign_in, limits.step_up, limits.approval].map(|limit| (limit.per_minute, limit.burst));
    assert_eq!(tight, [(20, 20), (10, 10), (30, 30)]);
    assert_eq!((limits.max_streams_per_user, limits.redis_url), (20, None));
    let limits = load(&[("RATE_LIMIT_PER_MINUTE", "1000000"), ("RATE_LIMIT_BURST", "1")]).unwrap().limits;
    assert_eq!((limits.tenant.per_minute, limits.tenant.burst), (6000, 1), "a burst of none lets nothing through");
    assert_eq!(names(&[("RATE_LIMIT_PER_MINUTE", "0"), ("STEP_UP_LIMIT_PER_MINUTE", "-1")]).len(), 2);
}

#[test]
fn redis_is_a_url_that_is_not_shown() {
    let config = load(&[("REDIS_URL", "rediss://default:pw-7461@redis:6380/0")]).unwrap();
    assert!(config.limits.redis_url.is_some());
    assert!(!format!("{config:?}").contains("pw-7461"));
    let found = problems(&[("REDIS_URL", "http://default:pw-7461@redis")]);
    assert_eq!(found[0].0, "REDIS_URL");
    assert!(!found[0].1.contains("pw-7461"), "{found:?}");
}

#[test]
fn a_certificate_comes_with_its_key() {
    let (certificate, key) = (("TLS_CERT_FILE", "/etc/tls/tls.crt"), ("TLS_KEY_FILE", "/etc/tls/tls.key"));
    let tls = load(&[certificate, key]).unwrap().listening.tls.unwrap();
    assert_eq!((tls.certificate.as_path(), tls.key.as_path()), (Path::new(certificate.1), Path::new(key.1)));
    assert_eq!(names(&[certificate]), ["TLS_KEY_FILE"]);
    assert_eq!(names(&[key]), ["TLS_CERT_FILE"]);
    assert_eq!(names(&[("TLS_CERT_FILE", "tls.crt"), key]), ["TLS_CERT_FILE"], "one mistake, not two");
}

#[test]
fn proxies_are_networks_and_never_everybody() {
    let proxies = load(&[("TRUSTED_PROXIES", "10.1.2.3, 192.168.7.9/16,fd00::/8")]).unwrap().listening.trusted_proxies;
    let trusted = |address: &str| proxies.contains(address.parse().unwrap());
    assert!(trusted("10.1.2.3") && trusted("192.168.200.1") && trusted("fd12::1"));
    assert!(trusted("::ffff:10.1.2.3"), "an IPv4 proxy that came in through an IPv6 socket");
    assert!(!trusted("10.1.2.4") && !trusted("192.169.0.1") && !trusted("2001:db8::1"));
    for wrong in ["0.0.0.0/0", "::/0", "10.0.0.0/33", "proxy.example.com", "10.0.0.0/8;10.1.1.1"] {
        assert_eq!(names(&[("TRUSTED_PROXIES", wrong)]), ["TRUSTED_PROXIES"], "{wrong}");
    }
}

#[test]
fn production_in_the_clear_on_a_network_is_noticed() {
    let (production, everywhere) = (("ENVIRONMENT", "production"), ("HOST", "0.0.0.0"));
    let exposed = |variables: &[(&str, &str)]| load(variables).unwrap().is_exposed_in_the_clear();
    assert!(exposed(&[production, everywhere]));
    assert!(!exposed(&[everywhere]), "trying it out");
    assert!(!exposed(&[production]), "only this machine");
    assert!(!exposed(&[production, everywhere, ("TRUSTED_PROXIES", "10.0.0.0/8")]));
    assert!(!exposed(&[production, everywhere, ("TLS_CERT_FILE", "/c"), ("TLS_KEY_FILE", "/k")]));
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
fn mcp_servers_stand_where_the_operator_says_and_in_production_not_in_the_clear() {
    assert!(load(&[]).unwrap().mcp.allowed_origins.is_empty());
    let origins = ("MCP_ALLOWED_ORIGINS", "https://mes.example,http://10.0.0.5:8080,http://127.0.0.1:9000");
    let production = ("ENVIRONMENT", "production");
    assert_eq!(load(&[origins, production]).unwrap().mcp.allowed_origins.len(), 3);
    let plain = ("MCP_ALLOWED_ORIGINS", "http://mes.example");
    assert!(load(&[plain]).is_ok());
    assert_eq!(names(&[plain, production]), ["MCP_ALLOWED_ORIGINS"]);
    assert_eq!(names(&[("MCP_ALLOWED_ORIGINS", "https://mes.example/mcp")]), ["MCP_ALLOWED_ORIGINS"]);
}

#[test]
fn a_model_server_comes_with_names() {
    let ollama = ("OLLAMA_BASE_URL", "http://127.0.0.1:11434/");
    assert_eq!(names(&[ollama]), ["LLM_MODEL_STANDARD"]);
    let config = load(&[ollama, ("LLM_MODEL_STANDARD", "qwen3"), ("LLM_MODEL_HEAVY", "qwen3:32b")]).unwrap();
    let catalog = config.models.catalog;
    assert_eq!(catalog.endpoints[0].url, "http://127.0.0.1:11434");
    let tiers: Vec<_> = catalog.models.iter().map(|model| (model.name.as_str(), model.tiers.as_slice())).collect();
    let expected = [("qwen3", &[ModelTier::Light, ModelTier::Standard][..]), ("qwen3:32b", &[ModelTier::Heavy])];
    assert_eq!(tiers, expected);
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
        let words = ["KEY", "PASSWORD", "DATABASE_URL", "ADMIN_URL", "REDIS_URL", "SECRET", "OTLP_HEADERS"];
        // The path of a file is none, whatever is in it.
        let sounds_secret = !setting.name.ends_with("_FILE") && words.iter().any(|word| setting.name.contains(word));
        assert_eq!(setting.secret, sounds_secret, "{}", setting.name);
    }
}

#[test]
fn spans_go_nowhere_unless_a_collector_is_named_and_its_headers_stay_secret() {
    assert!(load(&[]).unwrap().telemetry.otlp.is_none());
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "x-key = k-7461, tenant=plant 7");
    let config = load(&[endpoint, headers]).unwrap();
    let otlp = config.telemetry.otlp.as_ref().unwrap();
    let sent: Vec<_> = otlp.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(
        (otlp.endpoint.as_str(), sent),
        ("http://127.0.0.1:4318", vec![("x-key", "k-7461"), ("tenant", "plant 7")])
    );
    assert!(!format!("{config:?}").contains("k-7461"));
    assert!(load(&[headers]).is_err(), "headers for nobody");
    for bad in ["x-key", "=v", "a b=v", "k=\u{e9}"] {
        let error = format!("{:?}", load(&[endpoint, (headers.0, bad)]).unwrap_err());
        assert!(error.contains("several with commas between them"), "{bad}: {error}");
    }
}

/// What a model server at this address is sent at most, with nothing else said.
fn farthest(url: &str) -> (Classification, bool) {
    let price = ("LLM_PRICE_PER_MILLION", "2.5/10");
    let config = load(&[("LLM_BASE_URL", url), ("LLM_MODEL_STANDARD", "m"), price])
        .unwrap_or_else(|error| panic!("{url}: {error}"));
    takes(&config)
}

fn takes(config: &Config) -> (Classification, bool) {
    let takes = config.models.catalog.endpoints[0].takes;
    (takes.classification, takes.export_controlled)
}

#[test]
fn only_a_model_server_on_this_machine_or_a_private_address_is_sent_everything_unasked() {
    for near in [
        "http://127.0.0.1:8080/v1",
        "http://127.8.9.1/v1",
        "http://localhost:11434",
        "http://LocalHost",
        "http://10.1.2.3:8000/v1",
        "http://172.16.0.9/v1",
        "https://192.168.1.5/v1",
        "http://[::1]:8080/v1",
        "http://[fd00::12]/v1",
        "http://user:pw@10.0.0.1/v1",
    ] {
        assert_eq!(farthest(near), (Classification::Restricted, true), "{near}");
    }
    for far in [
        "https://api.openai.com/v1",
        "https://llm.example/v1",
        "http://8.8.8.8/v1",
        "http://172.32.0.1/v1",
        "http://192.169.1.5/v1",
        "http://169.254.169.254/v1",
        "http://[2001:db8::1]/v1",
        "http://[fe80::1]/v1",
        "http://localhost.example/v1",
        "http://10.0.0.1.example/v1",
        "http://10.0.0.1@llm.example/v1",
        "http://127.0.0.1:80@llm.example/v1",
        "https://llm.example/v1?@127.0.0.1",
        "https://llm.example/@127.0.0.1",
        "https://llm.example#@127.0.0.1",
        "http://vllm:8000/v1",
    ] {
        assert_eq!(farthest(far), (Classification::Public, false), "{far}");
    }
    let ollama = [
        ("OLLAMA_BASE_URL", "http://llm.example:11434"),
        ("LLM_MODEL_STANDARD", "m"),
        ("LLM_PRICE_PER_MILLION", "1/2"),
    ];
    assert_eq!(takes(&load(&ollama).unwrap()), (Classification::Public, false));
}

#[test]
fn what_a_model_server_is_sent_can_be_said() {
    let far =
        [("LLM_BASE_URL", "https://llm.example/v1"), ("LLM_MODEL_STANDARD", "m"), ("LLM_PRICE_PER_MILLION", "2.5/10")];
    let with = |more: &[(&'static str, &'static str)]| load(&[&far[..], more].concat());
    let config = with(&[
        ("LLM_MAX_CLASSIFICATION", "CONFIDENTIAL"),
        ("LLM_EXPORT_CONTROLLED", "true"),
        ("LLM_LABEL_FALLBACK", "extractive"),
    ])
    .unwrap();
    assert_eq!(takes(&config), (Classification::Confidential, true));
    assert!(config.models.quotes_where_refused);
    for wrong in [
        ("LLM_MAX_CLASSIFICATION", "secret"),
        ("LLM_MAX_CLASSIFICATION", "internal"),
        ("LLM_EXPORT_CONTROLLED", "perhaps"),
        ("LLM_LABEL_FALLBACK", "guess"),
    ] {
        let ConfigError::Invalid(problems) = with(&[wrong]).unwrap_err() else { panic!("{wrong:?}") };
        assert_eq!(problems[0].name, wrong.0);
    }
}
