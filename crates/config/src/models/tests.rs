//! `models.yaml` and the settings that stand in for it: what is read, what is refused and how it is said.

use std::{fs, path::Path};

use millwright_core::Classification;

use crate::{
    Config, ConfigError, EndpointKind, ModelCatalog, ModelKind, ModelPrice, ModelTier, Surroundings, TierPreference,
};

const KEY: &str = "sk-7461-secret";

fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_surroundings(&Surroundings::new([("HOME", "/home/ada")].iter().chain(variables).copied()))
}

fn problems(result: Result<Config, ConfigError>) -> Vec<String> {
    match result.unwrap_err() {
        ConfigError::Invalid(problems) => problems.into_iter().map(|p| format!("{}: {}", p.name, p.message)).collect(),
        other => panic!("{other}"),
    }
}

fn with_file(text: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("models.yaml");
    fs::write(&path, text).unwrap();
    load(&[("MODELS_FILE", path.to_str().unwrap()), ("CLOUD_KEY", KEY)])
}

fn refused(text: &str) -> Vec<String> {
    problems(with_file(text)).into_iter().map(|problem| problem.replacen("MODELS_FILE: ", "", 1)).collect()
}

const SMALL: &str = "
endpoints:
  - name: gpu
    provider: ollama
    url: http://10.0.0.7:11434
models:
  - name: qwen3
    tiers: [STANDARD]
    context_tokens: 32768
    endpoints: [{endpoint: gpu}]
    price: free
";

#[test]
fn the_embedding_model_is_one_of_the_file_and_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("models.yaml");
    let vectors = "  - name: vectors\n    kind: embedding\n    endpoints: [{endpoint: gpu}]\n    price: free\n";
    let dear = vectors.replace("vectors", "dear").replace("free", "{input_per_million: 1}");
    fs::write(&path, format!("currency: EUR{SMALL}{vectors}{dear}")).unwrap();
    let named = |name: &str| load(&[("MODELS_FILE", path.to_str().unwrap()), ("EMBEDDING_MODEL", name)]);
    assert_eq!(named("vectors").unwrap().retrieval.embedding_model.as_deref(), Some("vectors"));
    assert_eq!(named("builtin").unwrap().retrieval.embedding_model, None);
    assert_eq!(load(&[]).unwrap().retrieval.embedding_model, None);
    for (name, because) in [("dear", "has a price"), ("qwen3", "no model `qwen3`"), ("other", "no model `other`")] {
        let said = problems(named(name));
        assert!(said.len() == 1 && said[0].starts_with("EMBEDDING_MODEL: ") && said[0].contains(because), "{said:?}");
    }
}

#[test]
fn the_example_in_docs_is_read_whole() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/models.example.yaml");
    let keys = [("AZURE_OPENAI_KEY", "k"), ("ANTHROPIC_API_KEY", "k")];
    let path = fs::canonicalize(path).unwrap();
    let config = load(&[&[("MODELS_FILE", path.to_str().unwrap())][..], &keys].concat()).unwrap();
    let catalog = config.models.catalog;
    let kinds: Vec<_> = catalog.endpoints.iter().map(|endpoint| endpoint.kind).collect();
    for kind in EndpointKind::ALL {
        assert!(kinds.contains(&kind), "the example leaves {} out", kind.as_str());
    }
    for tier in ModelTier::ALL {
        assert!(catalog.models.iter().any(|model| model.tiers.contains(&tier)), "{}", tier.as_str());
    }
    assert!(catalog.models.iter().any(|model| model.kind == ModelKind::Embedding));
    assert!(catalog.models.iter().any(|model| matches!(model.price, ModelPrice::GpuSeconds { .. })));
    assert!(catalog.models.iter().any(|model| model.places.len() > 1));
}

#[test]
fn what_is_not_said_has_its_default() {
    let catalog = with_file(SMALL).unwrap().models.catalog;
    let [endpoint] = catalog.endpoints.as_slice() else { panic!("{catalog:?}") };
    assert_eq!((endpoint.kind, endpoint.on_site), (EndpointKind::Ollama, true));
    assert_eq!((endpoint.concurrency, endpoint.queue), (8, 64));
    let seconds =
        [endpoint.timeouts.connect, endpoint.timeouts.first_token, endpoint.timeouts.idle, endpoint.timeouts.total];
    assert_eq!(seconds.map(|time| time.as_secs()), [5, 60, 30, 600]);
    assert_eq!((endpoint.takes.classification, endpoint.takes.export_controlled), (Classification::Restricted, true));
    let [model] = catalog.models.as_slice() else { panic!("{catalog:?}") };
    assert_eq!((model.kind, model.price, model.context_tokens), (ModelKind::Chat, ModelPrice::Free, Some(32_768)));
    assert_eq!((model.places[0].endpoint.as_str(), model.places[0].model.as_str()), ("gpu", "qwen3"));
    assert!(!model.capabilities.images && !model.capabilities.tools);
    assert_eq!(catalog.prefer, TierPreference::Up);
}

