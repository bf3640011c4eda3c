use millwright_policy::pii::PiiSettings;
use millwright_routing::{Thresholds, ThresholdsError};
use serde::{Deserialize, Serialize};

/// What a tenant wants done with personal data.
pub type PersonalDataSettings = PiiSettings;

/// How a tenant wants models chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoutingSettings {
    /// Requests below this score go to a LIGHT model, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub light_below: f32,
    /// Requests from this score on go to a HEAVY model, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub heavy_from: f32,
    /// Whether people and programs may name a tier.
    pub explicit_tier: bool,
}

impl RoutingSettings {
    /// Where the tiers begin.
    ///
    /// # Errors
    /// When they overlap or are no shares.
    pub fn thresholds(&self) -> Result<Thresholds, ThresholdsError> {
        Thresholds::new(self.light_below, self.heavy_from)
    }
}

impl Default for RoutingSettings {
    fn default() -> Self {
        let thresholds = Thresholds::default();
        Self { light_below: thresholds.light_below(), heavy_from: thresholds.heavy_from(), explicit_tier: true }
    }
}

/// What happens when a person's message looks like an injection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InjectionMode {
    /// It is counted, and nothing else.
    Shadow,
    /// The person is told, and answered.
    #[default]
    Warn,
    /// It is refused.
    Block,
}

impl InjectionMode {
    /// The word on the wire and in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Warn => "warn",
            Self::Block => "block",
        }
    }
}

/// What a tenant wants done with injection. What is found in content is always kept from models: content is data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InjectionSettings {
    /// For messages of people.
    pub user_messages: InjectionMode,
}
