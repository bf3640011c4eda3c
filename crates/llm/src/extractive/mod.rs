//! The built-in answerer: not a language model. It chooses the sentences of the passages that
//! best answer the question and quotes them, each with the number of its passage.

mod candidate;
mod question;
mod shape;
mod steps;

use crate::{
    model::{ChatRequest, Role},
    text::{UnitKind, cells, item_mark},
};
use candidate::{Candidate, Source, Weights, candidates};
use question::{Asks, Question};

/// Below this no sentence is an answer.
const MIN_SCORE: f32 = 0.40;
/// Further sentences must be nearly as good as the best.
const MIN_SHARE: f32 = 0.78;
/// Sentences of an answer, not counting the steps of a procedure.
const MAX_SENTENCES: usize = 5;

/// The name of the built-in answerer, where models have names.
pub const EXTRACTIVE: &str = "extractive";

/// The answer of the built-in answerer in pieces, each a quote with its marker; nothing if no passage fits. It says only
/// what stands in the passages, in this process, in well under a millisecond a passage.
pub fn quote(request: &ChatRequest) -> Vec<String> {
    let before = request.turns.iter().rev().find(|turn| turn.role == Role::User).map(|turn| turn.text.as_str());
    let question = Question::read(&request.question, before);
    if question.keys.is_empty() {
        return Vec::new();
    }
    let sources = Source::read(&request.passages);
    let weights = Weights::of(&question, &sources);
    let ranked = candidates(&question, &sources, &weights);
    let best = ranked.first().map_or(0.0, |candidate| candidate.score);
    let (mut chosen, mut is_procedure) = (Vec::new(), false);
    if question.asks == Asks::Steps
        && let Some((lists, score)) = steps::find(&sources, &weights)
        && score >= best * 0.8
    {
        is_procedure = true;
        for list in lists {
            chosen.extend(list.lead.into_iter().chain(list.first..list.end).map(|unit| (list.source, unit)));
        }
    } else if best >= MIN_SCORE {
        chosen = choose(&question, &sources, &ranked, best);
    }
    write(&sources, chosen, is_procedure)
}

