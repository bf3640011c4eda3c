//! Sentences that say what was counted up over the rows of a table (ADR 39).
//!
//! Such a sentence is held by one row of one result of this run when all of this is so:
//! 1. It says at least one figure of that row, with its unit and as it stands there, and no other figure but those of the row's groups, of
//!    the conditions and of the names of columns. Two figures of one sentence differ in their units, so that none is said for another.
//! 2. It names the value of each group, and of each condition that asks for one.
//! 3. Each of its words stands in these, in the names of the columns that it speaks of, in the headings and the name of the document, or only
//!    holds others together.
//! 4. It says what was done: `on average`, `the median`, `the longest`, `entries` where those of a column were counted; and none of it where
//!    that was not done. Of several groups only the one that alone has the most is said to, and none has more or less than something, or was
//!    before or after it, but by a condition that says so in that direction.
//! 5. Where a number could be a group's as well as a figure, the group's stands right behind the name of its column.
//!
//! It then cites the header and the first of the rows, and says of how many rows it was made, and of which.

use std::{collections::BTreeSet, sync::LazyLock};

use millwright_llm::text::{Terms, terms};

use super::{ABOUT_TEXT, Support, Verifier, computed::letters};
use crate::{
    compute::{cell::period, figures, is_mean, is_sum},
    guard,
    table::{CitedRow, Condition, Extreme, Figure, Function, Op, ResultRow, TableResult, month_names},
};

/// Words that a sentence about rows has beside those of the table.
static FILLERS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    terms(
        "account accumulate add amount approximately calculate cause column come came compute contain count data entry equal exactly hold \
         item lie list number occur reach record result round rounded row sheet show stand table value \
         aus am an anzahl auf bei berechnet beträgt betragen betrug das dem den der des die diese dieser dieses dort ein eine einem einen \
         einer eines eintrag einträge einträgen entfallen ergab ergibt es etwa für gab gerundet gibt haben hat hatte hatten im ist lag \
         laut liegt mit oder rund sich sind spalte tabelle und vom von war waren wert werte werden wurde wurden zeile zeilen zu zum zur",
    )
    .words
});

/// Stems of what has the most or the least of something, in lower case; also those that [`terms`] leaves out.
const HIGHEST: [&str; 16] = [
    "highest", "most", "maximum", "max", "largest", "longest", "greatest", "biggest", "latest", "top", "höchst",
    "meist", "größt", "längst", "spätest", "maximal",
];
const LOWEST: [&str; 16] = [
    "lowest",
    "least",
    "minimum",
    "min",
    "smallest",
    "shortest",
    "fewest",
    "earliest",
    "slightest",
    "niedrigst",
    "wenigst",
    "kleinst",
    "kürzest",
    "frühest",
    "geringst",
    "minimal",
];
const MEDIAN: [&str; 1] = ["median"];
const DISTINCT: [&str; 5] = ["different", "distinct", "unique", "verschieden", "unterschiedlich"];
/// Words that say of what else it is more or less.
const COMPARING: [&str; 25] = [
    "more",
    "less",
    "fewer",
    "over",
    "under",
    "above",
    "below",
    "exceed",
    "exceeds",
    "exceeding",
    "than",
    "mehr",
    "weniger",
    "über",
    "unter",
    "mindestens",
    "höchstens",
    "bis",
    "before",
    "after",
    "since",
    "until",
    "vor",
    "nach",
    "seit",
];
/// Words that say that something was counted, and not what it amounts to.
const COUNTING: [&str; 16] = [
    "count",
    "counts",
    "number",
    "entry",
    "entries",
    "row",
    "rows",
    "record",
    "records",
    "times",
    "anzahl",
    "eintrag",
    "einträge",
    "zeile",
    "zeilen",
    "mal",
];
/// Words by which what is said of all rows is said of one.
const HANDING_OUT: [&str; 9] =
    ["each", "every", "apiece", "per", "respectively", "individually", "pro", "je", "jeweils"];

/// A result with where it stands.
#[derive(Debug)]
pub(super) struct Tabled {
    result: TableResult,
    /// Headings and name: they say what the table is about, and no figure is theirs.
    context: Terms,
    header: Option<Support>,
    /// The first row of each row of the result, where a passage has it.
    firsts: Vec<Option<Support>>,
}

/// A sentence as it is held against rows.
struct Claim<'t> {
    text: &'t str,
    terms: Terms,
    /// In lower case.
    words: Vec<String>,
}

