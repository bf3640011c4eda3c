use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! audit_actions {
    ($($(#[$doc:meta])* $variant:ident = $resource:literal, $verb:literal;)*) => {
        /// Everything that is ever audited. The dotted names are stable: they stand in stored entries.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AuditAction { $($(#[$doc])* $variant,)* }

        impl AuditAction {
            /// All actions, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name, for instance `document.uploaded`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => concat!($resource, ".", $verb),)* }
            }

            /// The kind of thing that the action is done to: the part before the dot.
            pub const fn resource_type(self) -> &'static str {
                match self { $(Self::$variant => $resource,)* }
            }
        }
    };
}

audit_actions! {
    /// A tenant was made.
    TenantCreated = "tenant", "created";
    /// A user was made.
    UserCreated = "user", "created";
    /// A user presented the right password.
    UserSignedIn = "user", "signed_in";
    /// Somebody presented a wrong password for a user that exists.
    UserSignInFailed = "user", "sign_in_failed";
    /// A file was taken in as a new document or a new version.
    DocumentUploaded = "document", "uploaded";
    /// A version went through all stages and answers from now on.
    DocumentVersionReady = "document", "version_ready";
    /// A version could not be read.
    DocumentVersionFailed = "document", "version_failed";
    /// A document was removed from every index.
    DocumentDeleted = "document", "deleted";
    /// Somebody asked for a document to be read anew.
    DocumentReindexRequested = "document", "reindex_requested";
    /// A conversation began.
    ConversationCreated = "conversation", "created";
    /// A conversation got another title.
    ConversationRenamed = "conversation", "renamed";
    /// A conversation was removed from its owner's list.
    ConversationDeleted = "conversation", "deleted";
    /// A run of the agent runtime began.
    RunStarted = "run", "started";
    /// A run ended with an answer.
    RunFinished = "run", "finished";
    /// A run ended without one.
    RunFailed = "run", "failed";
    /// A person stopped a run.
    RunCancelled = "run", "cancelled";
    /// A job used up its attempts.
    JobDeadLettered = "job", "dead_lettered";
    /// A person sent a dead job round again.
    JobRetried = "job", "retried";
    /// The keyword index was built anew.
    IndexRebuilt = "index", "rebuilt";
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an audited action such as `document.uploaded`")]
pub struct InvalidAction;

impl FromStr for AuditAction {
    type Err = InvalidAction;

    fn from_str(text: &str) -> Result<Self, InvalidAction> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text).ok_or(InvalidAction)
    }
}

impl Serialize for AuditAction {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AuditAction {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_can_be_read_back() {
        let mut seen = std::collections::HashSet::new();
        for action in AuditAction::ALL {
            assert!(seen.insert(action.as_str()), "{action} stands twice");
            assert_eq!(action.as_str().parse(), Ok(*action));
            assert!(action.as_str().starts_with(&format!("{}.", action.resource_type())));
        }
        assert_eq!("document.exploded".parse::<AuditAction>(), Err(InvalidAction));
    }
}
