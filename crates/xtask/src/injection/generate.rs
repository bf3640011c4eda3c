//! Training texts from the grammar, and from harmless prose with attacks put into it.

use std::ops::Range;

use super::{corpus::Corpus, disguise, grammar::Grammar, random::Random};

/// A text a user may type.
pub(super) struct UserText {
    pub(super) text: String,
    pub(super) is_attack: bool,
    /// Where it comes from: a source of the sample, a folder, or `template`.
    pub(super) source: String,
}

/// A document, with the bytes of the attack in it.
pub(super) struct Document {
    pub(super) text: String,
    pub(super) attack: Option<Range<usize>>,
    pub(super) source: String,
}

/// Folders whose texts are never trained on, so that false positives can be measured on them.
pub(super) fn is_kept_out(source: &str) -> bool {
    source.starts_with("4diac-adoc")
        || matches!(source, "linuxcnc-adoc/gcode" | "linuxcnc-adoc/hal" | "linuxcnc-adoc/plasma")
}

/// Every fifth examination prompt is kept out too.
pub(super) fn is_kept_out_prompt(number: usize) -> bool {
    number.is_multiple_of(5)
}

pub(super) struct Generator<'a> {
    grammar: Grammar,
    corpus: &'a Corpus,
    prose: Vec<&'a (String, String)>,
    random: Random,
}

impl<'a> Generator<'a> {
    pub(super) fn new(corpus: &'a Corpus, seed: u64) -> Self {
        let prose = corpus.paragraphs.iter().filter(|(source, _)| !is_kept_out(source)).collect();
        Self { grammar: Grammar::built_in(), corpus, prose, random: Random::new(seed) }
    }

    fn rule(&mut self, rule: &str) -> String {
        self.grammar.text(rule, &mut self.random)
    }

    fn prose(&mut self) -> (String, String) {
        self.random.choose(&self.prose).map(|(source, text)| (source.clone(), text.clone())).unwrap_or_default()
    }

    /// Texts of users: attacks and harmless ones, about as many of each.
    pub(super) fn user_texts(&mut self, count: usize) -> Vec<UserText> {
        let mut texts = Vec::with_capacity(2 * count);
        for number in 0..count {
            let (text, source) = self.user_attack(number);
            texts.push(UserText { text, is_attack: true, source });
            let (text, source) = self.user_harmless(number);
            texts.push(UserText { text, is_attack: false, source });
        }
        for (number, prompt) in self.corpus.prompts.iter().enumerate() {
            if !is_kept_out_prompt(number) {
                texts.push(UserText { text: prompt.clone(), is_attack: false, source: "routing".to_owned() });
            }
        }
        for query in &self.corpus.queries {
            texts.push(UserText { text: query.clone(), is_attack: false, source: "queries".to_owned() });
        }
        texts
    }

    fn user_attack(&mut self, number: usize) -> (String, String) {
        let rule = match self.random.below(20) {
            0..=7 => "hard",
            8..=10 => "reveal",
            11..=15 => "jailbreak",
            16 => "classic",
            17 => "user_steer",
            _ => "all_other",
        };
        let attack = self.rule(rule);
        let mut source = "template".to_owned();
        let text = match self.random.below(20) {
            0 | 1 => disguise::disguise(&attack, &mut self.random),
            // Nobody hides a harmless question: the disguise alone gives the intent away.
            6 => {
                let harmless = self.rule("benign_all");
                disguise::heavy(&harmless, &mut self.random)
            }
            2 | 3 => {
                let harmless = self.rule("benign_all");
                format!(
                    "{harmless}{}{attack}",
                    self.random.choose(&[" ", "\n", "\n\n", " - ", "\n---\n"]).unwrap_or(&" ")
                )
            }
            4 => {
                let harmless = self.rule("benign_all");
                format!("{attack} {harmless}")
            }
            5 => {
                let (from, prose) = self.prose();
                source = from;
                format!(
                    "{}{prose}\n{attack}",
                    self.random.choose(&["", "Summarise: ", "Translate:\n", "Text: "]).unwrap_or(&"")
                )
            }
            _ => attack,
        };
        let _ = number;
        (disguise::careless(text, &mut self.random), source)
    }

