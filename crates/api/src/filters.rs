//! What a search is narrowed by, as requests say it.

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use millwright_core::{Classification, Group, Problem, id::DocumentId};
use millwright_documents::Format;
use millwright_store::tenant::SearchFilter;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

/// Of one kind in a filter, and tags of a document.
const MOST: usize = 32;
const MAX_TAG_CHARS: usize = 64;
/// Documents in a filter.
const MOST_DOCUMENTS: usize = 100;
const LANGUAGES: [&str; 2] = ["en", "de"];
/// Far enough for any document, and within what the database can hold.
const YEARS: std::ops::RangeInclusive<i32> = 1000..=9999;

/// What a search is narrowed by: all that is set must hold.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchFilters {
    /// One of these: `pdf`, `docx`, `pptx`, `xlsx`, `csv`, `text`, `markdown`, `html`, `eml`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 32)]
    formats: Vec<Format>,
    /// All of these tags.
    #[serde(default)]
    #[schema(max_items = 32)]
    tags: Vec<String>,
    /// One of these.
    #[serde(default)]
    #[schema(max_items = 32)]
    classifications: Vec<Classification>,
    /// Kept for all of these access groups.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 32)]
    groups: Vec<Group>,
    /// Mostly in one of these languages: `en`, `de`.
    #[serde(default)]
    #[schema(max_items = 32)]
    languages: Vec<String>,
    /// The version holds since this moment or later.
    effective_since: Option<DateTime<Utc>>,
    /// The version holds since before this moment.
    effective_before: Option<DateTime<Utc>>,
}

impl SearchFilters {
    /// The filter, with what is wrong with it added to `problem`.
    pub(crate) fn checked(
        self,
        document_ids: Option<Vec<DocumentId>>,
        as_of: Option<DateTime<Utc>>,
        mut problem: Problem,
    ) -> (SearchFilter, Problem) {
        if document_ids.as_ref().is_some_and(|ids| ids.len() > MOST_DOCUMENTS) {
            problem = problem.field("document_ids", "expected at most 100 ids");
        }
        let lengths = [
            ("filters.formats", self.formats.len()),
            ("filters.tags", self.tags.len()),
            ("filters.classifications", self.classifications.len()),
            ("filters.groups", self.groups.len()),
            ("filters.languages", self.languages.len()),
        ];
        for (field, _) in lengths.iter().filter(|(_, length)| *length > MOST) {
            problem = problem.field(*field, "expected at most 32");
        }
        if self.languages.iter().any(|language| !LANGUAGES.contains(&language.as_str())) {
            problem = problem.field("filters.languages", "expected some of en, de");
        }
        let moments = [
            ("as_of", as_of),
            ("filters.effective_since", self.effective_since),
            ("filters.effective_before", self.effective_before),
        ];
        for (field, _) in moments.iter().filter(|(_, moment)| moment.is_some_and(|said| self::moment(said).is_none())) {
            problem = problem.field(*field, "expected a year from 1000 to 9999");
        }
        let filter = SearchFilter {
            documents: document_ids,
            formats: self.formats.iter().map(|format| format.as_str().to_owned()).collect(),
            tags: self.tags.iter().map(|tag| plain(tag)).collect(),
            classifications: self.classifications,
            groups: self.groups.iter().map(ToString::to_string).collect(),
            languages: self.languages,
            effective_since: self.effective_since.and_then(moment),
            effective_before: self.effective_before.and_then(moment),
            as_of: as_of.and_then(moment),
        };
        (filter, problem)
    }
}

/// The moment as the database keeps it, if it can and a person can mean it.
pub(crate) fn moment(moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
    YEARS.contains(&moment.year()).then(|| moment.trunc_subsecs(6))
}

/// Tags as they are kept: in lower case, in order, each once. `Err` says what would be accepted.
pub(crate) fn tags<'t>(words: impl IntoIterator<Item = &'t str>) -> Result<Vec<String>, &'static str> {
    let mut tags: Vec<String> = words.into_iter().map(plain).collect();
    tags.sort_unstable();
    tags.dedup();
    let is_word = |tag: &String| {
        !tag.is_empty() && tag.chars().count() <= MAX_TAG_CHARS && !tag.contains(|c: char| c.is_control() || c == ',')
    };
    if tags.len() > MOST || !tags.iter().all(is_word) {
        return Err("expected at most 32 tags of 1 to 64 characters without commas");
    }
    Ok(tags)
}

/// A tag in the form in which it is kept.
pub(crate) fn plain(tag: &str) -> String {
    tag.trim().nfc().collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::tags;

    #[test]
    fn tags_are_kept_in_one_form() {
        assert_eq!(tags([" Pump ", "pump", "Ko\u{308}ln"]).unwrap(), ["k\u{f6}ln", "pump"]);
        for wrong in ["", " ", "a,b", "a\nb", &"x".repeat(65)] {
            assert!(tags([wrong]).is_err(), "{wrong:?}");
        }
        assert!(tags(["x"; 40]).is_ok(), "one tag, said often");
    }
}
