use std::{collections::BTreeMap, net::SocketAddr};

use millwright_core::Role;

use crate::{Environment, Secret, ServerConfig, Setting, identity_file, reader::Reader, storage};

const PUBLIC_URL: Setting = Setting {
    name: "PUBLIC_URL",
    default: "",
    accepts: "an origin such as `https://millwright.example.com`; in production with `https://` unless it is this machine's own",
    secret: false,
    meaning: "The address that users reach. Links in invitations and the address to which an identity provider sends people \
              back are made from it: `<PUBLIC_URL>/api/v1/auth/oidc/callback` must be allowed there. Absent: \
              `http://HOST:PORT`.",
};
const OIDC_ISSUER_URL: Setting = Setting {
    name: "OIDC_ISSUER_URL",
    default: "",
    accepts: "an issuer that begins with `https://`, exactly as the provider writes it; `http://` only for trying out or on \
              this machine",
    secret: false,
    meaning: "An OpenID provider whose users may sign in and whose access tokens are accepted. Its tokens name the tenant in \
              the claim `tenant_id` and the role in `role`; anything else, and more than one provider, goes into \
              `IDENTITY_PROVIDERS_FILE`.",
};
const OIDC_CLIENT_ID: Setting = Setting {
    name: "OIDC_CLIENT_ID",
    default: "",
    accepts: "the name under which Millwright is registered there",
    secret: false,
    meaning: "Needed with `OIDC_ISSUER_URL`.",
};
const OIDC_CLIENT_SECRET: Setting = Setting {
    name: "OIDC_CLIENT_SECRET",
    default: "",
    accepts: "any text",
    secret: true,
    meaning: "What Millwright shows to the provider. Absent for a public client.",
};
const OIDC_AUDIENCE: Setting = Setting {
    name: "OIDC_AUDIENCE",
    default: "",
    accepts: "any text",
    secret: false,
    meaning: "The `aud` that access tokens of the provider must have. Absent: the value of `OIDC_CLIENT_ID`.",
};
pub(crate) const IDENTITY_PROVIDERS_FILE: Setting = Setting {
    name: "IDENTITY_PROVIDERS_FILE",
    default: "",
    accepts: "an absolute path",
    secret: false,
    meaning: "A TOML file with a `[[provider]]` for each OpenID provider; `docs/identity-providers.md` describes it.",
};
const DEV_JWT_SECRET: Setting = Setting {
    name: "DEV_JWT_SECRET",
    default: "",
    accepts: "at least 32 bytes, and only with `ENVIRONMENT=dev`",
    secret: true,
    meaning: "Access tokens signed with it (HS256) are accepted, for development. Production refuses to start with it.",
};

pub(crate) const SETTINGS: &[Setting] = &[
    PUBLIC_URL,
    OIDC_ISSUER_URL,
    OIDC_CLIENT_ID,
    OIDC_CLIENT_SECRET,
    OIDC_AUDIENCE,
    IDENTITY_PROVIDERS_FILE,
    DEV_JWT_SECRET,
];

/// The id of the provider that the environment describes.
const ENVIRONMENT_PROVIDER: &str = "oidc";
/// The shortest development secret that is accepted, bytes.
const MIN_DEV_SECRET_BYTES: usize = 32;

/// Where the tenant of somebody comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantBinding {
    /// Everybody of this provider belongs to this tenant.
    Fixed(String),
    /// A claim says it.
    Claim {
        /// The claim's name, or a JSON pointer that begins with `/`.
        claim: String,
        /// From the claim's value to the tenant. Empty: the value is the tenant. Otherwise a value that is not in it
        /// belongs to no tenant.
        map: BTreeMap<String, String>,
    },
}

/// Where the role of somebody comes from: the claim, else the groups, else the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleMapping {
    /// A claim with one of Millwright's own words for roles, or a list of words; a name, or a JSON pointer that begins with
    /// `/`.
    pub claim: String,
    /// A claim with a list of groups.
    pub groups_claim: Option<String>,
    /// From group to role. Of several, the most powerful counts.
    pub map: BTreeMap<String, Role>,
    /// For those of whom neither says anything; `None` lets them not in.
    pub default: Option<Role>,
}

impl Default for RoleMapping {
    fn default() -> Self {
        Self { claim: "role".to_owned(), groups_claim: None, map: BTreeMap::new(), default: None }
    }
}

/// One OpenID provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// In addresses and in the database: small letters, digits and hyphens.
    pub id: String,
    /// What the button on the sign-in page says.
    pub name: String,
    /// Exactly as in the provider's metadata and tokens.
    pub issuer: String,
    /// Under which Millwright is registered.
    pub client_id: String,
    /// `None` for a public client.
    pub client_secret: Option<Secret>,
    /// The `aud` of access tokens; `None` for the client id.
    pub audience: Option<String>,
    /// Asked for at sign-in; always with `openid`.
    pub scopes: Vec<String>,
    /// Further parameters of the authorisation request, such as `prompt`.
    pub authorize_parameters: BTreeMap<String, String>,
    /// Where the tenant comes from.
    pub tenant: TenantBinding,
    /// Where the role comes from.
    pub role: RoleMapping,
    /// Whether people may sign in with it. Without, only its access tokens are accepted.
    pub login: bool,
}

