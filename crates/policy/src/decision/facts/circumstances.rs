use serde::{Deserialize, Serialize};

/// From where the asker is connected.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum NetworkZone {
    /// The site's own network.
    Internal,
    /// From outside through the company's tunnel.
    Vpn,
    /// From anywhere.
    Internet,
    /// Nobody knows: treated as the internet.
    #[default]
    Unknown,
}

impl NetworkZone {
    /// The word used in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Vpn => "vpn",
            Self::Internet => "internet",
            Self::Unknown => "unknown",
        }
    }
}

/// Under which circumstances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContextFacts {
    /// A person other than the asker has approved exactly this.
    pub approved: bool,
    /// 1 Monday to 7 Sunday, in the tenant's time zone.
    pub day_of_week: u8,
    /// Seconds since 1970, UTC.
    pub epoch_seconds: i64,
    /// 0 to 1439, in the tenant's time zone.
    pub minute_of_day: u16,
    /// From where the asker is connected.
    pub network_zone: NetworkZone,
    /// Risk score, 0 to 100.
    pub risk: u8,
    /// The asker has just shown a second factor.
    pub second_factor: bool,
    /// The run has read content that is not trusted.
    pub untrusted: bool,
}

impl Default for ContextFacts {
    /// Nothing approved, nothing confirmed, no risk known, from an unknown network, on Thursday 1 January 1970, 00:00.
    fn default() -> Self {
        Self {
            approved: false,
            second_factor: false,
            untrusted: false,
            risk: 0,
            epoch_seconds: 0,
            minute_of_day: 0,
            day_of_week: 4,
            network_zone: NetworkZone::Unknown,
        }
    }
}

impl ContextFacts {
    /// At this time, in a time zone so many minutes east of UTC.
    pub fn at(epoch_seconds: i64, minutes_east: i32) -> Self {
        let local = epoch_seconds.saturating_add(i64::from(minutes_east) * 60);
        Self {
            epoch_seconds,
            minute_of_day: (local.rem_euclid(86_400) / 60) as u16,
            day_of_week: ((local.div_euclid(86_400).rem_euclid(7) + 3) % 7 + 1) as u8,
            ..Self::default()
        }
    }

    /// From this network.
    #[must_use]
    pub fn from_zone(mut self, zone: NetworkZone) -> Self {
        self.network_zone = zone;
        self
    }

    /// Approved by another person.
    #[must_use]
    pub fn approved(mut self) -> Self {
        self.approved = true;
        self
    }

    /// Confirmed with a second factor.
    #[must_use]
    pub fn second_factor(mut self) -> Self {
        self.second_factor = true;
        self
    }

    /// In a run that has read untrusted content.
    #[must_use]
    pub fn untrusted(mut self) -> Self {
        self.untrusted = true;
        self
    }

    /// With this risk score, 0 to 100.
    #[must_use]
    pub fn with_risk(mut self, risk: u8) -> Self {
        self.risk = risk;
        self
    }
}
