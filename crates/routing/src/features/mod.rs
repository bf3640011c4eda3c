//! The features of a request: a fixed list of numbers, each with a name, and hashed words.
//!
//! Everything is counted in one pass over a bounded part of the prompt.

mod options;
pub(crate) mod words;

use self::words::Classes;
use crate::{
    Request,
    text::{self, Kind, Parts, Token},
};

/// A prompt, taken apart once for all that is asked of it.
#[derive(Debug)]
pub struct Prompt<'a> {
    text: &'a str,
    parts: Parts<'a>,
    tokens: Vec<Token<'a>>,
    /// What was counted in the question, without the options.
    counts: Counts,
}

/// Names and values, in an order that never changes within one version of the model.
pub type Dense = Vec<(&'static str, f32)>;

#[derive(Debug, Default)]
struct Counts {
    words: f32,
    numbers: f32,
    by_class: [f32; 25],
    sentences: f32,
    capitals: f32,
    letters: f32,
    long: f32,
    distinct: f32,
    question_marks: f32,
    commas: f32,
    brackets: f32,
    signs_of_code: f32,
    signs_of_mathematics: f32,
    percent: f32,
    money: f32,
    quotes: f32,
    decimals: f32,
    slashes: f32,
    round: f32,
    longest_number: f32,
    years: f32,
    semicolons: f32,
    colons: f32,
    shouted_not: f32,
    list_items: f32,
    lines: f32,
    names: f32,
    last_sentence: f32,
    blanks: f32,
    statements: f32,
}

impl Counts {
    fn of(&self, class: Classes) -> f32 {
        self.by_class.get(class.trailing_zeros() as usize).copied().unwrap_or(0.0)
    }
}

impl<'a> Prompt<'a> {
    /// Takes a text apart. Cost grows with its length: texts from outside are cut by [`bounded`] first.
    pub fn new(text: &'a str) -> Self {
        let parts = text::parts(text);
        let tokens = text::tokens(text);
        let in_stem = tokens.iter().take_while(|token| token.start < parts.stem.len());
        let mut counts = count(in_stem);
        counts.lines = parts.stem.trim().matches('\n').count() as f32;
        counts.list_items = parts.stem.lines().filter(|line| is_list_item(line)).count() as f32;
        Self { text, parts, tokens, counts }
    }

    /// Whether the answer is one of at least two lettered lines.
    pub fn is_choice(&self) -> bool {
        !self.parts.options.is_empty()
    }

    pub(crate) fn tokens(&self) -> &[Token<'a>] {
        &self.tokens
    }

    pub(crate) fn signs_of_code(&self) -> f32 {
        self.counts.signs_of_code
    }

    pub(crate) fn signs_of_mathematics(&self) -> f32 {
        self.counts.signs_of_mathematics
    }

    pub(crate) fn numbers(&self) -> f32 {
        self.counts.numbers
    }

    /// How often words of this class occur in the question.
    pub(crate) fn class(&self, class: Classes) -> f32 {
        self.counts.of(class)
    }

    /// Numbers that describe form and content, the same names in the same order for every prompt.
    pub fn dense(&self) -> Dense {
        let mut dense = Vec::with_capacity(96);
        self.form(&mut dense);
        self.content(&mut dense);
        options::describe(&self.parts, &mut dense);
        dense
    }

    fn form(&self, dense: &mut Dense) {
        let counts = &self.counts;
        let words = counts.words.max(1.0);
        dense.extend([
            ("length", log(self.text.len() as f32)),
            ("question length", log(self.parts.stem.trim().len() as f32)),
            ("words", log(counts.words)),
            ("sentences", log(counts.sentences)),
            ("words a sentence", log(counts.words / counts.sentences.max(1.0))),
            ("length of words", counts.letters / words),
            ("long words", counts.long / words),
            ("vocabulary repeated", 1.0 - counts.distinct / words),
            ("capitals", counts.capitals / words),
            ("names", log(counts.names)),
            ("question marks", log(counts.question_marks)),
            ("ends with a question", f32::from(self.parts.stem.trim_end().ends_with('?'))),
            ("ends with a colon", f32::from(self.parts.stem.trim_end().ends_with(':'))),
            ("commas", log(counts.commas)),
            ("semicolons", log(counts.semicolons)),
            ("colons", log(counts.colons)),
            ("brackets", log(counts.brackets)),
            ("quotation marks", log(counts.quotes)),
            ("lines", log(counts.lines)),
            ("list items", log(counts.list_items)),
            ("last sentence", log(counts.last_sentence)),
            ("blanks", log(counts.blanks)),
        ]);
    }

    fn content(&self, dense: &mut Dense) {
        let counts = &self.counts;
        let words = counts.words.max(1.0);
        let of = |class| log(counts.of(class));
        let share = |class| counts.of(class) / words;
        dense.extend([
            ("numbers", log(counts.numbers + counts.of(words::NUMBER))),
            ("density of numbers", counts.numbers / words),
            ("longest number", counts.longest_number),
            ("decimals", log(counts.decimals)),
            ("fractions", log(counts.slashes)),
            ("round numbers", counts.round / counts.numbers.max(1.0)),
            ("years", log(counts.years)),
            ("percent", log(counts.percent)),
            ("money", log(counts.money)),
            ("measures", of(words::MEASURE)),
            ("multiples and parts", of(words::TIMES)),
            ("comparisons", of(words::COMPARED)),
            ("steps", of(words::STEPS)),
            ("rest and total", of(words::REST)),
            ("for each", of(words::EACH)),
            ("asked backwards", of(words::ORIGIN)),
            ("spans of time", of(words::TIME)),
            ("negation", of(words::NOT)),
            ("emphasised negation", counts.shouted_not),
            ("conditions", of(words::IF)),
            ("persons", share(words::PERSON)),
            ("speaker", share(words::SPEAKER)),
            ("constraints", of(words::CONSTRAINT)),
            ("analysis", of(words::ANALYSIS)),
            ("computation", of(words::COMPUTE)),
            ("formulas", counts.signs_of_mathematics / (words + counts.numbers)),
            ("formula signs", log(counts.signs_of_mathematics)),
            ("code", log(counts.signs_of_code)),
            ("words of programs", of(words::CODE)),
            ("writing", of(words::WRITE)),
            ("extraction", of(words::EXTRACT)),
            ("asked plainly", of(words::ASK)),
            ("words of law", of(words::LAW)),
            ("words of medicine", of(words::PATIENT)),
            ("statements judged", of(words::STATEMENT) + counts.statements),
            ("words of morals", of(words::MORAL)),
            ("function words", share(words::STOP)),
        ]);
    }

    /// Calls with the number of each word and each pair of neighbours, the case of letters aside.
    pub fn words(&self, mut each: impl FnMut(u64)) {
        let mut before = 1;
        for token in &self.tokens {
            let own = match token.kind {
                Kind::Number => text::hash(2, shape(token.text)),
                _ => text::hash(0, token.text),
            };
            each(own);
            each(own.rotate_left(23) ^ before);
            before = own;
        }
    }
}

/// Numbers of like size are one word.
fn shape(number: &str) -> &'static str {
    match (number.len(), number.contains(['.', ','])) {
        (_, true) => "0.0",
        (1, _) => "0",
        (2, _) => "00",
        (3, _) => "000",
        (4, _) => "0000",
        _ => "00000",
    }
}

