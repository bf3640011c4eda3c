use std::fmt;

use chrono::{DateTime, Utc};
use millwright_core::Role;
use serde_json::{Map, Value};

use crate::{OidcError, ProviderSettings, RoleMapping, TenantBinding, TokenFault};

/// How far the clocks of two servers may differ, in seconds.
const SKEW_SECONDS: i64 = 60;
/// OpenID Connect Core 2: no subject is longer.
const MAX_SUBJECT_CHARACTERS: usize = 255;
/// Of several groups' roles the first of these counts.
const MOST_POWERFUL_FIRST: [Role; 4] = [Role::Admin, Role::Operator, Role::Auditor, Role::Viewer];

/// Somebody for whom a provider vouches: verified claims, and what the settings make of them. `Debug` shows no
/// personal data.
#[derive(Clone, PartialEq)]
pub struct VerifiedToken {
    /// Id of the provider, from the settings.
    pub provider: String,
    /// `iss`.
    pub issuer: String,
    /// `sub`: with `issuer`, who it is. Anything else can change hands.
    pub subject: String,
    /// `exp`.
    pub expires_at: DateTime<Utc>,
    /// The tenant, by the provider's binding. Whether it exists is not known here.
    pub tenant: String,
    /// The role, by the provider's mapping; `None` when nothing gives one.
    pub role: Option<Role>,
    /// `email`.
    pub email: Option<String>,
    /// `email_verified`; an address without it proves nothing.
    pub email_verified: bool,
    /// `name`.
    pub name: Option<String>,
    /// `amr`: how the person signed in there, such as `pwd`, `otp` or `mfa`.
    pub amr: Vec<String>,
    /// All claims.
    pub claims: Map<String, Value>,
}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken")
            .field("provider", &self.provider)
            .field("subject", &self.subject)
            .field("tenant", &self.tenant)
            .field("role", &self.role)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl VerifiedToken {
    /// From claims whose signature holds and whose times and audience were checked.
    pub(crate) fn new(settings: &ProviderSettings, claims: Map<String, Value>) -> Result<Self, OidcError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let expires_at = number(&claims, "exp")?.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        Ok(Self {
            provider: settings.id.clone(),
            issuer: settings.issuer.clone(),
            subject: subject(&claims)?.to_owned(),
            expires_at: expires_at.ok_or(MALFORMED)?,
            tenant: tenant(&settings.tenant, &claims).ok_or(OidcError::InvalidToken(TokenFault::Tenant))?,
            role: role(&settings.role, &claims),
            email: text("email"),
            // Some providers write the word.
            email_verified: claims
                .get("email_verified")
                .is_some_and(|verified| *verified == true || *verified == "true"),
            name: text("name"),
            amr: texts(claims.get("amr")).map(str::to_owned).collect(),
            claims,
        })
    }
}

const MALFORMED: OidcError = OidcError::InvalidToken(TokenFault::Malformed);

