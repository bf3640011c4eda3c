//! Procedures: lists of steps that stand together, also where two passages share one.

use super::candidate::{Source, Weights};
use crate::text::UnitKind;

/// A procedure cut short is a wrong one, so steps may be many more than sentences. Beyond this,
/// it is not one list.
const MAX_STEP_UNITS: usize = 30;
/// Below this share of the question's weight, a list is about something else.
const MIN_COVERAGE: f32 = 0.55;
/// So much of it must stand in the headings and the introduction; more where nothing numbers the items.
const MIN_TITLE_NUMBERED: f32 = 0.35;
const MIN_TITLE_BULLETS: f32 = 0.6;

/// A run of list items in one passage.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    pub(super) source: usize,
    /// The sentence above the list, if it introduces it.
    pub(super) lead: Option<usize>,
    /// The units of the list, a half-open range.
    pub(super) first: usize,
    pub(super) end: usize,
    first_number: Option<u32>,
    last_number: Option<u32>,
}

/// The list that best answers, and its continuations in other passages.
pub(super) fn find(sources: &[Source<'_>], weights: &Weights) -> Option<(Vec<Steps>, f32)> {
    let lists: Vec<Steps> = sources.iter().enumerate().flat_map(|(at, source)| lists(at, source)).collect();
    let (best, score) = lists
        .iter()
        .enumerate()
        .map(|(at, list)| (at, score(list, &sources[list.source], weights)))
        .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
    if score < MIN_COVERAGE {
        return None;
    }
    let mut chain = vec![lists[best].clone()];
    // Chunks are short: the list may begin in one passage and go on in the next.
    while let Some(before) = neighbour(&lists, &chain[0], sources, |list, first| {
        list.last_number.zip(first.first_number).is_some_and(|(last, next)| last + 1 == next)
    }) {
        chain.insert(0, before);
    }
    while let Some(after) = neighbour(&lists, &chain[chain.len() - 1], sources, |list, last| {
        last.last_number.zip(list.first_number).is_some_and(|(end, next)| end + 1 == next)
    }) {
        chain.push(after);
    }
    Some((chain, score))
}

fn neighbour(
    lists: &[Steps],
    of: &Steps,
    sources: &[Source<'_>],
    follows: impl Fn(&Steps, &Steps) -> bool,
) -> Option<Steps> {
    let passage = sources[of.source].passage;
    lists
        .iter()
        .find(|list| {
            let other = sources[list.source].passage;
            list.source != of.source
                && other.document_name == passage.document_name
                && other.heading_path == passage.heading_path
                && follows(list, of)
        })
        .cloned()
}

fn lists(at: usize, source: &Source<'_>) -> Vec<Steps> {
    let mut lists = Vec::new();
    let mut unit = 0;
    while unit < source.units.len() {
        if source.units[unit].kind != UnitKind::Item {
            unit += 1;
            continue;
        }
        let first = unit;
        while unit < source.units.len()
            && source.units[unit].kind == UnitKind::Item
            && starts_no_other(source, first, unit)
        {
            unit += 1;
        }
        if unit - first > MAX_STEP_UNITS {
            continue;
        }
        let numbers: Vec<u32> = (first..unit).filter_map(|item| number(source.text(item))).collect();
        let items = source.units[unit - 1].block - source.units[first].block + 1;
        if items >= 2 || !numbers.is_empty() {
            let lead = first.checked_sub(1).filter(|before| source.text(*before).ends_with(':'));
            lists.push(Steps {
                source: at,
                lead,
                first,
                end: unit,
                first_number: numbers.first().copied(),
                last_number: numbers.last().copied(),
            });
        }
    }
    lists
}

/// A number 1 after others begins another list.
fn starts_no_other(source: &Source<'_>, first: usize, unit: usize) -> bool {
    unit == first || number(source.text(unit)) != Some(1)
}

fn number(item: &str) -> Option<u32> {
    let digits = item.trim_start_matches("Step ").trim_start_matches('(');
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    if digits[end..].starts_with(['.', ')', ':']) { digits[..end].parse().ok() } else { None }
}

fn score(list: &Steps, source: &Source<'_>, weights: &Weights) -> f32 {
    let lead = source.lead(list.first);
    let mut own = crate::text::Terms::default();
    for unit in list.first..list.end {
        own.extend(&source.unit_terms[unit]);
    }
    let title = weights.coverage(&[(&lead, 1.0), (&source.heading, 1.0), (&source.name, 0.5)]);
    let all = weights.coverage(&[(&lead, 1.0), (&source.heading, 0.95), (&own, 0.8), (&source.name, 0.5)]);
    let (numbered, least) =
        if list.first_number.is_some() { (1.15, MIN_TITLE_NUMBERED) } else { (1.0, MIN_TITLE_BULLETS) };
    if title < least {
        return 0.0;
    }
    (0.3 * title + 0.7 * all) * numbered
}