    fn user_harmless(&mut self, number: usize) -> (String, String) {
        let _ = number;
        let mut source = "template".to_owned();
        let text = match self.random.below(20) {
            0..=2 => {
                let (from, prose) = self.prose();
                source = from;
                let task = self.random.choose(&[
                    "Summarise: ",
                    "Summarise the following text.\n\n",
                    "Translate to German:\n",
                    "",
                    "",
                    "What does this mean? ",
                    "Is this right? ",
                ]);
                format!("{}{prose}", task.unwrap_or(&""))
            }
            3 => {
                let task = self.rule("q_work");
                let letter = self.rule("email");
                format!("{task}\n\n{letter}")
            }
            4 => {
                let digits: String =
                    (0..32).map(|_| char::from_digit(self.random.below(16) as u32, 16).unwrap_or('0')).collect();
                format!("{} {digits}", self.rule("q_work"))
            }
            5 => self.rule("notes"),
            _ => self.rule("benign_all"),
        };
        (disguise::careless(text, &mut self.random), source)
    }

    /// Documents: with an attack, and without one.
    pub(super) fn documents(&mut self, count: usize) -> Vec<Document> {
        let mut documents = Vec::with_capacity(2 * count);
        for _ in 0..count {
            let (carrier, source) = self.carrier();
            let attack = self.content_attack();
            let (text, range) = self.insert(&carrier, &attack);
            documents.push(Document { text, attack: Some(range), source });
            let (text, source) = self.carrier();
            documents.push(Document { text, attack: None, source });
        }
        // All the technical prose there is, as it is: it is what the assistant reads most.
        for (source, text) in self.prose.iter().step_by(2) {
            documents.push(Document { text: text.clone(), attack: None, source: source.clone() });
        }
        documents
    }

    fn content_attack(&mut self) -> String {
        let attack = match self.random.below(12) {
            0 => self.rule("hard"),
            1 => {
                let one = self.rule("all");
                let two = self.rule("imperative");
                format!("{one} {two}")
            }
            _ => self.rule("all"),
        };
        if self.random.percent(4) {
            disguise::disguise(&attack, &mut self.random)
        } else {
            disguise::careless(attack, &mut self.random)
        }
    }

    fn carrier(&mut self) -> (String, String) {
        let template = "template".to_owned();
        match self.random.below(20) {
            0..=5 => (self.rule("email"), template),
            6..=10 => (self.table(), template),
            11..=14 => (self.rule("notes"), template),
            15 => {
                let notes = self.rule("notes");
                let table = self.table();
                (format!("{notes}\n\n{table}"), template)
            }
            _ => {
                let (source, mut text) = self.prose();
                if self.random.percent(40) {
                    // The paragraphs that follow each other come from one document.
                    let at = self.prose.iter().position(|(_, other)| *other == text).unwrap_or(0);
                    for (other, next) in self.prose.iter().skip(at + 1).take(3) {
                        if *other == source {
                            text.push_str("\n\n");
                            text.push_str(next);
                        }
                    }
                }
                (text, source)
            }
        }
    }

    /// Puts an attack at the start, at the end, between two lines or sentences, or into a cell.
    fn insert(&mut self, carrier: &str, attack: &str) -> (String, Range<usize>) {
        let own_line = self.random.percent(75);
        let (before, after) = if own_line { ("\n", "\n") } else { (" ", " ") };
        let lines: Vec<usize> = carrier.match_indices('\n').map(|(at, _)| at).collect();
        let stops: Vec<usize> = carrier.match_indices(". ").map(|(at, _)| at + 1).collect();
        let (at, before, after) = match self.random.below(10) {
            0..=2 => (0, "", after),
            3..=5 => (carrier.len(), if self.random.percent(40) { "\n\n" } else { before }, ""),
            6 if carrier.contains(" | ") => {
                let bars: Vec<usize> = carrier.match_indices(" | ").map(|(at, _)| at).collect();
                (self.random.choose(&bars).copied().unwrap_or(0), " | ", "")
            }
            4..=9 if carrier.contains("\": \"") => {
                let strings: Vec<usize> = carrier.match_indices("\": \"").map(|(at, _)| at + 4).collect();
                (self.random.choose(&strings).copied().unwrap_or(0), "", " ")
            }
            _ if !lines.is_empty() && (own_line || stops.is_empty()) => {
                (self.random.choose(&lines).copied().unwrap_or(0), "\n", "")
            }
            _ => (self.random.choose(&stops).copied().unwrap_or(carrier.len()), before, ""),
        };
        let (head, tail) = carrier.split_at_checked(at).unwrap_or((carrier, ""));
        let start = head.len() + before.len();
        (format!("{head}{before}{attack}{after}{tail}"), start..start + attack.len())
    }