impl Verifier {
    /// With what was counted up over rows; `place` says where a row stands among the passages.
    pub(crate) fn with_tables(mut self, results: &[TableResult], place: impl Fn(&CitedRow) -> Option<Support>) -> Self {
        let read = |result: &TableResult| {
            let mut context = terms(&result.heading);
            context.extend(&terms(&result.document.replace(['_', '.'], " ")));
            context.measures.clear();
            Tabled {
                header: result.header.as_ref().and_then(&place),
                firsts: result.rows.iter().map(|row| row.first.as_ref().and_then(&place)).collect(),
                context,
                result: result.clone(),
            }
        };
        self.tables = results.iter().map(read).collect();
        self
    }

    /// The rows of a passage that a sentence cites for a row of a result, and how that was made; of several results the newest.
    pub(super) fn tabled(&self, text: &str) -> Option<(Vec<Support>, String)> {
        if self.tables.is_empty() {
            return None;
        }
        let text = text.replace('€', " EUR ");
        let words = text.to_lowercase().split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
        let claim = Claim { terms: terms(&text), words, text: &text };
        if claim.terms.negated {
            return None;
        }
        self.tables.iter().rev().find_map(|tabled| {
            tabled.result.rows.iter().zip(&tabled.firsts).find_map(|(row, first)| {
                let figures = tabled.holds(row, &claim)?;
                let supports: Vec<Support> = tabled.header.iter().chain(first).copied().collect();
                let working = tabled.result.working(row, &figures);
                let working = guard::without_secrets(&working).unwrap_or(working);
                (!supports.is_empty()).then_some((supports, working))
            })
        })
    }
}

impl Tabled {
    /// The figures of a row that a claim says, where the row holds it.
    fn holds(&self, row: &ResultRow, claim: &Claim<'_>) -> Option<Vec<usize>> {
        let mut held = Terms::default();
        for (column, value) in self.result.groups.iter().zip(&row.groups) {
            held.extend(&terms(column));
            held.extend(&terms(&claim.named(value)?));
        }
        for condition in &self.result.conditions {
            held.extend(&terms(&condition.column));
            match (condition.op, claim.named(&condition.value)) {
                (Op::Equal | Op::Contains, value) => held.extend(&terms(&value?)),
                (Op::Unit, value) => held.extend(&terms(&value.unwrap_or_else(|| condition.value.clone()))),
                // What was left out is nothing that the row says.
                (Op::NotEqual, _) | (_, None) => {}
                (op, Some(value)) => held.extend(&terms(&claim.has_any(directions(op)).then_some(value)?)),
            }
        }
        let said = |figure: &Figure| claim.says(&figure.text);
        let used: Vec<usize> = (0..row.figures.len()).filter(|at| said(&row.figures[*at]).is_some()).collect();
        for at in &used {
            held.extend(&terms(&said(&row.figures[*at])?));
            held.extend(&terms(self.result.aggregates[*at].1.as_deref().unwrap_or_default()));
        }
        let mut others = Terms::default();
        self.result.rows.iter().flat_map(|other| &other.groups).for_each(|value| others.extend(&terms(value)));
        let is_context = |code: &String| self.context.codes.contains(code) && !others.codes.contains(code);
        let is_held = !used.is_empty()
            && claim.terms.measures.is_subset(&held.measures)
            && claim.terms.codes.iter().all(|code| held.codes.contains(code) || is_context(code))
            && differ(row, &used)
            && self.tells_numbers_apart(row, &used, claim)
            && self.says_what_was_done(row, &used, claim, &held)
            && self.compares(claim)
            && claim.words.iter().all(|word| !hands_out(word) || self.is_mean(&used));
        let has_letter = |letter: char| {
            let own = row.groups.iter().chain(&self.result.groups);
            let own = own.chain(self.result.conditions.iter().flat_map(|one| [&one.value, &one.column]));
            let own = own.map(String::as_str).chain(self.result.aggregates.iter().filter_map(|one| one.1.as_deref()));
            own.flat_map(|text| text.split(|c: char| !c.is_alphanumeric())).any(|word| word.chars().eq([letter]))
        };
        let seen = figures::read(claim.text, None);
        let stands = |word: &String| {
            held.words.contains(word)
                // A heading may name groups that the row is not of.
                || self.context.words.contains(word) && !others.words.contains(word)
                || FILLERS.contains(word)
                || ABOUT_TEXT.contains(&word.as_str())
                || is_of_function(word)
        };
        (is_held && claim.terms.words.iter().all(stands) && letters(claim.text, &seen).all(has_letter)).then_some(used)
    }

