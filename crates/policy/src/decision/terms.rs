use std::collections::BTreeSet;

use super::{DecisionRequest, ExportRegime, PrincipalKind};

macro_rules! facts {
    ($(#[$doc:meta])* $name:ident -> $type:ty { $($variant:ident = $path:literal: $read:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name { $($variant,)* }

        impl $name {
            /// All of them, as they are called in policies.
            #[cfg(test)]
            pub(super) const NAMES: &'static [&'static str] = &[$($path,)*];

            /// The fact of this name and type.
            pub(super) fn named(path: &str) -> Option<Self> {
                match path { $($path => Some(Self::$variant),)* _ => None }
            }

            /// Its value.
            pub(super) fn of(self, request: &DecisionRequest) -> $type {
                let read: fn(&DecisionRequest) -> $type = match self { $(Self::$variant => $read,)* };
                read(request)
            }
        }
    };
}

facts! {
    /// Facts that are yes or no.
    FlagFact -> bool {
        Approved = "context.approved": |r| r.context.approved;
        SecondFactor = "context.second_factor": |r| r.context.second_factor;
        UntrustedRun = "context.untrusted": |r| r.context.untrusted;
        UntrustedResource = "resource.untrusted": |r| r.resource.untrusted;
        SinkTakesExportControlled = "resource.sink.takes_export_controlled": |r| r.resource.sink.takes_export_controlled;
        SinkTakesUntrusted = "resource.sink.takes_untrusted": |r| r.resource.sink.takes_untrusted;
        SinkLeavesSite = "resource.sink.leaves_site": |r| r.resource.sink.leaves_site;
    }
}

facts! {
    /// Facts that are numbers.
    NumberFact -> i64 {
        Clearance = "principal.clearance": |r| r.principal.clearance as i64;
        Tier = "principal.tier": |r| tier(r);
        Reputation = "principal.reputation": |r| reputation(r);
        Confidentiality = "resource.confidentiality": |r| r.resource.confidentiality as i64;
        SinkMaximum = "resource.sink.max_confidentiality": |r| r.resource.sink.max_confidentiality as i64;
        Risk = "context.risk": |r| i64::from(r.context.risk);
        EpochSeconds = "context.epoch_seconds": |r| r.context.epoch_seconds;
        MinuteOfDay = "context.minute_of_day": |r| i64::from(r.context.minute_of_day);
        DayOfWeek = "context.day_of_week": |r| i64::from(r.context.day_of_week);
    }
}

/// The tier as policies see it: a person's is always the highest.
pub(super) fn tier(request: &DecisionRequest) -> i64 {
    match request.principal.kind {
        PrincipalKind::User => 3,
        PrincipalKind::Agent => i64::from(request.principal.tier),
    }
}

/// The reputation as policies see it: a person's is always the best.
pub(super) fn reputation(request: &DecisionRequest) -> i64 {
    match request.principal.kind {
        PrincipalKind::User => 100,
        PrincipalKind::Agent => i64::from(request.principal.reputation),
    }
}

macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $path:literal: $read:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name { $($variant,)* }

        impl $name {
            /// All of them, as they are called in policies.
            #[cfg(test)]
            pub(super) const NAMES: &'static [&'static str] = &[$($path,)*];

            /// The fact of this name and type.
            pub(super) fn named(path: &str) -> Option<Self> {
                match path { $($path => Some(Self::$variant),)* _ => None }
            }

            /// Its value.
            pub(super) fn of(self, request: &DecisionRequest) -> &str {
                let read: fn(&DecisionRequest) -> &str = match self { $(Self::$variant => $read,)* };
                read(request)
            }
        }
    };
}

texts! {
    /// Facts that are words.
    TextFact {
        PrincipalId = "principal.id": |r| &r.principal.id;
        Person = "principal.person": |r| r.principal.person();
        Role = "principal.role": |r| r.principal.role.as_str();
        ResourceId = "resource.id": |r| &r.resource.id;
        ResourceKind = "resource.kind": |r| &r.resource.kind;
        Owner = "resource.owner": |r| &r.resource.owner;
        Environment = "resource.environment": |r| r.resource.environment.as_str();
        SinkKind = "resource.sink.kind": |r| &r.resource.sink.kind;
        NetworkZone = "context.network_zone": |r| r.context.network_zone.as_str();
    }
}

/// Facts that are sets of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetFact {
    PrincipalGroups,
    ExportAuthorisations,
    ResourceGroups,
    ExportControls,
}

impl SetFact {
    /// All of them, as they are called in policies.
    #[cfg(test)]
    pub(super) const NAMES: &'static [&'static str] =
        &["principal.groups", "principal.export_authorisations", "resource.groups", "resource.export_controls"];

    /// The fact of this name and type.
    pub(super) fn named(path: &str) -> Option<Self> {
        match path {
            "principal.groups" => Some(Self::PrincipalGroups),
            "principal.export_authorisations" => Some(Self::ExportAuthorisations),
            "resource.groups" => Some(Self::ResourceGroups),
            "resource.export_controls" => Some(Self::ExportControls),
            _ => None,
        }
    }

    fn of(self, request: &DecisionRequest) -> Members<'_> {
        match self {
            Self::PrincipalGroups => Members::Words(&request.principal.groups),
            Self::ExportAuthorisations => Members::Regimes(&request.principal.export_authorisations),
            Self::ResourceGroups => Members::Words(&request.resource.groups),
            Self::ExportControls => Members::Regimes(&request.resource.export_controls),
        }
    }
}

enum Members<'a> {
    Words(&'a BTreeSet<String>),
    Regimes(&'a BTreeSet<ExportRegime>),
}

/// A word: a fact's or a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Texts {
    Fact(TextFact),
    Word(Box<str>),
}

impl Texts {
    pub(super) fn of<'a>(&'a self, request: &'a DecisionRequest) -> &'a str {
        match self {
            Self::Fact(fact) => fact.of(request),
            Self::Word(word) => word,
        }
    }
}

/// A number: a fact's or a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    Fact(NumberFact),
    Constant(i64),
}

impl Numbers {
    pub(super) fn of(&self, request: &DecisionRequest) -> i64 {
        match self {
            Self::Fact(fact) => fact.of(request),
            Self::Constant(number) => *number,
        }
    }
}

/// A set of words: a fact's or a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sets {
    Fact(SetFact),
    Words(Vec<Box<str>>),
}

impl Sets {
    pub(super) fn contains(&self, request: &DecisionRequest, word: &str) -> bool {
        match self {
            Self::Words(words) => words.iter().any(|one| &**one == word),
            Self::Fact(fact) => match fact.of(request) {
                Members::Words(words) => words.contains(word),
                Members::Regimes(regimes) => regimes.iter().any(|regime| regime.as_str() == word),
            },
        }
    }

    /// Whether the test holds for each member; true for an empty set.
    pub(super) fn all(&self, request: &DecisionRequest, mut test: impl FnMut(&str) -> bool) -> bool {
        match self {
            Self::Words(words) => words.iter().all(|word| test(word)),
            Self::Fact(fact) => match fact.of(request) {
                Members::Words(words) => words.iter().all(|word| test(word)),
                Members::Regimes(regimes) => regimes.iter().all(|regime| test(regime.as_str())),
            },
        }
    }
}