/// The part of a prompt that is looked at: at most 8 KiB, its beginning and its end.
pub fn bounded(prompt: &str) -> std::borrow::Cow<'_, str> {
    text::clip(prompt)
}

/// What a request brings along besides its prompt.
pub fn context(request: &Request<'_>) -> Dense {
    vec![
        ("attached passages", log(request.passages as f32)),
        ("length of passages", log(request.passage_chars as f32 / 1000.0)),
        ("conversation", log(request.history_turns as f32)),
        ("length of instructions", log(request.system_chars as f32 / 1000.0)),
        ("tools", log(request.tools as f32)),
        ("images", log(request.images as f32)),
        ("answer as JSON", f32::from(request.wants_json)),
    ]
}

fn log(value: f32) -> f32 {
    value.max(0.0).ln_1p()
}

fn is_list_item(line: &str) -> bool {
    let line = line.trim_start();
    let digits = line.len() - line.trim_start_matches(|sign: char| sign.is_ascii_digit()).len();
    let marked = line.starts_with("- ") || line.starts_with("* ") || line.starts_with("• ");
    marked
        || (digits > 0 && digits < 3 && line.get(digits..).is_some_and(|rest| rest.starts_with(['.', ')'])))
        || matches!(line.as_bytes(), [b'a'..=b'z', b')', ..])
}