/// `exp`, `nbf` and `iat` at the time `now`.
pub(crate) fn check_times(claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<(), OidcError> {
    let now = now.timestamp();
    let expires = number(claims, "exp")?.ok_or(MALFORMED)?;
    if expires.saturating_add(SKEW_SECONDS) <= now {
        return Err(OidcError::Expired);
    }
    for name in ["nbf", "iat"] {
        if number(claims, name)?.is_some_and(|begins| begins.saturating_sub(SKEW_SECONDS) > now) {
            return Err(OidcError::InvalidToken(TokenFault::NotYetValid));
        }
    }
    Ok(())
}

/// Seconds since 1970; some providers write fractions.
fn number(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, OidcError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_i64();
    let fraction = || value.as_f64().filter(|number| number.abs() < 1e12).map(|number| number.floor() as i64);
    whole.or_else(fraction).map(Some).ok_or(MALFORMED)
}

/// `aud`, one or several.
pub(crate) fn audiences(claims: &Map<String, Value>) -> impl Iterator<Item = &str> {
    texts(claims.get("aud"))
}

/// `sub`, which must be there and be something that a database can hold.
pub(crate) fn subject(claims: &Map<String, Value>) -> Result<&str, OidcError> {
    let subject = claims.get("sub").and_then(Value::as_str).ok_or(MALFORMED)?;
    let fits = (1..=MAX_SUBJECT_CHARACTERS).contains(&subject.chars().count()) && !subject.contains(char::is_control);
    if fits { Ok(subject) } else { Err(MALFORMED) }
}

/// Whether the settings would find more in claims that had the rest of what the provider knows.
pub(crate) fn lacks_something(settings: &ProviderSettings, claims: &Map<String, Value>) -> bool {
    let tenant_known = match &settings.tenant {
        TenantBinding::Fixed(_) => true,
        TenantBinding::Claim { claim, .. } => find(claims, claim).is_some(),
    };
    let groups_known = settings.role.groups_claim.as_ref().is_some_and(|groups| find(claims, groups).is_some());
    let role_known = groups_known || find(claims, &settings.role.claim).is_some();
    !tenant_known || !role_known || !claims.contains_key("email")
}

fn tenant(binding: &TenantBinding, claims: &Map<String, Value>) -> Option<String> {
    match binding {
        TenantBinding::Fixed(tenant) => Some(tenant.clone()),
        TenantBinding::Claim { claim, map } => {
            let value = find(claims, claim)?.as_str().filter(|value| !value.is_empty())?;
            if map.is_empty() { Some(value.to_owned()) } else { map.get(value).cloned() }
        }
    }
}

fn role(mapping: &RoleMapping, claims: &Map<String, Value>) -> Option<Role> {
    let strongest = |roles: Vec<Role>| MOST_POWERFUL_FIRST.into_iter().find(|role| roles.contains(role));
    let own_words = || strongest(texts(find(claims, &mapping.claim)).filter_map(|word| word.parse().ok()).collect());
    let groups = || {
        let groups = texts(find(claims, mapping.groups_claim.as_ref()?));
        strongest(groups.filter_map(|group| mapping.map.get(group).copied()).collect())
    };
    own_words().or_else(groups).or(mapping.default)
}

/// By name, or by JSON pointer for what lies deeper.
fn find<'c>(claims: &'c Map<String, Value>, claim: &str) -> Option<&'c Value> {
    let Some(pointer) = claim.strip_prefix('/') else { return claims.get(claim) };
    let mut steps = pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
    let first = claims.get(&steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(&step))
}

/// One text or a list of them.
fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let one = value.and_then(Value::as_str);
    let several = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    one.into_iter().chain(several.iter().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_tenant_is_fixed_or_said_or_looked_up() {
        let said = |map: &[(&str, &str)]| TenantBinding::Claim {
            claim: "org".to_owned(),
            map: map.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect(),
        };
        let of = |binding: &TenantBinding, value: Value| tenant(binding, &claims(&value));
        let fixed = TenantBinding::Fixed("acme".to_owned());
        assert_eq!(of(&fixed, json!({ "org": "globex" })).as_deref(), Some("acme"));
        assert_eq!(of(&said(&[]), json!({ "org": "globex" })).as_deref(), Some("globex"));
        assert_eq!(of(&said(&[("g-1", "globex")]), json!({ "org": "g-1" })).as_deref(), Some("globex"));
        for nobody in [json!({ "org": "globex" }), json!({ "org": ["g-1"] }), json!({ "org": null }), json!({})] {
            assert_eq!(of(&said(&[("g-1", "globex")]), nobody), None);
        }
        assert_eq!(of(&said(&[]), json!({ "org": "" })), None);
    }

    #[test]
    fn the_role_is_the_claims_then_the_groups_then_the_default() {
        let mut mapping = RoleMapping {
            claim: "/realm_access/roles".to_owned(),
            groups_claim: Some("groups".to_owned()),
            map: [
                ("readers", Role::Viewer),
                ("writers", Role::Operator),
                ("boss/es", Role::Admin),
                ("look", Role::Auditor),
            ]
            .map(|(group, role)| (group.to_owned(), role))
            .into(),
            default: None,
        };
        let of = |mapping: &RoleMapping, value: Value| role(mapping, &claims(&value));
        assert_eq!(
            of(&mapping, json!({ "realm_access": { "roles": ["offline", "viewer"] }, "groups": ["boss/es"] })),
            Some(Role::Viewer)
        );
        assert_eq!(of(&mapping, json!({ "groups": ["readers", "boss/es", "other"] })), Some(Role::Admin));
        assert_eq!(of(&mapping, json!({ "groups": ["readers", "look"] })), Some(Role::Auditor));
        assert_eq!(of(&mapping, json!({ "groups": "writers" })), Some(Role::Operator));
        // A group that happens to be called like a role gives none.
        for nothing in
            [json!({ "groups": ["admin"] }), json!({ "roles": "admin" }), json!({ "realm_access": 1 }), json!({})]
        {
            assert_eq!(of(&mapping, nothing), None);
        }
        mapping.default = Some(Role::Viewer);
        assert_eq!(of(&mapping, json!({ "groups": ["unknown"] })), Some(Role::Viewer));
    }
}