    /// Whether no number of a group, or of a condition that asks for one, could be taken for another number of the claim.
    fn tells_numbers_apart(&self, row: &ResultRow, used: &[usize], claim: &Claim<'_>) -> bool {
        let is_bare = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let asked =
            self.result.conditions.iter().filter(|one| one.op == Op::Equal).map(|one| (&one.column, &one.value));
        let own = self.result.groups.iter().zip(&row.groups).chain(asked);
        let own: Vec<(&String, &String)> = own.filter(|(_, value)| is_bare(value)).collect();
        let bare = own.len() + used.iter().filter(|at| is_bare(&row.figures[**at].text)).count();
        let name = |column: &str| column.split(['(', '[']).next().unwrap_or_default().trim().to_owned();
        bare < 2 || own.iter().all(|(column, value)| claim.has(&format!("{} {value}", name(column))))
    }

    fn is_mean(&self, used: &[usize]) -> bool {
        used.iter().any(|at| matches!(self.result.aggregates[*at].0, Function::Mean | Function::Median))
    }

    /// Whether the claim names what was done where it could be taken for something else, and nothing that was not.
    fn says_what_was_done(&self, row: &ResultRow, used: &[usize], claim: &Claim<'_>, held: &Terms) -> bool {
        let functions: Vec<Function> = used.iter().map(|at| self.result.aggregates[*at].0).collect();
        let any = |of: &[Function]| functions.iter().any(|function| of.contains(function));
        let stems = || claim.terms.words.iter();
        let (sum, mean) =
            (stems().any(|stem| is_sum(stem) && !held.words.contains(stem)), stems().any(|stem| is_mean(stem)));
        let says = |list: &[&str]| claim.words.iter().any(|word| list.iter().any(|name| is_form_of(word, name)));
        let (high, low) = (says(&HIGHEST), says(&LOWEST));
        let (median, distinct) = (says(&MEDIAN), says(&DISTINCT));
        let extreme = |end| used.iter().any(|at| row.figures[*at].extreme == Some(end));
        let needs = |(function, column): &(Function, Option<String>)| match function {
            Function::Mean => mean,
            Function::Median => median,
            Function::Distinct => distinct,
            Function::Max => high,
            Function::Min => low,
            Function::Sum => true,
            // `12 of scrap` would be an amount.
            Function::Count => column.is_none() || claim.has_any(&COUNTING),
        };
        let is_named = |at: &usize| {
            let same = used.iter().filter(|other| row.figures[**other].text == row.figures[*at].text);
            same.map(|other| &self.result.aggregates[*other]).any(needs)
        };
        let of_column = |list: &[&str]| held.words.iter().any(|word| list.iter().any(|name| is_form_of(word, name)));
        used.iter().all(is_named)
            && (!sum || any(&[Function::Sum, Function::Count, Function::Distinct]))
            && (!mean
                || any(&[Function::Mean])
                || stems().filter(|stem| is_mean(stem)).all(|stem| held.words.contains(stem)))
            && (!median || any(&[Function::Median]))
            && (!distinct || any(&[Function::Distinct]))
            && !(high && low)
            && (!high || any(&[Function::Max]) || extreme(Extreme::Highest) || of_column(&HIGHEST))
            && (!low || any(&[Function::Min]) || extreme(Extreme::Lowest) || of_column(&LOWEST))
    }

    /// A figure is more or less than something only by a condition that says so of what the claim names.
    fn compares(&self, claim: &Claim<'_>) -> bool {
        let says_so = |word: &str| {
            let is_it = |one: &Condition| claim.named(&one.value).is_some() && directions(one.op).contains(&word);
            self.result.conditions.iter().any(is_it)
        };
        let mut comparing = claim.words.iter().map(String::as_str).filter(|word| COMPARING.contains(word));
        // `than` follows one of the others, or is refused with what it would follow.
        let has_named = self.result.conditions.iter().any(|one| claim.has_any(directions(one.op)));
        comparing.all(|word| if word == "than" { has_named } else { says_so(word) })
    }
}

/// The words, in lower case, by which a condition says in which direction of its value something lies.
fn directions(op: Op) -> &'static [&'static str] {
    match op {
        Op::Greater => &["more", "over", "above", "exceed", "exceeds", "exceeding", "after", "mehr", "über", "nach"],
        Op::AtLeast => &["since", "from", "mindestens", "seit", "ab"],
        Op::Less => &["less", "fewer", "under", "below", "before", "weniger", "unter", "vor"],
        Op::AtMost => &["until", "höchstens", "bis"],
        Op::Equal | Op::NotEqual | Op::Contains | Op::Unit => &[],
    }
}

