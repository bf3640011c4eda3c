//! What a draft may call: tools that look into documents or compute, and change nothing.

mod definitions;

use std::{collections::BTreeMap, time::Duration};

use chrono::NaiveDate;
use millwright_core::{Label, Sources};
use millwright_governance::decision::thing;
use millwright_llm::provider::ToolCall;
use millwright_policy::{
    decision::{Action, ResourceFacts},
    injection::{self, Channel},
};
use millwright_retrieval::{
    RetrievalError,
    reading::Direction,
    reranker::{Account, RerankCost},
    search::{Passage, SearchRequest, Searcher},
};
use millwright_store::tenant::{Reader, SearchFilter};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    compute::{self, Computed, DateCall, Interval},
    outside::{OutsideAnswer, OutsideCall},
    person::PersonQuestion,
    table::{self, TableAnswer, TableArguments, TableCall},
    thinking::Thinking,
};

pub(crate) use definitions::definitions;

/// The one that OBSERVE calls by itself.
pub(crate) const SEARCH: &str = "search_documents";
const OPEN: &str = "open_document";
const READ_ON: &str = "read_on";
const FIND: &str = "find_in_document";
const CALCULATE: &str = "calculate";
const DATE: &str = "date";
const TABLE: &str = "table";
pub(crate) const THINK: &str = "think_through";
pub(crate) const ASK: &str = "ask_person";
pub(crate) const NAMES: [&str; 9] = [SEARCH, OPEN, READ_ON, FIND, TABLE, CALCULATE, DATE, THINK, ASK];
/// What stands for a name that no tool has: what a model made up is not repeated to the reader.
pub(crate) const UNKNOWN: &str = "unknown_tool";

/// Passages of one search.
const SEARCHED: usize = 5;
/// Passages of one look into a document.
const READ: u8 = 3;
/// Longer texts are not searched for.
const MAX_TEXT_CHARS: usize = 500;
const MAX_DATE_CHARS: usize = 40;
/// So many calls of one draft are put together, and so much of what each says.
const MAX_PIECES: usize = 16;
const MAX_ARGUMENT_BYTES: usize = 8 << 10;
/// No tool has a longer name, and ids are replaced by our own.
const MAX_NAME_CHARS: usize = 128;
/// A tool that takes longer has failed. More than a search may wait for a reranker, whose time has an end of its own.
pub(crate) const PATIENCE: Duration = Duration::from_secs(70);

/// The calls of a draft, put together from their pieces.
#[derive(Debug, Default)]
pub(crate) struct Calls(BTreeMap<u32, ToolCall>);

impl Calls {
    pub(crate) fn push(&mut self, index: u32, id: Option<String>, name: Option<String>, arguments: &str) {
        if self.0.len() >= MAX_PIECES && !self.0.contains_key(&index) {
            return;
        }
        let call = self.0.entry(index).or_default();
        let written = |text: &str| text.replace('\0', "");
        // Some servers repeat both with each piece.
        for (known, told) in [(&mut call.id, id), (&mut call.name, name)] {
            if known.is_empty() {
                *known = written(&told.unwrap_or_default()).chars().take(MAX_NAME_CHARS).collect();
            }
        }
        if call.arguments.len() + arguments.len() <= MAX_ARGUMENT_BYTES {
            call.arguments.push_str(&written(arguments));
        }
    }

    /// In their order, each with an id.
    pub(crate) fn finish(self, sources: &Sources) -> Vec<ToolCall> {
        let named = self.0.into_values().map(|call| {
            let id = if call.id.is_empty() { format!("call_{}", sources.new_uuid().as_simple()) } else { call.id };
            ToolCall { id, ..call }
        });
        named.collect()
    }
}

/// A call that can be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ReadCall {
    /// Passages for other words.
    Search { query: String },
    /// Table of contents and a page.
    Open { of: usize, page: Option<i32> },
    /// What stands next to a passage.
    ReadOn { from: usize, direction: Direction },
    /// Where a document holds a text.
    Find { of: usize, text: String },
    /// Arithmetic with units.
    Calculate { expression: String },
    /// Arithmetic with dates.
    Date(DateCall),
    /// Filters, groups and counts up the rows of a table.
    Table(Box<TableCall>),
    /// Has others look at the question before it is answered.
    Think { thinking: Thinking },
    /// Asks the person.
    Ask(PersonQuestion),
    /// A tool of another system.
    Outside(Box<OutsideCall>),
}

