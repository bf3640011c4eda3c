//! Which label may flow into which sink.
//!
//! Whatever leaves the place where labels are enforced goes into a [`Sink`]: a model's endpoint, a webhook, a mail, an
//! export. [`release`] is the only way to get a value into one: it holds the value's label against what the sink takes and
//! wraps it in [`Released`], which senders ask for and nobody else can make.

use std::fmt;

use millwright_core::{Allowed, Clearance, ErrorCode, Integrity, Label, Obstacle, Problem, ToProblem};

/// What kind of place data would go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SinkKind {
    /// The endpoint of a model.
    Model,
    /// An address that is told of events.
    Webhook,
    /// A mail.
    Email,
    /// A file that is handed out.
    Export,
    /// Somebody else's access.
    Share,
    /// A write to another system.
    ExternalWrite,
    /// A tool of another system that only reads: what it is asked goes there.
    Tool,
}

impl SinkKind {
    /// The word in policies and problems.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Webhook => "webhook",
            Self::Email => "e-mail",
            Self::Export => "export",
            Self::Share => "share",
            Self::ExternalWrite => "external write",
            Self::Tool => "tool",
        }
    }
}

/// A place that data may be sent to, with the most that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// What kind of place.
    pub kind: SinkKind,
    /// Which one, as people know it; for instance the model's name.
    pub name: String,
    /// The most that it takes.
    pub takes: Clearance,
    /// Whether it takes what must not be taken at its word. A model does: it only reads. A write does not.
    pub takes_untrusted: bool,
    /// Whether what goes there leaves the site.
    pub leaves_site: bool,
    /// What an operator would change to have it take more, for the person who is refused.
    pub remedy: String,
}

impl Sink {
    /// Something inside this process: nothing leaves, so it takes everything.
    pub fn in_process(kind: SinkKind, name: impl Into<String>) -> Self {
        let (name, takes, remedy) = (name.into(), Clearance::EVERYTHING, String::new());
        Self { kind, name, takes, takes_untrusted: true, leaves_site: false, remedy }
    }

    /// Why data of this label may not go there; `None` when it may. The one decision about flows.
    pub fn refusal(&self, label: &Label) -> Option<LabelDenied> {
        let because = match self.takes.obstacle(label) {
            Some(obstacle) => Because::Above(obstacle),
            None if label.integrity == Integrity::Untrusted && !self.takes_untrusted => Because::Untrusted,
            None => return None,
        };
        Some(LabelDenied { kind: self.kind, sink: self.name.clone(), because, remedy: self.remedy.clone() })
    }
}

/// What of a label a sink does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// A part of the label is above what it takes.
    Above(Obstacle),
    /// It takes only what may be taken at its word.
    Untrusted,
}

/// A flow that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {} `{sink}` may not be given this: {because}", kind.as_str())]
pub struct LabelDenied {
    /// The kind of sink.
    pub kind: SinkKind,
    /// Which one.
    pub sink: String,
    /// Why.
    pub because: Because,
    /// What an operator would change.
    pub remedy: String,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above(Obstacle::Classification { is, at_most }) => {
                write!(f, "it is {is}, and at most {at_most} may go there")
            }
            Self::Above(Obstacle::ExportControl(regime)) => write!(f, "it is under {regime}, which may not go there"),
            Self::Above(Obstacle::Group(group)) => write!(f, "it is for the group `{group}` alone"),
            Self::Untrusted => f.write_str("it comes from untrusted content"),
        }
    }
}

impl ToProblem for LabelDenied {
    fn problem(&self) -> Problem {
        let problem = Problem::new(ErrorCode::LabelDenied, self.to_string());
        if self.remedy.is_empty() { problem } else { problem.remedy(self.remedy.clone()) }
    }
}

/// Something that was held against a sink's limits and may go there, and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released<T> {
    value: T,
    sink: String,
}

impl<T> Released<T> {
    /// What it is.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The value, for the sink that it was released to. `None` for any other: it was not decided for that one.
    pub fn for_sink(self, sink: &Sink) -> Option<T> {
        (self.sink == sink.name).then_some(self.value)
    }
}

/// Lets a value of this label go into a sink, or says why not.
///
/// # Errors
/// When the label is above what the sink takes.
pub fn release<T>(value: T, label: &Label, sink: &Sink) -> Result<Released<T>, LabelDenied> {
    match sink.refusal(label) {
        Some(refusal) => Err(refusal),
        None => Ok(Released { value, sink: sink.name.clone() }),
    }
}

/// A clearance in words, for people who configure one.
pub fn describe(clearance: &Clearance) -> String {
    let export = match &clearance.export_control {
        Allowed::All => "export-controlled data too".to_owned(),
        Allowed::Only(regimes) if regimes.is_empty() => "no export-controlled data".to_owned(),
        Allowed::Only(regimes) => {
            format!(
                "of export-controlled data {}",
                regimes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            )
        }
    };
    format!("up to {}, {export}", clearance.classification)
}

#[cfg(test)]
mod tests {
    use millwright_core::Classification;

    use super::*;

    fn cloud() -> Sink {
        Sink {
            kind: SinkKind::Model,
            name: "cloud".into(),
            takes: Clearance { groups: Allowed::All, ..Clearance::up_to(Classification::Internal) },
            takes_untrusted: true,
            leaves_site: true,
            remedy: "raise `LLM_MAX_CLASSIFICATION`".into(),
        }
    }

    #[test]
    fn what_is_above_a_sink_is_refused_with_the_part_that_is() {
        let mut label = Label::of(Classification::Internal);
        assert!(release("text", &label, &cloud()).is_ok());
        label.groups.insert("hr".parse().unwrap());
        assert!(release("text", &label, &cloud()).is_ok(), "a model is no member of groups");
        label.export_control.insert("EAR:3A001".parse().unwrap());
        let refused = release("text", &label, &cloud()).unwrap_err().problem();
        assert_eq!(refused.code, ErrorCode::LabelDenied);
        assert_eq!(
            refused.detail,
            "the model `cloud` may not be given this: it is under EAR:3A001, which may not go there"
        );
        let refused = cloud().refusal(&Label::of(Classification::Restricted)).unwrap().problem();
        assert_eq!(
            refused.detail,
            "the model `cloud` may not be given this: it is RESTRICTED, and at most INTERNAL may go there"
        );
        assert_eq!(refused.remedy.as_deref(), Some("raise `LLM_MAX_CLASSIFICATION`"));
    }

    #[test]
    fn a_write_takes_nothing_untrusted_and_a_release_is_for_one_sink() {
        let write = Sink { kind: SinkKind::ExternalWrite, takes_untrusted: false, name: "SAP".into(), ..cloud() };
        assert!(write.refusal(&Label::of(Classification::Public)).is_some());
        let trusted = Label { integrity: Integrity::Trusted, ..Label::of(Classification::Public) };
        let released = release(7, &trusted, &write).unwrap();
        assert_eq!(released.clone().for_sink(&cloud()), None, "it was not decided for that one");
        assert_eq!(released.for_sink(&write), Some(7));
    }
}
