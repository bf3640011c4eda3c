//! `models.yaml`: read by hand, so that all that is wrong with it is told at once.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use millwright_core::Classification;
use toml::{Table, Value};

use super::{
    EndpointKind, EndpointSettings, EndpointTakes, EndpointTimeouts, ModelCapabilities, ModelCatalog, ModelEntry,
    ModelKind, ModelPlace, ModelPrice, ModelTier, TierPreference, catalog::USUAL_CURRENCY, host, price::micros,
};
use crate::{
    Secret, Surroundings,
    reader::{Reader, secret_in_file},
    table::Entry,
};

/// A longer file is none of ours.
const MAX_BYTES: u64 = 1 << 20;
/// The whole agent goes by this name in the OpenAI API.
const RESERVED_NAME: &str = "millwright-agent";

/// The catalog of the file; what is wrong with it goes to `reader`.
pub(super) fn read(reader: &mut Reader<'_>, setting: &str, path: &Path) -> ModelCatalog {
    let mut problems = Vec::new();
    let catalog = match parse(path) {
        Ok(table) => catalog(table, reader.surroundings(), &mut problems),
        Err(message) => {
            problems.push(format!("`{}` cannot be read: {message}", path.display()));
            ModelCatalog::default()
        }
    };
    for problem in problems {
        reader.problem(setting, problem);
    }
    catalog
}

fn parse(path: &Path) -> Result<Table, String> {
    let size = fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MAX_BYTES {
        return Err(format!("it has {size} bytes, more than any list of models"));
    }
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    serde_saphyr::from_str(&text).map_err(|error| {
        // Without the drawing of the line, in which a secret may stand.
        let whole = error.without_snippet().to_string();
        whole.lines().next().unwrap_or_default().to_owned()
    })
}

fn catalog(table: Table, surroundings: &Surroundings, problems: &mut Vec<String>) -> ModelCatalog {
    let mut file = Entry { place: "the file".to_owned(), table, problems };
    let currency = file.text("currency");
    if currency.as_ref().is_some_and(|word| word.len() != 3 || !word.bytes().all(|b| b.is_ascii_uppercase())) {
        file.problem("`currency` must be three capital letters, such as `EUR`");
    }
    let prefer = file.choice(
        "prefer",
        &[("up", TierPreference::Up), ("down", TierPreference::Down), ("refuse", TierPreference::Refuse)],
    );
    let endpoints = file.list("endpoints", "endpoint");
    let models = file.list("models", "model");
    if endpoints.is_empty() {
        file.problem("`endpoints` must have at least one");
    }
    if models.is_empty() {
        file.problem("`models` must have at least one");
    }
    file.refuse_the_rest();
    let problems = file.problems;
    let endpoints: Vec<_> = endpoints
        .into_iter()
        .map(|(place, table)| Entry { place, table, problems: &mut *problems }.endpoint(surroundings))
        .collect();
    let models: Vec<_> = models
        .into_iter()
        .map(|(place, table)| Entry { place, table, problems: &mut *problems }.model(&endpoints))
        .collect();
    unique("endpoint", endpoints.iter().map(|endpoint| endpoint.name.as_str()), problems);
    unique("model", models.iter().map(|model| model.name.as_str()), problems);
    let chats = models.iter().any(|model| model.kind == ModelKind::Chat);
    if chats && !models.iter().any(|model| model.tiers.contains(&ModelTier::Standard)) {
        problems.push("`models`: one must be of the tier `STANDARD`, to which the others fall".to_owned());
    }
    if currency.is_none() && models.iter().any(|model| model.price != ModelPrice::Free) {
        problems.push("`currency` is needed, because there are prices".to_owned());
    }
    let currency = currency.unwrap_or_else(|| USUAL_CURRENCY.to_owned());
    ModelCatalog { currency, endpoints, models, prefer: prefer.unwrap_or(TierPreference::Up) }
}

