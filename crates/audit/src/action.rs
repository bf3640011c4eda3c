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
    /// A platform operator suspended a tenant.
    TenantSuspended = "tenant", "suspended";
    /// A platform operator let a tenant go on.
    TenantResumed = "tenant", "resumed";
    /// A platform operator removed everything of a tenant but this log.
    TenantDeleted = "tenant", "deleted";
    /// An admin changed what the tenant asks of those who sign in.
    TenantPolicyChanged = "tenant", "policy_changed";
    /// A user was made.
    UserCreated = "user", "created";
    /// A user came with a token of an identity provider for the first time.
    UserProvisioned = "user", "provisioned";
    /// A user made here was bound to an identity at a provider.
    UserLinked = "user", "linked";
    /// An admin changed a user's name, role or status.
    UserChanged = "user", "changed";
    /// A user changed their own name.
    UserRenamed = "user", "renamed";
    /// An identity provider gave a user another role.
    UserRoleSynchronised = "user", "role_synchronised";
    /// A user signed in.
    UserSignedIn = "user", "signed_in";
    /// Somebody presented a wrong password or code for a user that exists.
    UserSignInFailed = "user", "sign_in_failed";
    /// A user set another password.
    UserPasswordChanged = "user", "password_changed";
    /// An admin made a link with which a user sets a password.
    UserPasswordLinkMade = "user", "password_link_made";
    /// A user set a password with such a link.
    UserPasswordSet = "user", "password_set";
    /// A user asked for the secret of a second factor.
    SecondFactorBegun = "second_factor", "begun";
    /// A user set up a second factor.
    SecondFactorEnabled = "second_factor", "enabled";
    /// A user took the second factor away.
    SecondFactorRemoved = "second_factor", "removed";
    /// An admin took a user's second factor away.
    SecondFactorReset = "second_factor", "reset";
    /// A user made new recovery codes.
    RecoveryCodesRenewed = "second_factor", "recovery_codes_renewed";
    /// A user showed a fresh code for one purpose.
    SteppedUp = "second_factor", "stepped_up";
    /// A user signed out.
    SessionSignedOut = "session", "signed_out";
    /// A session was ended by its user or an admin.
    SessionEnded = "session", "ended";
    /// All sessions of a user were ended by an admin.
    SessionsEnded = "user", "sessions_ended";
    /// A refresh token was used twice, so its session was ended.
    SessionReuseDetected = "session", "reuse_detected";
    /// An identity provider would not renew a session.
    SessionRefused = "session", "refused_by_provider";
    /// A key for a program was made.
    ApiKeyCreated = "api_key", "created";
    /// A key was revoked.
    ApiKeyRevoked = "api_key", "revoked";
    /// A file was taken in as a new document or a new version.
    DocumentUploaded = "document", "uploaded";
    /// A version went through all stages and answers when its day has come.
    DocumentVersionReady = "document", "version_ready";
    /// Another version of a document answers than before, because a day came.
    DocumentVersionEffective = "document", "version_effective";
    /// Somebody changed what is said about a document: tags, what it supersedes, when it holds.
    DocumentDescribed = "document", "described";
    /// A version could not be read.
    DocumentVersionFailed = "document", "version_failed";
    /// A document was removed from every index.
    DocumentDeleted = "document", "deleted";
    /// Somebody asked for a document to be read anew.
    DocumentReindexRequested = "document", "reindex_requested";
    /// A document got another label at once: a higher one.
    DocumentRelabelled = "document", "relabelled";
    /// Somebody asked for what a document holds without the export authorisation for it.
    DocumentExportBlocked = "document", "export_blocked";
    /// Somebody wished for a document to get a lower label.
    LabelRequestCreated = "label_request", "created";
    /// Somebody else agreed, and the document has it.
    LabelRequestApproved = "label_request", "approved";
    /// Somebody else did not agree.
    LabelRequestRejected = "label_request", "rejected";
    /// Somebody said what they want to have done.
    GoalCreated = "goal", "created";
    /// A plan was written for it, by a model or a person.
    GoalPlanned = "goal", "planned";
    /// Somebody approved its plan as a whole.
    GoalApproved = "goal", "approved";
    /// Somebody decided a gate of its plan.
    GoalGateDecided = "goal", "gate_decided";
    /// Somebody had no further step begin.
    GoalPaused = "goal", "paused";
    /// Somebody let it go on.
    GoalResumed = "goal", "resumed";
    /// Somebody stopped it.
    GoalCancelled = "goal", "cancelled";
    /// Its report was written.
    GoalFinished = "goal", "finished";
    /// It did not come to its end.
    GoalFailed = "goal", "failed";
    /// Somebody deleted it.
    GoalDeleted = "goal", "deleted";
    /// Somebody had something remembered.
    MemoryCreated = "memory", "created";
    /// Somebody changed what is remembered, or for how long.
    MemoryChanged = "memory", "changed";
    /// Somebody had it forgotten.
    MemoryDeleted = "memory", "deleted";
    /// Somebody had all of theirs forgotten.
    MemoriesCleared = "memory", "cleared";
    /// What was remembered for long enough is forgotten.
    MemoriesExpired = "memory", "expired";
    /// What was kept for long enough was deleted: events and records of runs, decisions, and what people had deleted.
    RetentionApplied = "retention", "applied";
    /// Something was refused by policy before it began.
    PolicyRefused = "policy", "refused";
    /// An admin changed what happens with personal data and injection.
    PolicySettingsChanged = "policy", "settings_changed";
    /// An admin stored a version of the organisation's own policies.
    PolicyVersionCreated = "policy", "version_created";
    /// An admin brought a version into force.
    PolicyVersionActivated = "policy", "version_activated";
    /// An admin stored a version of an agent's definition.
    AgentVersionCreated = "agent", "version_created";
    /// An admin brought a version of an agent into force, or the one that ships.
    AgentVersionActivated = "agent", "version_activated";
    /// An admin let an agent answer again.
    AgentEnabled = "agent", "enabled";
    /// An admin took an agent out of service.
    AgentDisabled = "agent", "disabled";
    /// A model was called.
    ModelCalled = "usage", "recorded";
    /// An admin made a budget.
    BudgetCreated = "budget", "created";
    /// An admin gave a budget another name or limit.
    BudgetChanged = "budget", "changed";
    /// An admin deleted a budget.
    BudgetDeleted = "budget", "deleted";
    /// An admin put a term into the glossary.
    GlossaryEntryCreated = "glossary_entry", "created";
    /// An admin changed a term, or what it stands for.
    GlossaryEntryChanged = "glossary_entry", "changed";
    /// An admin took a term out of the glossary.
    GlossaryEntryDeleted = "glossary_entry", "deleted";
    /// An admin had a folder watched.
    SourceCreated = "source", "created";
    /// An admin changed how a folder is watched, or what its documents carry.
    SourceChanged = "source", "changed";
    /// An admin ended the watch of a folder: its documents are hidden and removed.
    SourceDeleted = "source", "deleted";
    /// An admin had a folder looked through at once.
    SourceScanRequested = "source", "scan_requested";
    /// An admin registered an MCP server.
    McpServerCreated = "mcp_server", "created";
    /// An admin changed how an MCP server is spoken to, or what it may be sent.
    McpServerChanged = "mcp_server", "changed";
    /// An admin took an MCP server away.
    McpServerDeleted = "mcp_server", "deleted";
    /// An admin had the tools of an MCP server read.
    McpServerRefreshed = "mcp_server", "refreshed";
    /// An admin looked at a tool of an MCP server and lets agents call it.
    McpToolEnabled = "mcp_server", "tool_enabled";
    /// An admin has a tool of an MCP server called no more.
    McpToolDisabled = "mcp_server", "tool_disabled";
    /// A tool of an MCP server was not any more what somebody had enabled, so it was not called.
    McpToolChanged = "mcp_server", "tool_changed";
    /// A run called a tool of an MCP server.
    McpToolCalled = "mcp_server", "tool_called";
    /// An admin stored a suite of questions.
    EvaluationSuiteCreated = "evaluation_suite", "created";
    /// An admin changed a suite of questions.
    EvaluationSuiteChanged = "evaluation_suite", "changed";
    /// An admin deleted a suite of questions, with its evaluations.
    EvaluationSuiteDeleted = "evaluation_suite", "deleted";
    /// An admin has agents answer the questions of a suite.
    EvaluationStarted = "evaluation", "started";
    /// An admin stopped an evaluation.
    EvaluationCancelled = "evaluation", "cancelled";
    /// All questions of an evaluation were asked.
    EvaluationFinished = "evaluation", "finished";
    /// An evaluation did not come to its end.
    EvaluationFailed = "evaluation", "failed";
    /// An admin deleted an evaluation.
    EvaluationDeleted = "evaluation", "deleted";
    /// A conversation began.
    ConversationCreated = "conversation", "created";
    /// A conversation got another title.
    ConversationRenamed = "conversation", "renamed";
    /// A conversation was removed from its owner's list.
    ConversationDeleted = "conversation", "deleted";
    /// A run of the agent runtime began.
    RunStarted = "run", "started";
    /// A process went on with a run whose process had ended.
    RunTakenOver = "run", "taken_over";
    /// A person answered what a run asked them.
    RunAnswered = "run", "answered";
    /// A run ended with an answer.
    RunFinished = "run", "finished";
    /// A run ended without one.
    RunFailed = "run", "failed";
    /// A person stopped a run.
    RunCancelled = "run", "cancelled";
    /// A person took the evidence of a run away.
    RunExported = "run", "exported";
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
