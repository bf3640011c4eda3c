//! Texts from a grammar.
//!
//! A file has rules: `@name`, then one alternative a line. In an alternative `{one|two}` chooses, `{name}` refers to a rule,
//! `\n` is a new line and `\{` a brace. A name without a rule stands for itself.

use std::collections::HashMap;

use super::random::Random;

/// Rules of several files.
#[derive(Default)]
pub(super) struct Grammar {
    rules: HashMap<String, Vec<Vec<Part>>>,
}

enum Part {
    Text(String),
    Choice(Vec<Vec<Part>>),
    Rule(String),
}

impl Grammar {
    /// The grammar that this crate comes with.
    pub(super) fn built_in() -> Self {
        let mut grammar = Self::default();
        for file in [
            include_str!("grammar/words.txt"),
            include_str!("grammar/user_attacks.txt"),
            include_str!("grammar/content_attacks.txt"),
        ] {
            grammar.read("", file);
        }
        grammar.read("benign_", include_str!("grammar/user_benign.txt"));
        grammar.read("carrier_", include_str!("grammar/carriers.txt"));
        grammar
    }

    /// Adds the rules of a file. A rule `all` is named after the prefix, as each file has one.
    fn read(&mut self, prefix: &str, file: &str) {
        let mut name = String::new();
        for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
            if let Some(new) = line.strip_prefix('@') {
                name = if new == "all" { format!("{prefix}all") } else { new.to_owned() };
            } else {
                let alternative = parse(&mut line.chars().peekable(), false).into_iter().next().unwrap_or_default();
                self.rules.entry(name.clone()).or_default().push(alternative);
            }
        }
    }

    /// A text of this rule.
    pub(super) fn text(&self, rule: &str, random: &mut Random) -> String {
        let mut out = String::new();
        self.expand_rule(rule, random, &mut out, 0);
        out
    }

    fn expand_rule(&self, rule: &str, random: &mut Random, out: &mut String, depth: usize) {
        match self.rules.get(rule) {
            Some(alternatives) if depth < 24 => {
                if let Some(alternative) = random.choose(alternatives) {
                    self.expand(alternative, random, out, depth + 1);
                }
            }
            _ => out.push_str(rule),
        }
    }

    fn expand(&self, parts: &[Part], random: &mut Random, out: &mut String, depth: usize) {
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Rule(rule) => self.expand_rule(rule, random, out, depth),
                Part::Choice(choices) => {
                    if let Some(choice) = random.choose(choices) {
                        self.expand(choice, random, out, depth);
                    }
                }
            }
        }
    }
}

/// Alternatives up to the closing brace, or the one alternative of a line.
fn parse(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, inside: bool) -> Vec<Vec<Part>> {
    let mut alternatives = Vec::new();
    let mut parts = Vec::new();
    let mut text = String::new();
    let flush = |text: &mut String, parts: &mut Vec<Part>| {
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(text)));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            '{' => {
                flush(&mut text, &mut parts);
                let mut choices = parse(chars, true);
                let name = match (choices.as_slice(), choices.first().map(Vec::as_slice)) {
                    ([_], Some([Part::Text(name)])) => Some(name.clone()),
                    _ => None,
                };
                parts.push(match name {
                    Some(name) => Part::Rule(name),
                    None => Part::Choice(std::mem::take(&mut choices)),
                });
            }
            '}' if inside => break,
            '|' if inside => {
                flush(&mut text, &mut parts);
                alternatives.push(bare_names(std::mem::take(&mut parts)));
            }
            _ => text.push(c),
        }
    }
    flush(&mut text, &mut parts);
    alternatives.push(if inside { bare_names(parts) } else { parts });
    alternatives
}

/// `{person|a stranger}`: an alternative of a choice that is one bare word may be the name of a rule.
fn bare_names(parts: Vec<Part>) -> Vec<Part> {
    match parts.as_slice() {
        [Part::Text(name)] if RULES_IN_CHOICES.contains(&name.as_str()) => vec![Part::Rule(name.clone())],
        _ => parts,
    }
}

/// Rules that may be named in a choice without braces of their own.
const RULES_IN_CHOICES: &[&str] = &[
    "worldtopic",
    "worldthing",
    "machine",
    "part",
    "asset",
    "person",
    "company",
    "value",
    "number",
    "date",
    "city",
    "country",
    "tongue",
    "phrase",
    "persona",
    "bot",
    "email",
    "site",
    "product",
    "promo",
    "hoax",
    "goodcause",
    "imperative",
    "rolewho",
    "target",
    "say",
    "filler",
    "fact",
    "famous",
    "q_more",
    "genre",
    "emotion",
    "unit",
    "secretthing",
    "norules",
    "fullname",
    "crime",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_references_and_escapes_expand() {
        let mut grammar = Grammar::default();
        grammar.read("", "@all\n{a|a} {name} \\{x\\}{|}\\n{unknown}\n@name\nBerger\n");
        let text = grammar.text("all", &mut Random::new(1));
        assert_eq!(text, "a Berger {x}\nunknown");
    }

    #[test]
    fn every_rule_expands_without_a_brace_left_over() {
        let grammar = Grammar::built_in();
        let mut random = Random::new(3);
        for rule in ["all", "all_en", "all_other", "benign_all", "email", "notes", "fact", "manual", "human_request"] {
            assert!(grammar.rules.contains_key(rule), "{rule}");
            for _ in 0..200 {
                assert!(!grammar.text(rule, &mut random).is_empty());
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_text() {
        let grammar = Grammar::built_in();
        let text = |seed| grammar.text("jailbreak", &mut Random::new(seed));
        assert_eq!(text(5), text(5));
        assert_ne!(text(5), text(6));
    }
}