fn count<'a>(tokens: impl Iterator<Item = &'a Token<'a>>) -> Counts {
    let mut counts = Counts::default();
    let mut seen = Distinct::default();
    let mut lower = String::new();
    let mut starts = true;
    let mut since = 0.0;
    let mut before = "";
    for token in tokens {
        match token.kind {
            Kind::Word => {
                lower.clear();
                lower.extend(token.text.chars().flat_map(char::to_lowercase));
                let hash = text::hash(0, &lower);
                word(&mut counts, token.text, &lower, hash, starts, before);
                counts.distinct += f32::from(seen.is_new(hash));
                since += 1.0;
                starts = false;
            }
            Kind::Number => {
                number(&mut counts, token.text, before);
                starts = false;
            }
            Kind::Sign => {
                sign(&mut counts, token.text);
                if matches!(token.text, "." | "?" | "!") {
                    if since > 0.0 {
                        counts.sentences += 1.0;
                        counts.last_sentence = since;
                        since = 0.0;
                    }
                    starts = true;
                }
            }
        }
        before = token.text;
    }
    if since > 0.0 {
        counts.sentences += 1.0;
        counts.last_sentence = since;
    }
    counts
}

fn word(counts: &mut Counts, text: &str, lower: &str, hash: u64, starts: bool, before: &str) {
    counts.words += 1.0;
    let letters = lower.chars().count() as f32;
    counts.letters += letters;
    counts.long += f32::from(letters > 8.0);
    let capital = text.starts_with(char::is_uppercase);
    counts.capitals += f32::from(capital);
    counts.names += f32::from(capital && !starts && letters > 1.0);
    counts.shouted_not += f32::from(matches!(text, "NOT" | "EXCEPT" | "LEAST"));
    counts.statements += f32::from(matches!(text, "II" | "III") || before == "Statement");
    let mut classes = words::classes(hash);
    if lower.ends_with("n't") || lower.ends_with("n’t") {
        classes |= words::NOT;
    }
    while classes != 0 {
        if let Some(count) = counts.by_class.get_mut(classes.trailing_zeros() as usize) {
            *count += 1.0;
        }
        classes &= classes - 1;
    }
}

fn number(counts: &mut Counts, text: &str, before: &str) {
    counts.numbers += 1.0;
    counts.longest_number = counts.longest_number.max(text.len().min(12) as f32);
    counts.decimals += f32::from(text.contains('.'));
    counts.round += f32::from(text.ends_with('0'));
    counts.slashes += f32::from(before == "/");
    counts.years += f32::from(text.len() == 4 && (text.starts_with('1') || text.starts_with("20")));
    counts.statements += f32::from(before == "Statement");
}

fn sign(counts: &mut Counts, text: &str) {
    let count = match text {
        "?" => &mut counts.question_marks,
        "," => &mut counts.commas,
        "(" => &mut counts.brackets,
        "{" | "}" | "[" | "]" | "`" | "#" | "@" | "&" | "|" => &mut counts.signs_of_code,
        "=" | "^" | "+" | "*" | "<" | ">" | "√" | "π" | "∑" | "∫" | "≤" | "≥" | "\\" | "×" | "÷" | "−" => {
            &mut counts.signs_of_mathematics
        }
        "%" => &mut counts.percent,
        "$" | "€" | "£" => &mut counts.money,
        "\"" | "“" | "„" | "«" => &mut counts.quotes,
        ";" => &mut counts.semicolons,
        ":" => &mut counts.colons,
        "_" => &mut counts.blanks,
        _ => return,
    };
    *count += 1.0;
}

/// Remembers hashes in a table that does not grow; two that fall on one place count as one.
struct Distinct {
    places: Vec<u64>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self { places: vec![0; 1 << 12] }
    }
}

impl Distinct {
    fn is_new(&mut self, hash: u64) -> bool {
        let place = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize;
        match self.places.get_mut(place) {
            Some(known) if *known != hash => {
                *known = hash;
                true
            }
            _ => false,
        }
    }
}