impl ProviderSettings {
    /// A provider with the least that must be said; the rest as without a file.
    pub fn new(id: impl Into<String>, issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            name: id.clone(),
            id,
            issuer: issuer.into(),
            client_id: client_id.into(),
            client_secret: None,
            audience: None,
            scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
            authorize_parameters: BTreeMap::new(),
            tenant: TenantBinding::Claim { claim: "tenant_id".to_owned(), map: BTreeMap::new() },
            role: RoleMapping::default(),
            login: true,
        }
    }

    /// The `aud` that access tokens must have.
    pub fn accepted_audience(&self) -> &str {
        self.audience.as_deref().unwrap_or(&self.client_id)
    }
}

/// Who is believed, and where users reach Millwright.
#[derive(Debug, Clone)]
pub struct IdentityConfig {
    /// OpenID providers, with distinct ids and issuers.
    pub providers: Vec<ProviderSettings>,
    /// Signs tokens for development; never there in production.
    pub dev_jwt_secret: Option<Secret>,
    /// As given, without a slash at the end. Ask [`IdentityConfig::public_url`], which knows the default too.
    pub public_url: Option<String>,
}

impl IdentityConfig {
    /// The address that users reach, without a slash at the end. `bound` is where the server listens.
    pub fn public_url(&self, bound: SocketAddr) -> String {
        self.public_url.clone().unwrap_or_else(|| {
            let mut reachable = bound;
            if bound.ip().is_unspecified() {
                reachable.set_ip(if bound.is_ipv4() {
                    [127, 0, 0, 1].into()
                } else {
                    std::net::Ipv6Addr::LOCALHOST.into()
                });
            }
            format!("http://{reachable}")
        })
    }

    pub(crate) fn read(reader: &mut Reader<'_>, server: &ServerConfig) -> Self {
        let environment = server.environment;
        let public_url = reader.parsed(&PUBLIC_URL, |text| public_url(text, environment));
        let mut providers: Vec<_> = from_environment(reader, environment).into_iter().collect();
        if let Some(path) = reader.parsed(&IDENTITY_PROVIDERS_FILE, storage::absolute) {
            providers.extend(identity_file::read(reader, &path, environment));
        }
        refuse_doubles(reader, &providers);
        let acceptable = |text: &str| {
            let accepted = environment == Environment::Dev && text.len() >= MIN_DEV_SECRET_BYTES;
            accepted.then(|| Secret::new(text))
        };
        Self { providers, public_url, dev_jwt_secret: reader.parsed(&DEV_JWT_SECRET, acceptable) }
    }
}

fn from_environment(reader: &mut Reader<'_>, environment: Environment) -> Option<ProviderSettings> {
    let issuer =
        reader.parsed(&OIDC_ISSUER_URL, |text| issuer_problem(text, environment).is_none().then(|| text.to_owned()));
    let client_id = reader.text(&OIDC_CLIENT_ID);
    let client_secret = reader.secret(&OIDC_CLIENT_SECRET);
    let audience = reader.text(&OIDC_AUDIENCE);
    let Some(issuer) = issuer else {
        let given = [
            (&OIDC_CLIENT_ID, client_id.is_some()),
            (&OIDC_CLIENT_SECRET, client_secret.is_some()),
            (&OIDC_AUDIENCE, audience.is_some()),
        ];
        if !reader.refused(OIDC_ISSUER_URL.name) {
            for (setting, _) in given.iter().filter(|(_, given)| *given) {
                reader.problem(setting.name, "it is given without `OIDC_ISSUER_URL`, the provider that it is for");
            }
        }
        return None;
    };
    let Some(client_id) = client_id else {
        reader.problem(OIDC_CLIENT_ID.name, "it is needed as soon as `OIDC_ISSUER_URL` is set");
        return None;
    };
    let provider = ProviderSettings::new(ENVIRONMENT_PROVIDER, issuer, client_id);
    Some(ProviderSettings { name: "Single sign-on".to_owned(), client_secret, audience, ..provider })
}

/// An id is part of addresses, and an issuer chooses the provider of a token.
fn refuse_doubles(reader: &mut Reader<'_>, providers: &[ProviderSettings]) {
    for (index, provider) in providers.iter().enumerate() {
        let before = &providers[..index];
        if before.iter().any(|other| other.id == provider.id) {
            reader.problem(IDENTITY_PROVIDERS_FILE.name, format!("the id `{}` stands twice", provider.id));
        }
        if before.iter().any(|other| other.issuer == provider.issuer) {
            reader.problem(IDENTITY_PROVIDERS_FILE.name, format!("the issuer `{}` stands twice", provider.issuer));
        }
    }
}

/// What is wrong with an issuer.
pub(crate) fn issuer_problem(text: &str, environment: Environment) -> Option<&'static str> {
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(scheme)) else {
        return Some("it must begin with `https://`");
    };
    let host = host_of(rest);
    let printable = text.bytes().all(|b| b.is_ascii_graphic() && !b"?#\\\"<>`@".contains(&b));
    if host.is_empty() || !printable {
        return Some("it must be a URL without user, query, fragment or spaces");
    }
    let refused = scheme == "http" && environment == Environment::Production && !is_loopback(host);
    refused.then_some("in production it must begin with `https://`, or whoever is on the way can sign in as anybody")
}

fn public_url(text: &str, environment: Environment) -> Option<String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (scheme, authority) = text.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(scheme))?;
    let safe = scheme == "https" || environment == Environment::Dev || is_loopback(host_of(authority));
    let plain = !authority.is_empty()
        && authority.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b));
    (safe && plain).then(|| text.to_owned())
}

/// The host of what follows `://`, without port.
fn host_of(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.starts_with('[') {
        return authority.split_inclusive(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