fn unique<'n>(what: &str, names: impl Iterator<Item = &'n str>, problems: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for name in names.filter(|name| !name.is_empty()) {
        if !seen.insert(name) {
            problems.push(format!("{what} `{name}` stands twice"));
        }
    }
}

impl Entry<'_> {
    fn endpoint(&mut self, surroundings: &Surroundings) -> EndpointSettings {
        let name = self.name();
        let kinds = EndpointKind::ALL.map(|kind| (kind.as_str(), kind));
        let kind = self.needed_choice("provider", &kinds).unwrap_or(EndpointKind::Openai);
        let url = self.needed("url");
        let base = host::base_url(&url);
        if base.is_none() && !url.is_empty() {
            self.problem("`url` must begin with `http://` or `https://`");
        }
        let url = base.unwrap_or_default();
        let on_site = self.yes_or_no("on_site").unwrap_or_else(|| host::is_private(&url));
        let settings = EndpointSettings {
            name,
            kind,
            api_key: self.api_key(surroundings),
            api_version: self.api_version(kind),
            keep_alive: self.keep_alive(kind),
            pull: self.pull(kind),
            concurrency: self.number("concurrency", 1, 10_000).unwrap_or(8),
            queue: self.number("queue", 0, 100_000).unwrap_or(64),
            timeouts: self.timeouts(),
            takes: self.takes(on_site),
            url,
            on_site,
        };
        self.refuse_the_rest();
        settings
    }

    fn api_key(&mut self, surroundings: &Surroundings) -> Option<Secret> {
        let (file, variable) = (self.text("api_key_file"), self.text("api_key_env"));
        let key = match (file, variable) {
            (None, None) => return None,
            (Some(_), Some(_)) => {
                self.problem("`api_key_file` and `api_key_env` are both given; keep one");
                return None;
            }
            (Some(path), None) => secret_in_file(&path)
                .map_err(|e| self.problem(&format!("`api_key_file` is `{path}`, which cannot be used: {e}")))
                .ok()?,
            (None, Some(variable)) => {
                // Only a name is repeated: somebody may have written the key itself.
                let is_name = variable.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
                match surroundings.get(&variable) {
                    Some(key) => key.to_owned(),
                    None if is_name => {
                        self.problem(&format!("`api_key_env` is `{variable}`, and that variable is not set"));
                        return None;
                    }
                    None => {
                        self.problem("`api_key_env` must be the name of a variable that is set");
                        return None;
                    }
                }
            }
        };
        if !key.bytes().all(|b| b.is_ascii_graphic()) {
            self.problem("the API key has characters that cannot be sent");
            return None;
        }
        Some(Secret::new(key))
    }

    fn api_version(&mut self, kind: EndpointKind) -> Option<String> {
        let version = self.text("api_version");
        match (kind, &version) {
            (EndpointKind::Azure, None) => self.problem("`api_version` is needed for Azure, such as `2024-10-21`"),
            (EndpointKind::Azure, Some(_)) | (_, None) => {}
            (_, Some(_)) => self.problem("`api_version` is for Azure alone"),
        }
        version
    }

    fn keep_alive(&mut self, kind: EndpointKind) -> Option<String> {
        let text = match self.table.remove("keep_alive")? {
            Value::String(text) => text,
            Value::Integer(number) => number.to_string(),
            _ => String::new(),
        };
        let time = text.strip_suffix(['s', 'm', 'h']).is_some_and(|number| number.parse::<u32>().is_ok());
        if !time && text != "0" && text != "-1" {
            self.problem("`keep_alive` must be a time such as `30s`, `10m` or `2h`, `0` or `-1`");
        }
        if kind != EndpointKind::Ollama {
            self.problem("`keep_alive` is for Ollama alone");
        }
        Some(text)
    }

    fn pull(&mut self, kind: EndpointKind) -> bool {
        let may = self.yes_or_no("pull");
        if may.is_some() && kind != EndpointKind::Ollama {
            self.problem("`pull` is for Ollama alone");
        }
        may.unwrap_or(false)
    }

    fn timeouts(&mut self) -> EndpointTimeouts {
        let defaults = EndpointTimeouts::default();
        let Some(mut entry) = self.part("timeouts") else { return defaults };
        let mut seconds = |key, default| {
            entry.number(key, 1, 86_400).map_or(default, |seconds| Duration::from_secs(u64::from(seconds)))
        };
        let timeouts = EndpointTimeouts {
            connect: seconds("connect", defaults.connect),
            first_token: seconds("first_token", defaults.first_token),
            idle: seconds("idle", defaults.idle),
            total: seconds("total", defaults.total),
        };
        entry.refuse_the_rest();
        timeouts
    }

    fn takes(&mut self, on_site: bool) -> EndpointTakes {
        let unasked = EndpointTakes::unasked(on_site);
        let Some(mut entry) = self.part("takes") else { return unasked };
        let words = Classification::ALL.map(|one| (one.as_str(), one));
        let takes = EndpointTakes {
            classification: entry.choice("classification", &words).unwrap_or(unasked.classification),
            export_controlled: entry.yes_or_no("export_controlled").unwrap_or(unasked.export_controlled),
        };
        entry.refuse_the_rest();
        takes
    }

    fn model(&mut self, endpoints: &[EndpointSettings]) -> ModelEntry {
        let name = self.name();
        if name == RESERVED_NAME {
            self.problem("that is what the whole agent is called");
        }
        let kind = self.choice("kind", &[("chat", ModelKind::Chat), ("embedding", ModelKind::Embedding)]);
        let kind = kind.unwrap_or(ModelKind::Chat);
        let context_tokens = self.number("context_tokens", 1, u32::MAX);
        if context_tokens.is_none() && kind == ModelKind::Chat && !self.told("`context_tokens`") {
            self.problem("`context_tokens` is needed: prompt and answer together");
        }
        let entry = ModelEntry {
            tiers: self.tiers(kind),
            kind,
            context_tokens,
            max_output_tokens: self.number("max_output_tokens", 1, u32::MAX),
            capabilities: self.capabilities(),
            places: self.places(&name, kind, endpoints),
            price: self.price(kind),
            name,
        };
        self.refuse_the_rest();
        entry
    }

    fn tiers(&mut self, kind: ModelKind) -> Vec<ModelTier> {
        let given = self.table.contains_key("tiers");
        let words = self.texts("tiers").unwrap_or_default();
        match (kind, given) {
            (ModelKind::Chat, false) => self.problem("`tiers` is needed: one or more of `LIGHT`, `STANDARD`, `HEAVY`"),
            (ModelKind::Embedding, true) => self.problem("`tiers` are for models of the kind `chat`"),
            _ => {}
        }
        let mut tiers = BTreeSet::new();
        for word in words {
            match ModelTier::ALL.into_iter().find(|tier| tier.as_str() == word) {
                Some(tier) => _ = tiers.insert(tier),
                None => self.problem(&format!("`tiers` has `{word}`, accepted are `LIGHT`, `STANDARD` and `HEAVY`")),
            }
        }
        tiers.into_iter().collect()
    }

    fn capabilities(&mut self) -> ModelCapabilities {
        let Some(mut entry) = self.part("capabilities") else { return ModelCapabilities::default() };
        let mut can = |key| entry.yes_or_no(key).unwrap_or_default();
        let capabilities = ModelCapabilities {
            tools: can("tools"),
            json_schema: can("json_schema"),
            images: can("images"),
            logprobs: can("logprobs"),
        };
        entry.refuse_the_rest();
        capabilities
    }

    fn places(&mut self, name: &str, kind: ModelKind, endpoints: &[EndpointSettings]) -> Vec<ModelPlace> {
        let place = self.place.clone();
        let tables = self.list("endpoints", "place");
        if tables.is_empty() {
            self.problem("`endpoints` must have at least one place");
        }
        let mut places: Vec<ModelPlace> = Vec::new();
        for (number, table) in tables {
            let mut entry = Entry { place: format!("{place}: {number}"), table, problems: self.problems };
            let endpoint = entry.needed("endpoint");
            let model = entry.text("model").unwrap_or_else(|| name.to_owned());
            match endpoints.iter().find(|known| known.name == endpoint) {
                None if endpoint.is_empty() => {}
                None => entry.problem(&format!("there is no endpoint `{endpoint}`")),
                Some(known) if known.kind == EndpointKind::Anthropic && kind == ModelKind::Embedding => {
                    entry.problem(&format!("endpoint `{endpoint}` has no embeddings"));
                }
                Some(_) => {}
            }
            entry.refuse_the_rest();
            let found = ModelPlace { endpoint, model };
            if places.contains(&found) {
                entry.problem("it stands twice");
            }
            places.push(found);
        }
        places
    }

    fn price(&mut self, kind: ModelKind) -> ModelPrice {
        let table = match self.table.remove("price") {
            Some(Value::String(word)) if word == "free" => return ModelPrice::Free,
            Some(Value::Table(table)) => table,
            Some(_) => {
                self.problem(
                    "`price` must be `free`, or have `input_per_million` and `output_per_million`, or `per_gpu_second`",
                );
                return ModelPrice::Free;
            }
            None => {
                self.problem("`price` is needed; a model that costs nothing says `price: free`");
                return ModelPrice::Free;
            }
        };
        let mut entry = Entry { place: format!("{}: `price`", self.place), table, problems: self.problems };
        let price = entry.price_of(kind);
        entry.refuse_the_rest();
        price
    }

    fn price_of(&mut self, kind: ModelKind) -> ModelPrice {
        let by_time = self.table.contains_key("per_gpu_second");
        let [input, output, cached, second] =
            ["input_per_million", "output_per_million", "cached_per_million", "per_gpu_second"]
                .map(|key| self.money(key));
        if by_time {
            if input.is_some() || output.is_some() || cached.is_some() {
                self.problem("it is either by tokens or by `per_gpu_second`");
            }
            if second == Some(0) {
                self.problem("a model that costs nothing says `price: free`");
            }
            return ModelPrice::GpuSeconds { per_gpu_second: second.unwrap_or_default() };
        }
        if input.is_none() && !self.told("`input_per_million`") {
            self.problem("`input_per_million` is needed");
        }
        // Vectors are not made of tokens.
        let has_output = kind == ModelKind::Embedding || output.is_some() || self.told("`output_per_million`");
        if !has_output {
            self.problem("`output_per_million` is needed");
        }
        if input == Some(0) && output.unwrap_or_default() == 0 {
            self.problem("a model that costs nothing says `price: free`");
        }
        let input_per_million = input.unwrap_or_default();
        ModelPrice::Tokens {
            input_per_million,
            output_per_million: output.unwrap_or_default(),
            // The dearer reading where the file does not say.
            cached_per_million: cached.unwrap_or(input_per_million),
        }
    }

    fn money(&mut self, key: &str) -> Option<u64> {
        let text = match self.table.remove(key)? {
            Value::Integer(number) => number.to_string(),
            // The shortest decimal that means this float, which is what was written.
            Value::Float(number) => number.to_string(),
            Value::String(text) => text,
            _ => String::new(),
        };
        let price = micros(&text);
        if price.is_none() {
            self.problem(&format!("`{key}` must be a price with at most six decimal places"));
        }
        price
    }

    fn name(&mut self) -> String {
        let name = self.needed("name");
        if name.len() > 128 || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            self.problem("`name` must have at most 128 bytes and no spaces");
        }
        name
    }

    fn needed_choice<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        if !self.table.contains_key(key) {
            self.problem(&format!("`{key}` is needed: {}", list_of(words)));
        }
        self.choice(key, words)
    }

    /// Whether a problem with this key of this entry is already told.
    fn told(&self, key: &str) -> bool {
        let beginning = format!("{}: {key}", self.place);
        self.problems.iter().any(|problem| problem.starts_with(&beginning))
    }
}

fn list_of<T>(words: &[(&str, T)]) -> String {
    let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    format!("one of {}", words.join(", "))
}
