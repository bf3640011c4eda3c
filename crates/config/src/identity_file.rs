//! The file of identity providers: read by hand, so that all that is wrong with it is told at once.

use std::{collections::BTreeMap, fs, path::Path};

use millwright_core::Role;
use toml::Value;

use crate::{
    Environment, ProviderSettings, RoleMapping, Secret, TenantBinding,
    identity::{IDENTITY_PROVIDERS_FILE, issuer_problem},
    reader::{Reader, place_and_message, secret_in_file},
    table::Entry,
};

/// Parameters of the authorisation request on which its safety rests.
const RESERVED_PARAMETERS: &[&str] = &[
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// All providers of the file that are as they should be; what is wrong with the others goes to `reader`.
pub(crate) fn read(reader: &mut Reader<'_>, path: &Path, environment: Environment) -> Vec<ProviderSettings> {
    let mut problems = Vec::new();
    let providers = match parse(path) {
        Ok(table) => providers(table, environment, &mut problems),
        Err(message) => {
            problems.push(format!("`{}` cannot be read: {message}", path.display()));
            Vec::new()
        }
    };
    for problem in problems {
        reader.problem(IDENTITY_PROVIDERS_FILE.name, problem);
    }
    providers
}

fn parse(path: &Path) -> Result<toml::Table, String> {
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    text.parse().map_err(|e| place_and_message(&text, &e))
}

fn providers(mut table: toml::Table, environment: Environment, problems: &mut Vec<String>) -> Vec<ProviderSettings> {
    let entries = table.remove("provider");
    problems
        .extend(table.keys().map(|key| format!("`{key}` is not known; it holds one `[[provider]]` after the other")));
    let Some(Value::Array(entries)) = entries else {
        problems.push("it must hold at least one `[[provider]]`".to_owned());
        return Vec::new();
    };
    let mut found = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let Value::Table(table) = entry else {
            problems.push(format!("provider {} is no table", index + 1));
            continue;
        };
        let given = table.get("id").and_then(Value::as_str).map(|id| format!("provider `{id}`"));
        let mut entry = Entry { place: given.unwrap_or_else(|| format!("provider {}", index + 1)), table, problems };
        let before = entry.problems.len();
        let provider = entry.provider(environment);
        if problems.len() == before {
            found.push(provider);
        }
    }
    found
}

impl Entry<'_> {
    fn provider(&mut self, environment: Environment) -> ProviderSettings {
        let id = self.needed("id");
        if !id.is_empty() && !is_id(&id) {
            self.problem("`id` must have 1 to 32 small letters, digits and hyphens");
        }
        let issuer = self.needed("issuer");
        if let Some(problem) = issuer_problem(&issuer, environment).filter(|_| !issuer.is_empty()) {
            self.problem(&format!("`issuer` is `{issuer}`; {problem}"));
        }
        let defaults = ProviderSettings::new(id.clone(), issuer, self.needed("client_id"));
        let provider = ProviderSettings {
            name: self.text("name").unwrap_or(id),
            client_secret: self.secret(),
            audience: self.text("audience"),
            scopes: self.scopes().unwrap_or_else(|| defaults.scopes.clone()),
            authorize_parameters: self.authorize_parameters(),
            tenant: self.tenant(),
            role: self.role(),
            login: self.yes_or_no("login").unwrap_or(true),
            ..defaults
        };
        self.refuse_the_rest();
        provider
    }

    fn secret(&mut self) -> Option<Secret> {
        let path = self.text("client_secret_file")?;
        match secret_in_file(&path) {
            Ok(secret) => Some(Secret::new(secret)),
            Err(e) => {
                self.problem(&format!("`client_secret_file` is `{path}`, which cannot be used: {e}"));
                None
            }
        }
    }

    fn scopes(&mut self) -> Option<Vec<String>> {
        let scopes = self.texts("scopes")?;
        if !scopes.iter().any(|scope| scope == "openid") {
            self.problem("`scopes` must have `openid`");
        }
        if scopes.iter().any(|scope| scope.is_empty() || scope.contains(char::is_whitespace)) {
            self.problem("`scopes` must be words without spaces");
        }
        Some(scopes)
    }

    fn authorize_parameters(&mut self) -> BTreeMap<String, String> {
        let parameters = self.map("authorize_parameters");
        for name in parameters.keys().filter(|name| RESERVED_PARAMETERS.contains(&name.as_str())) {
            self.problem(&format!("`authorize_parameters` must not have `{name}`, which Millwright sets"));
        }
        parameters
    }

    fn tenant(&mut self) -> TenantBinding {
        let Some(mut entry) = self.part("tenant") else {
            self.problem("`tenant` is needed: `tenant = { fixed = \"acme\" }` or `tenant = { claim = \"tenant_id\" }`");
            return TenantBinding::Fixed(String::new());
        };
        let (fixed, claim, map) = (entry.text("fixed"), entry.text("claim"), entry.map("map"));
        let binding = match (fixed, claim) {
            (Some(tenant), None) if map.is_empty() => TenantBinding::Fixed(tenant),
            (None, Some(claim)) => TenantBinding::Claim { claim, map },
            _ => {
                entry.problem("it must have either `fixed`, or `claim` and perhaps `map`");
                TenantBinding::Fixed(String::new())
            }
        };
        entry.refuse_the_rest();
        binding
    }

    fn role(&mut self) -> RoleMapping {
        let defaults = RoleMapping::default();
        let Some(mut entry) = self.part("role") else { return defaults };
        let mut map = BTreeMap::new();
        for (group, word) in entry.map("map") {
            if let Some(role) = entry.role_word("map", &word) {
                map.insert(group, role);
            }
        }
        let default = entry.text("default").and_then(|word| entry.role_word("default", &word));
        let mapping = RoleMapping {
            claim: entry.text("claim").unwrap_or(defaults.claim),
            groups_claim: entry.text("groups_claim"),
            map,
            default,
        };
        if mapping.groups_claim.is_none() && !mapping.map.is_empty() {
            entry.problem("`map` is for groups, so it needs `groups_claim`");
        }
        entry.refuse_the_rest();
        mapping
    }

    fn role_word(&mut self, key: &str, word: &str) -> Option<Role> {
        let role = word.parse().ok();
        if role.is_none() {
            let words = Role::ALL.map(|role| format!("`{role}`")).join(", ");
            self.problem(&format!("`{key}` has `{word}`, accepted is one of {words}"));
        }
        role
    }
}

fn is_id(text: &str) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    plain && (1..=32).contains(&text.len())
}
