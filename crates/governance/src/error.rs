use millwright_auth::AuthError;
use millwright_core::{ErrorCode, Problem, ToProblem};
use millwright_policy::{
    decision::{Decision, PolicyError, Verdict},
    pii::{PiiKind, PiiSettingsError},
};
use millwright_store::StoreError;

/// What can go wrong where policy meets the database.
#[derive(Debug, thiserror::Error)]
pub enum GovernanceError {
    /// The database.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The stored policies of the tenant cannot be used: nothing is allowed until they are replaced.
    #[error("the tenant's policies cannot be used")]
    Policies(Vec<PolicyError>),
    /// The stored settings of the tenant cannot be used.
    #[error("the tenant's settings for personal data cannot be used")]
    Settings(#[from] PiiSettingsError),
    /// Stored settings of another version.
    #[error("the tenant's settings are of another form")]
    Form(#[source] serde_json::Error),
    /// A vault that cannot be sealed or opened.
    #[error("the placeholders of a conversation cannot be opened")]
    Vault,
    /// The server's key is too weak.
    #[error("the key is too weak")]
    Key(#[from] AuthError),
    /// The policies do not allow it.
    #[error("the policies do not allow it")]
    Denied(Box<Decision>),
    /// Text with personal data of a kind that the tenant lets no model see.
    #[error("the text holds personal data that is blocked")]
    PersonalData(Vec<PiiKind>),
    /// Text that tries to take over the assistant.
    #[error("the text looks like an attempt to take over the assistant")]
    Injection,
}

impl ToProblem for GovernanceError {
    fn problem(&self) -> Problem {
        match self {
            Self::Store(error) => error.problem(),
            Self::Policies(_) | Self::Settings(_) | Self::Form(_) => {
                Problem::new(ErrorCode::PolicyDenied, "the organisation's policy cannot be read, so nothing is allowed")
                    .remedy("an admin activates a policy that is valid, or saves the settings anew")
            }
            Self::Vault | Self::Key(_) => Problem::internal(),
            Self::Denied(decision) => denied(decision),
            Self::PersonalData(kinds) => {
                let kinds: Vec<&str> = kinds.iter().map(PiiKind::as_str).collect();
                Problem::new(
                    ErrorCode::PolicyDenied,
                    format!("the text holds personal data that is blocked: {}", kinds.join(", ")),
                )
                .remedy("leave it out, or have an admin allow or pseudonymise this kind")
            }
            Self::Injection => Problem::new(
                ErrorCode::InjectionBlocked,
                "the message looks like an attempt to change what the assistant is told to do",
            )
            .remedy("say what you want to know in other words; an admin sees the score and can change the mode"),
        }
    }
}

fn denied(decision: &Decision) -> Problem {
    let code = match decision.verdict {
        Verdict::RequireApproval => ErrorCode::HitlRequired,
        Verdict::Allow | Verdict::Deny => ErrorCode::PolicyDenied,
    };
    let reasons: Vec<&str> = decision.policies.iter().map(|policy| policy.reason.trim_end_matches('.')).collect();
    let detail = if reasons.is_empty() { "no policy permits this".to_owned() } else { reasons.join("; ") };
    let problem = Problem::new(code, detail);
    if decision.would_allow.is_empty() { problem } else { problem.remedy(decision.would_allow.join(" ")) }
}
