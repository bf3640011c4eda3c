use crate::{Setting, reader::Reader};

const DELETED_KEPT_DAYS: Setting = Setting {
    name: "DELETED_KEPT_DAYS",
    default: "30",
    accepts: "a whole number from 1 to 36500",
    secret: false,
    meaning: "So many days after people have deleted a conversation or a goal its texts are erased: messages, plans, steps, \
              records and events of its runs, and what stood behind its placeholders. The audit log, usage, names of steps and \
              sentences that policy noticed stay.",
};
const RUN_EVENTS_KEPT_DAYS: Setting = Setting {
    name: "RUN_EVENTS_KEPT_DAYS",
    default: "30",
    accepts: "a whole number from 1 to 36500",
    secret: false,
    meaning: "So many days after a run has ended its events are deleted, by which its stream can be followed anew. Its answer, \
              its steps and its evidence stay.",
};
const RUN_RECORDS_KEPT_DAYS: Setting = Setting {
    name: "RUN_RECORDS_KEPT_DAYS",
    default: "",
    accepts: "a whole number from 1 to 36500",
    secret: false,
    meaning: "So many days after a run has ended the records of its steps are deleted. From then on it cannot be repeated, \
              forked, or proved by a bundle that is made later. Absent: they stay as long as the conversation.",
};

pub(crate) const SETTINGS: &[Setting] = &[DELETED_KEPT_DAYS, RUN_EVENTS_KEPT_DAYS, RUN_RECORDS_KEPT_DAYS];

/// How long things are kept, days. Decisions are kept as the policy file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionConfig {
    /// What people have deleted.
    pub deleted_days: u32,
    /// Events of runs that have ended.
    pub run_events_days: u32,
    /// What their steps recorded; `None`: as long as their conversation.
    pub run_records_days: Option<u32>,
}

impl RetentionConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let most = 36_500;
        let days = |text: &str| text.parse().ok().filter(|days| (1..=most).contains(days));
        Self {
            deleted_days: reader.number(&DELETED_KEPT_DAYS, 1..=most),
            run_events_days: reader.number(&RUN_EVENTS_KEPT_DAYS, 1..=most),
            run_records_days: reader.parsed(&RUN_RECORDS_KEPT_DAYS, days),
        }
    }
}