    /// A table in the manner of a wiki or a spreadsheet, sometimes with a caption and notes.
    fn table(&mut self) -> String {
        let columns: Vec<&str> = {
            let all = [
                "name", "number", "city", "date", "part", "value", "company", "asset", "status", "country", "remark",
                "title", "score", "synopsis",
            ];
            let mut all = all.to_vec();
            self.random.shuffle(&mut all);
            let count = 2 + self.random.below(6);
            all.into_iter().take(count).collect()
        };
        let rows = 3 + self.random.below(14);
        let mut table: Vec<Vec<String>> = vec![columns.iter().map(|column| self.heading(column)).collect()];
        for _ in 0..rows {
            let row = columns.iter().map(|column| self.cell(column)).collect();
            table.push(row);
        }
        let mut lines: Vec<String> = match self.random.below(10) {
            0 => table.iter().map(|row| row.join(",")).collect(),
            1 => table.iter().map(|row| row.join("\t")).collect(),
            2 => table.iter().map(|row| row.join(";")).collect(),
            3 | 4 => table.iter().map(|row| format!("| {} |", row.join(" | "))).collect(),
            _ => padded(&table),
        };
        if self.random.percent(12) {
            let caption = match self.random.below(4) {
                0 => format!("Table {}: {}", self.random.below(30), self.rule("subject")),
                1 => self.rule("fact"),
                2 => format!("Values in {}.", self.rule("unit")),
                _ => self.rule("subject"),
            };
            lines.insert(0, caption);
        }
        if self.random.percent(12) {
            let note = match self.random.below(4) {
                0 => format!("Source: {}", self.rule("company")),
                1 => format!("Note: {}", self.rule("manual")),
                2 => format!("* {}", self.rule("fact")),
                _ => self.rule("human_request"),
            };
            lines.push(note);
        }
        lines.join("\n")
    }

    fn heading(&mut self, column: &str) -> String {
        let names: &[&str] = match column {
            "name" => &["Name", "Player", "Driver", "Candidate", "Owner", "Actor", "Customer"],
            "number" => &["Rank", "No.", "Total", "Points", "Gold", "Quantity", "Seats", "Laps", "Year"],
            "city" => &["City", "Location", "Venue", "Home city", "Plant"],
            "date" => &["Date", "Released", "Due", "Period", "Last service"],
            "title" => &["Title", "Song", "Episode", "Film", "Album", "Book"],
            "score" => &["Score", "Result", "Record", "Time", "Share"],
            "synopsis" => &["Synopsis", "Plot", "Awards", "Summary"],
            "remark" => &["Notes", "Remark", "Comment", "Description"],
            other => return other.to_owned(),
        };
        self.random.choose(names).map_or_else(String::new, |name| (*name).to_owned())
    }

    fn cell(&mut self, column: &str) -> String {
        match column {
            "name" => self.rule("fullname"),
            "number" | "city" | "date" | "part" | "value" | "company" | "asset" | "country" => self.rule(column),
            "status" => (*self
                .random
                .choose(&[
                    "open",
                    "closed",
                    "Win",
                    "Loss",
                    "None",
                    "Yes",
                    "No",
                    "-",
                    "Retired",
                    "Did not qualify",
                    "in progress",
                ])
                .unwrap_or(&"-"))
            .to_owned(),
            "title" => self.rule("title"),
            "score" => format!("{}–{}", self.random.below(40), self.random.below(9)),
            "synopsis" => self.rule("synopsis"),
            _ => {
                if self.random.percent(40) {
                    self.rule("fact")
                } else {
                    String::new()
                }
            }
        }
    }
}

fn padded(table: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        table.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.first().map_or(0, Vec::len)).map(width).collect();
    table
        .iter()
        .map(|row| {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            format!("| {} |", cells.join(" | "))
        })
        .collect()
}