/// What came of a call.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) passages: Vec<Passage>,
    /// A document's sections.
    pub(crate) lines: Vec<String>,
    /// What a model that reranked has cost.
    pub(crate) rerank_cost: Option<RerankCost>,
    /// What another system said.
    pub(crate) outside: Option<OutsideAnswer>,
    /// What came of rows.
    pub(crate) table: Option<TableAnswer>,
    /// What was computed.
    pub(crate) computed: Option<Computed>,
    /// What is wrong with what was to be computed, to be told to the model.
    pub(crate) wrong: Option<String>,
}

/// The name of the tool that is called.
pub(crate) fn name_of(call: &ToolCall) -> &'static str {
    NAMES.into_iter().find(|name| *name == call.name).unwrap_or(UNKNOWN)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchArguments {
    query: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenArguments {
    passage: usize,
    page: Option<i32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadOnArguments {
    passage: usize,
    direction: Option<Side>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    After,
    Before,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FindArguments {
    passage: usize,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalculateArguments {
    expression: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DateArguments {
    date: String,
    add: Option<i32>,
    unit: Option<Interval>,
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThinkArguments {
    method: Thinking,
}

impl ReadCall {
    /// Reads a call as a model wrote it; `given` says of each passage whether the model has it. What it wrote may be anything.
    ///
    /// # Errors
    /// What is wrong with it, to be told to the model: in our own words, because what a model writes may be a document's.
    pub(crate) fn read(call: &ToolCall, given: &[bool]) -> Result<Self, String> {
        let arguments = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
        let of = |number: usize| match number.checked_sub(1) {
            Some(index) if given.get(index) == Some(&true) => Ok(index),
            _ => Err(format!("you have no passage {number}")),
        };
        match name_of(call) {
            SEARCH => {
                let SearchArguments { query } = parsed(arguments)?;
                Ok(Self::Search { query: wanted(&query, "query", MAX_TEXT_CHARS)? })
            }
            OPEN => {
                let OpenArguments { passage, page } = parsed(arguments)?;
                Ok(Self::Open { of: of(passage)?, page })
            }
            READ_ON => {
                let ReadOnArguments { passage, direction } = parsed(arguments)?;
                let direction = match direction {
                    Some(Side::Before) => Direction::Before,
                    Some(Side::After) | None => Direction::After,
                };
                Ok(Self::ReadOn { from: of(passage)?, direction })
            }
            FIND => {
                let FindArguments { passage, text } = parsed(arguments)?;
                Ok(Self::Find { of: of(passage)?, text: wanted(&text, "text", MAX_TEXT_CHARS)? })
            }
            CALCULATE => {
                let CalculateArguments { expression } = parsed(arguments)?;
                Ok(Self::Calculate { expression: wanted(&expression, "expression", compute::MAX_EXPRESSION_CHARS)? })
            }
            DATE => {
                let DateArguments { date, add, unit, until } = parsed(arguments)?;
                let date = wanted(&date, "date", MAX_DATE_CHARS)?;
                let until = until.map(|until| wanted(&until, "until", MAX_DATE_CHARS)).transpose()?;
                Ok(Self::Date(DateCall { date, add, unit, until }))
            }
            TABLE => {
                let arguments: TableArguments = parsed(arguments)?;
                let of = of(arguments.passage)?;
                Ok(Self::Table(Box::new(TableCall::read(arguments, of)?)))
            }
            THINK => {
                let ThinkArguments { method } = parsed(arguments)?;
                Ok(Self::Think { thinking: method })
            }
            ASK => Ok(Self::Ask(parsed::<PersonQuestion>(arguments)?.checked()?)),
            _ => Err(format!("there is no such tool; there are {}", NAMES.join(", "))),
        }
    }

    /// The texts of a person's that stand behind placeholders in what the model wrote.
    pub(crate) fn restored(self, restore: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Search { query } => Self::Search { query: restore(&query) },
            Self::Find { of, text } => Self::Find { of, text: restore(&text) },
            Self::Calculate { expression } => Self::Calculate { expression: restore(&expression) },
            Self::Table(call) => Self::Table(Box::new(call.map(restore))),
            Self::Date(call) => {
                let until = call.until.map(|until| restore(&until));
                Self::Date(DateCall { date: restore(&call.date), until, ..call })
            }
            Self::Ask(question) => Self::Ask(question.restored(restore)),
            other => other,
        }
    }

    /// Whether it says nothing but numbers and units, as the model wrote it: nothing of a person's can stand in it.
    pub(crate) fn says_only_figures(&self) -> bool {
        matches!(self, Self::Calculate { expression } if compute::is_expression(expression))
    }

    /// Whether it reads nothing.
    pub(crate) fn computes(&self) -> bool {
        matches!(self, Self::Calculate { .. } | Self::Date(_))
    }

    /// The way of thinking that is asked for.
    pub(crate) fn thinking(&self) -> Option<Thinking> {
        match self {
            Self::Think { thinking } => Some(*thinking),
            _ => None,
        }
    }

    /// What the person is asked.
    pub(crate) fn question(&self) -> Option<&PersonQuestion> {
        match self {
            Self::Ask(question) => Some(question),
            _ => None,
        }
    }

    /// What has to be permitted.
    pub(crate) fn permission(&self, given: &[Passage], label: &Label) -> (Action, ResourceFacts) {
        match self {
            Self::Search { .. } => (Action::DocumentSearch, thing("index", &SEARCH, label)),
            Self::Open { of: at, .. } | Self::ReadOn { from: at, .. } | Self::Find { of: at, .. } => {
                let passage = &given[*at];
                (Action::DocumentRead, thing("document", &passage.document_id, &passage.label))
            }
            Self::Table(call) => {
                let passage = &given[call.of];
                (Action::DocumentRead, thing("document", &passage.document_id, &passage.label))
            }
            // They see nothing but what the run has, with its label.
            Self::Calculate { .. } => (Action::RunRead, thing("tool", &CALCULATE, label)),
            Self::Date(_) => (Action::RunRead, thing("tool", &DATE, label)),
            Self::Think { .. } => (Action::RunRead, thing("tool", &THINK, label)),
            Self::Ask(_) => (Action::RunRead, thing("tool", &ASK, label)),
            Self::Outside(call) => (Action::ConnectorRead, call.resource(label)),
        }
    }

    /// As it is shown and kept.
    pub(crate) fn arguments(&self) -> Value {
        match self {
            Self::Search { query } => json!({ "query": query }),
            Self::Open { of, page: None } => json!({ "passage": of + 1 }),
            Self::Open { of, page: Some(page) } => json!({ "passage": of + 1, "page": page }),
            Self::ReadOn { from, direction: Direction::After } => json!({ "passage": from + 1, "direction": "after" }),
            Self::ReadOn { from, direction: Direction::Before } => {
                json!({ "passage": from + 1, "direction": "before" })
            }
            Self::Find { of, text } => json!({ "passage": of + 1, "text": text }),
            Self::Calculate { expression } => json!({ "expression": expression }),
            Self::Think { thinking } => json!({ "method": thinking }),
            Self::Ask(question) => question.arguments(),
            Self::Outside(call) => Value::Object(call.arguments.clone()),
            Self::Table(call) => call.arguments(),
            Self::Date(DateCall { date, add, unit, until }) => {
                let unit = unit.map(Interval::as_str);
                let fields =
                    [("date", json!(date)), ("add", json!(add)), ("unit", json!(unit)), ("until", json!(until))];
                fields
                    .into_iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            }
        }
    }

    /// Does it. `today` is the day on which the run was made, however late this is done.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn execute(
        &self,
        searcher: &Searcher,
        (account, reader): (&Account, &Reader),
        (filter, label): (&SearchFilter, &Label),
        given: &[Passage],
        today: NaiveDate,
    ) -> Result<Found, RetrievalError> {
        let scope = &account.principal.scope;
        Ok(match self {
            Self::Search { query } => {
                let request = SearchRequest {
                    query: query.clone(),
                    limit: SEARCHED,
                    filter: filter.clone(),
                    label: label.clone(),
                    account: Some(account.clone()),
                };
                let found = searcher.search(scope, reader, request).await?;
                Found { passages: found.passages, rerank_cost: found.rerank_cost, ..Found::default() }
            }
            Self::Open { of, page } => {
                let opened = searcher.open(scope, reader, &given[*of], *page, READ).await?;
                let paged = given[*of].paged;
                let line = |section: &millwright_store::tenant::SectionRow| {
                    let headings = section.heading_path.join(" > ");
                    if paged { format!("page {}: {headings}", section.page_number) } else { headings }
                };
                let sections = opened.sections.iter().map(line);
                // Headings say things too: none of what looks like an instruction, and nothing beside passages that carry the
                // document's label.
                let quiet = sections.filter(|line| !injection::check(Channel::Content, line).is_hit);
                let lines = if opened.passages.is_empty() { Vec::new() } else { quiet.collect() };
                Found { lines, passages: opened.passages, ..Found::default() }
            }
            Self::ReadOn { from, direction } => {
                let passages = searcher.read_on(scope, reader, &given[*from], *direction, READ).await?;
                Found { passages, ..Found::default() }
            }
            Self::Find { of, text } => {
                let passages = searcher.find_in_document(scope, reader, &given[*of], text, READ).await?;
                Found { passages, ..Found::default() }
            }
            Self::Table(call) => table::execute(searcher, (scope, reader), &given[call.of], call).await?,
            Self::Calculate { .. } | Self::Date(_) => {
                self.compute(today).await.map_or_else(Found::default, Found::computed)
            }
            // What comes of these comes in a step of its own, or is not called from here.
            Self::Think { .. } | Self::Ask(_) | Self::Outside(_) => Found::default(),
        })
    }

    /// What a call that only computes comes to, or what is wrong with it; the same each time. `None` for one that reads.
    pub(crate) async fn compute(&self, today: NaiveDate) -> Option<Result<Computed, String>> {
        Some(match self {
            Self::Calculate { expression } => {
                let expression = expression.clone();
                // Bounded, and still nothing for the thread that serves others.
                let work = tokio::task::spawn_blocking(move || compute::calculate(&expression)).await;
                let failed = |_| Err("this could not be computed; say it more simply".to_owned());
                work.map_or_else(failed, |computed| computed.map_err(|error| error.to_string()))
            }
            Self::Date(call) => call.compute(today).map_err(|error| error.to_string()),
            Self::Search { .. }
            | Self::Open { .. }
            | Self::ReadOn { .. }
            | Self::Find { .. }
            | Self::Ask(_)
            | Self::Table(_)
            | Self::Think { .. }
            | Self::Outside(_) => {
                return None;
            }
        })
    }
}

impl Found {
    fn computed(computed: Result<Computed, String>) -> Self {
        match computed {
            Ok(computed) => Self { computed: Some(computed), ..Self::default() },
            Err(wrong) => Self { wrong: Some(wrong), ..Self::default() },
        }
    }
}

fn parsed<'t, T: Deserialize<'t>>(arguments: &'t str) -> Result<T, String> {
    serde_json::from_str(arguments).map_err(|error| {
        let what =
            if error.is_data() { "a field is missing, unknown or of another type" } else { "they are not valid JSON" };
        format!("the arguments do not fit the tool's schema: {what}")
    })
}

fn wanted(text: &str, name: &str, most: usize) -> Result<String, String> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > most {
        return Err(format!("`{name}` needs 1 to {most} characters, and has {length}"));
    }
    // A control character finds nothing, and not every place where this is kept takes one.
    Ok(text.split(char::is_control).collect::<Vec<_>>().join(" ").trim().to_owned())
}

#[cfg(test)]
mod tests;
