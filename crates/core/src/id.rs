//! One newtype per entity. Inside is a UUIDv7; shown, serialised and parsed as
//! `prefix_` followed by 32 lower-case hexadecimal digits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// A string that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id of the form `{prefix}_` and 32 hexadecimal digits")]
pub struct InvalidId {
    /// The prefix that the id should have carried.
    pub prefix: &'static str,
}

/// What all entity ids have in common, for code that makes or shows any of them.
pub trait EntityId: Copy + fmt::Display + From<Uuid> {
    /// The text before the underscore.
    const PREFIX: &'static str;
    /// The value inside.
    fn uuid(self) -> Uuid;
}

fn parse(prefix: &'static str, text: &str) -> Result<Uuid, InvalidId> {
    let invalid = InvalidId { prefix };
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(|| invalid.clone())?;
    let lower_hex = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !lower_hex {
        return Err(invalid);
    }
    Uuid::try_parse(digits).map_err(|_| invalid)
}

macro_rules! entity_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl EntityId for $name {
            const PREFIX: &'static str = $prefix;
            fn uuid(self) -> Uuid { self.0 }
        }
        impl $name {
            /// The value inside, for the database.
            pub fn uuid(self) -> Uuid { self.0 }
        }
        impl From<Uuid> for $name {
            fn from(value: Uuid) -> Self { Self(value) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.0.as_simple())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> { parse($prefix, text).map(Self) }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                text.parse().map_err(de::Error::custom)
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-f]{32}$")))
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {}
    )*};
}

entity_ids! {
    /// A tenant: one customer organisation or site.
    TenantId = "ten";
    /// A person who signs in, or a service account.
    UserId = "usr";
    /// A document under one name, with all its versions.
    DocumentId = "doc";
    /// One uploaded version of a document.
    VersionId = "ver";
    /// A passage of a version.
    ChunkId = "chk";
    /// A conversation of one user.
    ConversationId = "cnv";
    /// A message in a conversation's tree.
    MessageId = "msg";
    /// One run of the agent runtime.
    RunId = "run";
    /// Something that somebody wants to have done.
    GoalId = "gol";
    /// Something that a person has the agents remember.
    MemoryId = "mem";
    /// A background job.
    JobId = "job";
    /// An audit entry.
    AuditEntryId = "aud";
    /// A session: one sign-in on one device.
    SessionId = "ses";
    /// A key of a program.
    ApiKeyId = "key";
    /// The wish to lower a label.
    LabelRequestId = "lbr";
    /// Something that the policy layer noticed.
    PolicyEventId = "pev";
    /// A decision.
    DecisionId = "dec";
    /// A budget.
    BudgetId = "bud";
    /// What a running call holds of budgets.
    ReservationId = "rsv";
    /// One call of a model in the usage record.
    UsageId = "usg";
    /// A term of the glossary.
    GlossaryEntryId = "glo";
    /// A watched folder.
    SourceId = "src";
    /// An MCP server.
    McpServerId = "mcp";
    /// A suite of questions with what a right answer to each is.
    EvaluationSuiteId = "evs";
    /// A suite as it was asked once.
    EvaluationId = "eva";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let run = RunId::from(Uuid::from_u128(7)).to_string();
        assert_eq!(run.parse::<DocumentId>(), Err(InvalidId { prefix: "doc" }));
        assert!(run.to_uppercase().parse::<RunId>().is_err());
        assert!("run_".parse::<RunId>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read_back(value: u128) {
            let id = ChunkId::from(Uuid::from_u128(value));
            prop_assert_eq!(id.to_string().parse::<ChunkId>(), Ok(id));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = text.parse::<UserId>();
        }
    }
}