/// The best sentence and those that add to it, passage by passage in reading order.
fn choose(question: &Question, sources: &[Source<'_>], ranked: &[Candidate], best: f32) -> Vec<(usize, usize)> {
    let most = match question.asks {
        Asks::Figure(_) | Asks::Who | Asks::When | Asks::Where => 2,
        _ => 3,
    };
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    let least = (best * MIN_SHARE).max(MIN_SCORE);
    let near: Vec<&Candidate> = ranked.iter().take_while(|candidate| candidate.score >= least).collect();
    // A litre is no answer to the question for hours, however near the rest of the sentence.
    let formed_only = matches!(question.asks, Asks::Figure(Some(_))) && near.iter().any(|candidate| candidate.has_form);
    for candidate in near.into_iter().filter(|candidate| candidate.has_form || !formed_only) {
        if chosen.len() >= most {
            break;
        }
        let new = &sources[candidate.source].unit_terms[candidate.unit];
        if !chosen.iter().any(|(source, unit)| overlap(&sources[*source].unit_terms[*unit], new) > 0.7) {
            chosen.push((candidate.source, candidate.unit));
        }
    }
    let first = chosen.first().map_or(0, |(source, _)| *source);
    for at in 0..chosen.len() {
        chosen.extend(companions(sources, chosen[at]));
    }
    chosen.sort_by_key(|(source, unit)| (*source != first, *source, *unit));
    chosen.dedup();
    chosen.truncate(MAX_SENTENCES.max(most));
    chosen
}

/// What a sentence cannot be understood without.
fn companions(sources: &[Source<'_>], (at, unit): (usize, usize)) -> Vec<(usize, usize)> {
    const REFERRING: &[&str] = &["it ", "they ", "this ", "these ", "otherwise", "however", "in this case", "if not"];
    let source = &sources[at];
    let lower = source.text(unit).to_lowercase();
    let mut companions = Vec::new();
    if REFERRING.iter().any(|word| lower.starts_with(word))
        && let Some(before) = unit.checked_sub(1)
        && source.units[before].block == source.units[unit].block
    {
        companions.push((at, before));
    }
    if lower.ends_with(':') {
        let items = (unit + 1..source.units.len())
            .take_while(|next| matches!(source.units[*next].kind, UnitKind::Item | UnitKind::Row));
        companions.extend(items.map(|next| (at, next)));
    }
    companions
}

fn overlap(a: &crate::text::Terms, b: &crate::text::Terms) -> f32 {
    let shared = a.keys().filter(|key| b.has_key(key)).count() as f32;
    let smaller = a.keys().count().min(b.keys().count()) as f32;
    // Two rows of a table, or two settings, share their words and differ in their figures.
    if a.measures != b.measures || a.codes != b.codes { 0.0 } else { shared / smaller.max(1.0) }
}

fn write(sources: &[Source<'_>], chosen: Vec<(usize, usize)>, is_procedure: bool) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut last: Option<(usize, usize)> = None;
    for (at, unit) in chosen {
        let source = &sources[at];
        let (text, kind) = (source.text(unit), source.units[unit].kind);
        let same_block = last
            .is_some_and(|(before, earlier)| before == at && source.units[earlier].block == source.units[unit].block);
        let gap = match (last, kind) {
            (None, _) => "",
            (Some(_), UnitKind::Item) if same_block => " ",
            (Some((before, earlier)), UnitKind::Item | UnitKind::Row)
                if is_line(sources[before].units[earlier].kind) =>
            {
                "\n"
            }
            (Some(_), UnitKind::Item | UnitKind::Row) => "\n\n",
            (Some((before, earlier)), _) if is_line(sources[before].units[earlier].kind) => "\n\n",
            _ => " ",
        };
        let shown = match kind {
            UnitKind::Row => row(source, unit),
            UnitKind::Item if !same_block => item(text, is_procedure),
            _ => text.to_owned(),
        };
        pieces.push(format!("{gap}{shown} [{}]", source.passage.number));
        last = Some((at, unit));
    }
    pieces
}

fn is_line(kind: UnitKind) -> bool {
    matches!(kind, UnitKind::Item | UnitKind::Row)
}

/// An item with a mark that every reader of Markdown shows as a list. Its number is kept only
/// where all steps are there: alone it would count what is not shown.
fn item(text: &str, keep_number: bool) -> String {
    let mark = item_mark(text).unwrap_or(0);
    let is_number = text[..mark].trim_end().strip_suffix('.').is_some_and(|number| number.parse::<u32>().is_ok());
    if (is_number && keep_number) || text.starts_with("- ") || text.starts_with("* ") {
        text.to_owned()
    } else if !is_number && text.starts_with(|c: char| c.is_alphanumeric() || c == '(') {
        format!("- {text}")
    } else {
        format!("- {}", &text[mark..])
    }
}

/// A row as `Column: cell; Column: cell` where the passage has the row that names the columns,
/// otherwise as it stands.
fn row(source: &Source<'_>, unit: usize) -> String {
    let cells = cells(source.text(unit));
    // One of another passage the check of this sentence would not find.
    let header = match source.own_header().filter(|_| source.goes_on(unit)) {
        Some(header) => Some(header),
        None => source.headers[unit].map(|header| source.text(header)),
    };
    let header = header.map(crate::text::cells);
    let header = header.filter(|header| header.len() == cells.len());
    let Some(header) = header else {
        return format!("- {}", source.text(unit));
    };
    let pairs: Vec<String> = header
        .iter()
        .zip(&cells)
        .filter(|(_, cell)| !cell.is_empty())
        .map(|(name, cell)| if name.is_empty() { (*cell).to_owned() } else { format!("{name}: {cell}") })
        .collect();
    format!("- {}", pairs.join("; "))
}

#[cfg(test)]
mod tests;