impl Claim<'_> {
    /// Whether one of these words, in lower case, stands in it.
    fn has_any(&self, words: &[&str]) -> bool {
        self.words.iter().any(|word| words.contains(&word.as_str()))
    }

    /// How a value is named in it; none where it is not.
    fn named(&self, value: &str) -> Option<String> {
        // A dash names nothing.
        if !value.contains(char::is_alphanumeric) {
            return None;
        }
        let spelled = spellings(value);
        if let Some(found) = spelled.into_iter().find(|spelling| self.has(spelling)) {
            return Some(found);
        }
        let own = terms(value);
        let has_letters = value.split(|c: char| !c.is_alphanumeric()).any(|word| word.chars().count() == 1);
        let is_said = !own.is_empty()
            && !has_letters
            && own.words.is_subset(&self.terms.words)
            && own.codes.is_subset(&self.terms.codes)
            && own.measures.is_subset(&self.terms.measures);
        is_said.then(|| value.to_owned())
    }

    /// How a figure is written in it: with its unit; none where it is not.
    fn says(&self, figure: &str) -> Option<String> {
        let own = terms(figure);
        if own.measures.is_empty() {
            return self.named(figure).filter(|_| period(figure).is_some());
        }
        (own.measures.is_subset(&self.terms.measures) && own.words.is_subset(&self.terms.words))
            .then(|| figure.to_owned())
    }

    /// Whether a text stands in it, not within a word; a single letter as it is written.
    fn has(&self, wanted: &str) -> bool {
        let is_letter = wanted.chars().count() == 1;
        let (text, wanted) = if is_letter {
            (self.text.to_owned(), wanted.to_owned())
        } else {
            (self.text.to_lowercase(), wanted.to_lowercase())
        };
        let joins = |outer: Option<char>, inner: Option<char>| {
            inner.is_some_and(char::is_alphanumeric)
                && outer.is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '/' | '_'))
        };
        text.match_indices(&wanted).any(|(at, found)| {
            let (before, after) = (&text[..at], &text[at + found.len()..]);
            // `3` is not that of `3.5` or `2,3`.
            let splits = |text: &mut dyn Iterator<Item = char>| {
                matches!(text.next(), Some('.' | ',')) && text.next().is_some_and(|c| c.is_ascii_digit())
            };
            let is_number = found.starts_with(|c: char| c.is_ascii_digit());
            !joins(before.chars().next_back(), found.chars().next())
                && !joins(after.chars().next(), found.chars().next_back())
                && !(is_number && (splits(&mut before.chars().rev()) || splits(&mut after.chars())))
        })
    }
}

/// Whether each figure is told from the others by its unit.
fn differ(row: &ResultRow, used: &[usize]) -> bool {
    let unit = |at: &usize| row.figures[*at].text.split_once(' ').map(|(_, unit)| unit);
    used.iter().enumerate().all(|(before, at)| {
        let text = &row.figures[*at].text;
        used[..before].iter().all(|other| row.figures[*other].text == *text || unit(other) != unit(at))
    })
}

/// As it stands, and a day or month as people write it.
fn spellings(value: &str) -> Vec<String> {
    let mut all = vec![value.to_owned()];
    let parts: Vec<&str> = value.split('-').collect();
    let month = |text: &str| text.parse().ok().map(month_names).unwrap_or_default();
    match (period(value), parts.as_slice()) {
        (Some(_), [year, number]) => all.extend(month(number).iter().map(|name| format!("{name} {year}"))),
        (Some((from, _)), [year, number, _]) => {
            let day = from.date().format("%-d");
            for name in month(number) {
                all.extend([
                    format!("{day} {name} {year}"),
                    format!("{day}. {name} {year}"),
                    format!("{name} {day}, {year}"),
                ]);
            }
            all.push(from.date().format("%d.%m.%Y").to_string());
        }
        _ => {}
    }
    all
}

/// `höchste` and `höchsten` are forms of `höchst`.
fn is_form_of(word: &str, name: &str) -> bool {
    word.strip_prefix(name).is_some_and(|ending| matches!(ending, "" | "e" | "en" | "er" | "es" | "em"))
}

/// Whether a stem is that of a word for what was done: whether that was done is asked apart.
fn is_of_function(stem: &str) -> bool {
    static STEMS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let all = HIGHEST.iter().chain(&LOWEST).chain(&MEDIAN).chain(&DISTINCT).chain(&COMPARING);
        let forms = |name: &&str| ["", "e", "en", "er", "es", "em"].map(|ending| format!("{name}{ending}")).join(" ");
        terms(&all.map(forms).collect::<Vec<_>>().join(" ")).words
    });
    is_sum(stem) || is_mean(stem) || STEMS.contains(stem)
}

fn hands_out(word: &str) -> bool {
    HANDING_OUT.contains(&word) || word.starts_with("jede") || word.starts_with("einzeln")
}

#[cfg(test)]
mod tests;
