use serde::{Deserialize, Serialize};

use super::super::{Obligation, PrincipalKind};

/// Which approval a change needs, by risk and by whether it can be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskRouting {
    /// From which risk score on which approval, beginning at 0 and rising.
    pub thresholds: Vec<RiskThreshold>,
    /// The least that reversibility asks for.
    pub minimum: RiskMinimum,
}

/// From a risk score on, an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskThreshold {
    /// Risk score, 0 to 100.
    pub from: u8,
    /// The approval.
    pub approval: ApprovalKind,
}

/// The least approval for each kind of reversibility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskMinimum {
    /// It can be undone completely.
    pub clean: ApprovalKind,
    /// It can be made good by another change.
    pub compensable: ApprovalKind,
    /// It cannot be undone.
    pub irreversible: ApprovalKind,
}

/// Whether a change can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reversibility {
    /// Completely.
    Clean,
    /// By another change that makes it good.
    Compensable,
    /// Not at all.
    Irreversible,
}

/// How a change is approved, from the lightest to the heaviest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalKind {
    /// The asker confirms.
    SelfConfirmation,
    /// One other person approves.
    OneApprover,
    /// Two other persons look at it.
    FourEyes,
    /// Two other persons look at it, with a second factor.
    FourEyesSecondFactor,
}

impl ApprovalKind {
    /// The lightest approval that fulfils the obligations of a decision too.
    #[must_use]
    pub fn with_obligations(self, obligations: &[Obligation]) -> Self {
        let four_eyes = obligations.contains(&Obligation::FourEyes);
        let second_factor = obligations.contains(&Obligation::SecondFactor);
        match (four_eyes, second_factor) {
            (true, true) => Self::FourEyesSecondFactor,
            (true, false) => self.max(Self::FourEyes),
            // A second factor can be asked of any approver; beyond four eyes it is part of the kind.
            (false, true) if self >= Self::FourEyes => Self::FourEyesSecondFactor,
            (false, _) => self,
        }
    }
}

impl RiskRouting {
    /// The approval that a change needs. What an agent does needs at least one person.
    pub fn approval(&self, risk: u8, reversibility: Reversibility, by: PrincipalKind) -> ApprovalKind {
        let by_risk = self.thresholds.iter().filter(|threshold| threshold.from <= risk).map(|one| one.approval).max();
        let at_least = match reversibility {
            Reversibility::Clean => self.minimum.clean,
            Reversibility::Compensable => self.minimum.compensable,
            Reversibility::Irreversible => self.minimum.irreversible,
        };
        let by_kind = match by {
            PrincipalKind::User => ApprovalKind::SelfConfirmation,
            PrincipalKind::Agent => ApprovalKind::OneApprover,
        };
        // Without a fitting threshold the heaviest counts: the file is checked, so this is for hand-made values.
        by_risk.unwrap_or(ApprovalKind::FourEyesSecondFactor).max(at_least).max(by_kind)
    }
}