#[test]
fn a_host_that_is_not_on_site_is_sent_only_what_is_public_unless_somebody_says_otherwise() {
    let far = SMALL.replace("10.0.0.7", "llm.example");
    let takes = |text: &str| {
        let endpoint = with_file(text).unwrap().models.catalog.endpoints.swap_remove(0);
        (endpoint.takes.classification, endpoint.takes.export_controlled, endpoint.on_site)
    };
    assert_eq!(takes(&far), (Classification::Public, false, false));
    let on_site = far.replace(":11434", ":11434\n    on_site: true");
    assert_eq!(takes(&on_site), (Classification::Restricted, true, true));
    let said = far.replace(":11434", ":11434\n    takes: {classification: INTERNAL}");
    assert_eq!(takes(&said), (Classification::Internal, false, false));
}

#[test]
fn a_price_is_exact_and_its_absence_is_an_error() {
    let price = |text: &str| {
        with_file(&format!("currency: EUR\n{}", SMALL.replace("free", text)))
            .map(|mut config| config.models.catalog.models.remove(0).price)
    };
    let tokens = |input, output, cached| ModelPrice::Tokens {
        input_per_million: input,
        output_per_million: output,
        cached_per_million: cached,
    };
    assert_eq!(price("{input_per_million: 0.15, output_per_million: 0.6}").unwrap(), tokens(150_000, 600_000, 150_000));
    assert_eq!(
        price("{input_per_million: 3, output_per_million: '15.000001', cached_per_million: 0.3}").unwrap(),
        tokens(3_000_000, 15_000_001, 300_000)
    );
    assert_eq!(price("{per_gpu_second: 0.0006}").unwrap(), ModelPrice::GpuSeconds { per_gpu_second: 600 });
    let told = |text: &str| problems(price(text).map(|_| unreachable!()))[0].clone();
    assert!(told("{input_per_million: 1}").contains("`output_per_million` is needed"));
    assert!(told("{input_per_million: 0, output_per_million: 0}").contains("price: free"));
    assert!(told("{input_per_million: 0.0000001, output_per_million: 1}").contains("six decimal places"));
    assert!(told("{per_gpu_second: 1, input_per_million: 1}").contains("either by tokens"));
    assert_eq!(
        refused(&SMALL.replace("    price: free\n", "")),
        ["model `qwen3`: `price` is needed; a model that costs nothing says `price: free`"]
    );
    let without_currency = SMALL.replace("free", "{per_gpu_second: 0.1}");
    assert_eq!(refused(&without_currency), ["`currency` is needed, because there are prices"]);
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_where() {
    let told = refused(
        "
currency: euro
prefer: sideways
colour: red
endpoints:
  - name: gpu
    provider: llama
    url: gpu:11434
    api_key: sk-7461-secret
  - name: gpu
    provider: azure
    url: https://plant.openai.azure.com
    keep_alive: long
    pull: true
    concurrency: 0
    timeouts: {first: 3}
    api_key_env: NOT_SET
  - name: claude
    provider: anthropic
    url: https://api.anthropic.com
    api_key_env: CLOUD_KEY
    api_key_file: /nowhere
models:
  - name: millwright-agent
    kind: chat
    tiers: [LIGHT, MEDIUM]
    endpoints: [{endpoint: gpuu}]
    price: cheap
  - name: vectors
    kind: embedding
    tiers: [LIGHT]
    endpoints: [{endpoint: claude, model: v, weight: 3}]
    price: free
  - 7
",
    );
    let expected = [
        "the file: `currency` must be three capital letters, such as `EUR`",
        "the file: `prefer` is `sideways`, accepted is one of `up`, `down`, `refuse`",
        "the file: model 3 is no table",
        "the file: `colour` is not known",
        "endpoint `gpu`: `provider` is `llama`, accepted is one of `openai`, `azure`, `ollama`, `anthropic`",
        "endpoint `gpu`: `url` must begin with `http://` or `https://`",
        "endpoint `gpu`: `api_key` is not known; give its file as `api_key_file`, or the name of a variable as `api_key_env`",
        "endpoint `gpu`: `api_key_env` is `NOT_SET`, and that variable is not set",
        "endpoint `gpu`: `api_version` is needed for Azure, such as `2024-10-21`",
        "endpoint `gpu`: `keep_alive` must be a time such as `30s`, `10m` or `2h`, `0` or `-1`",
        "endpoint `gpu`: `keep_alive` is for Ollama alone",
        "endpoint `gpu`: `pull` is for Ollama alone",
        "endpoint `gpu`: `concurrency` must be a whole number from 1 to 10000",
        "endpoint `gpu`: `timeouts`: `first` is not known",
        "endpoint `claude`: `api_key_file` and `api_key_env` are both given; keep one",
        "model `millwright-agent`: that is what the whole agent is called",
        "model `millwright-agent`: `context_tokens` is needed: prompt and answer together",
        "model `millwright-agent`: `tiers` has `MEDIUM`, accepted are `LIGHT`, `STANDARD` and `HEAVY`",
        "model `millwright-agent`: place 1: there is no endpoint `gpuu`",
        "model `millwright-agent`: `price` must be `free`, or have `input_per_million` and `output_per_million`, or \
         `per_gpu_second`",
        "model `vectors`: `tiers` are for models of the kind `chat`",
        "model `vectors`: place 1: endpoint `claude` has no embeddings",
        "model `vectors`: place 1: `weight` is not known",
        "endpoint `gpu` stands twice",
        "`models`: one must be of the tier `STANDARD`, to which the others fall",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_key_is_taken_from_where_it_is_named_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, format!("{KEY}\n")).unwrap();
    let of = |line: &str| with_file(&SMALL.replace(":11434", &format!(":11434\n    {line}")));
    for line in [format!("api_key_file: {}", path.display()), "api_key_env: CLOUD_KEY".to_owned()] {
        let config = of(&line).unwrap();
        assert_eq!(config.models.catalog.endpoints[0].api_key.as_ref().unwrap().expose(), KEY);
        assert!(!format!("{config:?}").contains(KEY));
    }
    // Somebody who writes the key where a name belongs does not read it in a log.
    for line in [format!("api_key_env: {KEY}"), format!("api_key: {KEY}"), format!("api_key_env: [{KEY}]")] {
        let told = format!("{:?}", problems(of(&line)));
        assert!(!told.contains(KEY), "{told}");
    }
    fs::write(&path, "two words").unwrap();
    assert!(of(&format!("api_key_file: {}", path.display())).is_err());
}

#[test]
fn a_file_that_is_no_yaml_is_told_by_its_line() {
    let told = refused("endpoints:\n  - name: [\nmodels: 7\n");
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("line "), "{told:?}");
    assert!(refused("endpoints: []\nendpoints: []\n")[0].contains("cannot be read"), "a key that stands twice");
    let told = problems(load(&[("MODELS_FILE", "/nowhere/models.yaml")]));
    assert!(told[0].contains("`/nowhere/models.yaml` cannot be read"), "{told:?}");
}

