use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $word:literal in [$($group:ident),*];)*) => {
        /// What can be asked for. The dotted names stand in policies, in the audit log and in cases: they are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $($(#[$doc])* $variant,)* }

        impl Action {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The groups it stands in directly.
            pub const fn groups(self) -> &'static [ActionGroup] {
                match self { $(Self::$variant => &[$(ActionGroup::$group),*],)* }
            }
        }
    };
}

actions! {
    /// Ask a question.
    ChatAsk = "chat.ask" in [Read];
    /// See a conversation.
    ConversationRead = "conversation.read" in [Read];
    /// See a document.
    DocumentRead = "document.read" in [Read];
    /// Search documents.
    DocumentSearch = "document.search" in [Read];
    /// See a run and its events.
    RunRead = "run.read" in [Read];
    /// See what was remembered.
    MemoryRead = "memory.read" in [Read];
    /// See proposed operations.
    OperationRead = "operation.read" in [Read];
    /// Read from another system.
    ConnectorRead = "connector.read" in [Read];
    /// Delete a conversation.
    ConversationDelete = "conversation.delete" in [Own];
    /// Start work towards a goal.
    GoalStart = "goal.start" in [Own];
    /// Stop a run.
    RunCancel = "run.cancel" in [Own];
    /// Change one's own profile, second factor and sessions.
    ProfileManage = "profile.manage" in [Own];
    /// Propose a change that others decide on.
    OperationPropose = "operation.propose" in [Propose];
    /// Approve a proposed change.
    ApprovalGive = "approval.give" in [Approve];
    /// Add a document.
    DocumentUpload = "document.upload" in [Change];
    /// Index a document again.
    DocumentReindex = "document.reindex" in [Change];
    /// Delete a document.
    DocumentDelete = "document.delete" in [Change];
    /// Raise a label.
    DocumentRelabel = "document.relabel" in [Change];
    /// Lower a label.
    LabelLower = "label.lower" in [Change];
    /// Remember something for later runs.
    MemoryWrite = "memory.write" in [Change];
    /// Send text to a model.
    ModelCall = "model.call" in [Sink];
    /// Export data as a file.
    ExportCreate = "export.create" in [Sink];
    /// Share something with people outside.
    ShareCreate = "share.create" in [Sink, ExternalWrite];
    /// Call a webhook.
    WebhookSend = "webhook.send" in [Sink, ExternalWrite];
    /// Send an e-mail.
    EmailSend = "email.send" in [Sink, ExternalWrite];
    /// Write to another system.
    ExternalWrite = "external.write" in [Sink, ExternalWrite];
    /// Undo a write to another system.
    ExternalRollback = "external.rollback" in [ExternalWrite];
    /// Create, change and disable users.
    UserManage = "user.manage" in [Administer];
    /// Create, change and disable agents.
    AgentManage = "agent.manage" in [Administer];
    /// Set up connections to other systems.
    ConnectorManage = "connector.manage" in [Administer];
    /// Set and rotate secrets.
    SecretManage = "secret.manage" in [Administer];
    /// Set budgets.
    BudgetManage = "budget.manage" in [Administer];
    /// Change the tenant's configuration.
    ConfigurationManage = "configuration.manage" in [Administer];
    /// Change policies.
    PolicyChange = "policy.change" in [Administer];
    /// Send dead jobs round again.
    JobManage = "job.manage" in [Administer];
    /// Erase a person's data.
    DataErase = "data.erase" in [Administer];
    /// Read the audit log.
    AuditRead = "audit.read" in [Oversight];
    /// Verify the audit log.
    AuditVerify = "audit.verify" in [Oversight];
    /// Export evidence.
    EvidenceExport = "evidence.export" in [Oversight];
    /// See figures.
    MetricsRead = "metrics.read" in [Oversight];
    /// See background jobs.
    JobRead = "job.read" in [Oversight];
    /// See users.
    UserRead = "user.read" in [Oversight];
    /// See the configuration.
    ConfigurationRead = "configuration.read" in [Oversight];
}

// A set of actions is a mask of 64 bits.
const _: () = assert!(Action::ALL.len() <= 64);

/// Groups of actions, so that a policy can speak of all writes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionGroup {
    /// Looks, changes nothing.
    Read,
    /// One's own conversations, runs and profile.
    Own,
    /// Asks for a change.
    Propose,
    /// Decides on a proposed change.
    Approve,
    /// Everything that changes something of the company's.
    Write,
    /// Documents, labels, memory.
    Change,
    /// Other systems and people outside.
    ExternalWrite,
    /// The platform itself.
    Administer,
    /// Data goes to another place.
    Sink,
    /// Audit and figures.
    Oversight,
}

impl ActionGroup {
    /// All groups.
    pub const ALL: [Self; 10] = [
        Self::Read,
        Self::Own,
        Self::Propose,
        Self::Approve,
        Self::Write,
        Self::Change,
        Self::ExternalWrite,
        Self::Administer,
        Self::Sink,
        Self::Oversight,
    ];

    /// The name used in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Own => "own",
            Self::Propose => "propose",
            Self::Approve => "approve",
            Self::Write => "write",
            Self::Change => "change",
            Self::ExternalWrite => "external_write",
            Self::Administer => "administer",
            Self::Sink => "sink",
            Self::Oversight => "oversight",
        }
    }

    /// The group that holds this one.
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::Change | Self::ExternalWrite | Self::Administer => Some(Self::Write),
            _ => None,
        }
    }
}

impl Action {
    /// Whether it stands in the group, directly or through another.
    pub fn is_in(self, group: ActionGroup) -> bool {
        self.groups().iter().any(|&own| own == group || own.parent() == Some(group))
    }

    /// Whether it changes something of the company's or in other systems.
    pub fn is_write(self) -> bool {
        self.is_in(ActionGroup::Write)
    }

    /// Its bit in a set of actions.
    pub(super) const fn bit(self) -> u64 {
        1 << (self as u32)
    }

    /// The actions that a name in a policy stands for: one action, or all of a group. Zero for an unknown name.
    pub(super) fn mask_of(name: &str) -> u64 {
        if let Ok(action) = name.parse::<Self>() {
            return action.bit();
        }
        let group = ActionGroup::ALL.into_iter().find(|group| group.as_str() == name);
        group.map_or(0, |group| {
            Self::ALL.iter().filter(|action| action.is_in(group)).fold(0, |mask, action| mask | action.bit())
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an action such as `document.read`")]
pub struct InvalidAction;

impl FromStr for Action {
    type Err = InvalidAction;

    fn from_str(text: &str) -> Result<Self, InvalidAction> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text).ok_or(InvalidAction)
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

impl utoipa::PartialSchema for Action {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(Self::ALL.iter().map(|action| action.as_str())))
            .into()
    }
}

impl utoipa::ToSchema for Action {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_name_of_its_own_and_a_group() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
            assert!(!action.groups().is_empty(), "{action}");
            assert_eq!(Action::mask_of(action.as_str()), action.bit());
        }
        assert!("document.burn".parse::<Action>().is_err());
    }

    #[test]
    fn a_group_holds_the_actions_of_the_groups_within_it() {
        let write = Action::mask_of("write");
        assert_ne!(write & Action::PolicyChange.bit(), 0);
        assert_ne!(write & Action::EmailSend.bit(), 0);
        assert_eq!(write & Action::ModelCall.bit(), 0);
        assert_eq!(Action::mask_of("nothing"), 0);
    }
}