#[test]
fn a_file_takes_the_place_of_the_other_settings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("models.yaml");
    fs::write(&path, SMALL).unwrap();
    let file = ("MODELS_FILE", path.to_str().unwrap());
    let told = problems(load(&[file, ("LLM_BASE_URL", "http://127.0.0.1/v1"), ("LLM_TIMEOUT_SECONDS", "9")]));
    let names: Vec<_> = told.iter().filter(|problem| problem.contains("`MODELS_FILE` is given")).collect();
    assert_eq!(names.len(), 2, "{told:?}");
    assert!(load(&[file, ("LLM_LABEL_FALLBACK", "extractive")]).unwrap().models.quotes_where_refused);
}

#[test]
fn the_environment_makes_the_same_catalog() {
    assert_eq!(load(&[]).unwrap().models.catalog, ModelCatalog::default());
    let near = [
        ("OLLAMA_BASE_URL", "http://127.0.0.1:11434"),
        ("LLM_MODEL_STANDARD", "qwen3"),
        ("LLM_MODEL_HEAVY", "qwen3:32b"),
        ("LLM_TIMEOUT_SECONDS", "9"),
    ];
    let catalog = load(&near).unwrap().models.catalog;
    let tiers: Vec<_> = catalog.models.iter().map(|model| (model.name.as_str(), model.tiers.clone())).collect();
    let expected = [("qwen3", vec![ModelTier::Light, ModelTier::Standard]), ("qwen3:32b", vec![ModelTier::Heavy])];
    assert_eq!(tiers, expected);
    let [endpoint] = catalog.endpoints.as_slice() else { panic!("{catalog:?}") };
    assert_eq!((endpoint.kind, endpoint.timeouts.idle.as_secs()), (EndpointKind::Ollama, 9));
    assert!(
        catalog.models.iter().all(|model| model.price == ModelPrice::Free && model.places[0].endpoint == endpoint.name)
    );

    assert!(!endpoint.pull, "a server reaches out only where that is said");
    let pulls = [near[0], near[1], ("OLLAMA_PULL", "true")];
    assert!(load(&pulls).unwrap().models.catalog.endpoints[0].pull);
    let told = problems(load(&[("OLLAMA_PULL", "true")]));
    assert!(told[0].starts_with("OLLAMA_PULL: it is given without"), "{told:?}");

    let far = [("LLM_BASE_URL", "https://llm.example/v1"), ("LLM_MODEL_STANDARD", "m")];
    let told = problems(load(&far));
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("LLM_PRICE_PER_MILLION: it is needed"), "{told:?}");
    let catalog = load(&[&far[..], &[("LLM_PRICE_PER_MILLION", "2.5/10")]].concat()).unwrap().models.catalog;
    assert_eq!(catalog.models[0].price, ModelPrice::of_setting("2.5/10").unwrap());
    assert_eq!(catalog.endpoints[0].takes.classification, Classification::Public);
    let catalog = load(&[&far[..], &[("LLM_PRICE_PER_MILLION", "free")]].concat()).unwrap().models.catalog;
    assert_eq!(catalog.models[0].price, ModelPrice::Free, "a server of the site whose name does not show it");
    let told = problems(load(&[&far[..], &[("LLM_PRICE_PER_MILLION", "0/0")]].concat()));
    assert_eq!(told.len(), 1, "one mistake does not look like two: {told:?}");
}
