//! What a draft may have computed instead of computing itself: arithmetic with units, and dates.
//!
//! Both are pure: the same call in the same run gives the same result, without clock, chance, network or files. "Today" is
//! the day on which the run was made. Whether a sentence may carry a result is for [`crate::verify`] to say.

mod calculate;
pub(crate) mod cell;
mod date;
mod expression;
pub(crate) mod figures;
mod number;
mod unit;

use chrono::{Datelike, NaiveDate, Weekday};
use serde_json::{Value as Json, json};

pub(crate) use calculate::{calculate, is_expression};
pub(crate) use date::{DateCall, Interval};
pub(crate) use expression::MAX_CHARS as MAX_EXPRESSION_CHARS;
use expression::{Constants, Uses};
pub(crate) use number::Decimal;
pub(crate) use unit::Dimension;
use unit::{PERCENT, Unit};

/// A longer result is shown rounded.
const MAX_SHOWN_CHARS: usize = 9;

/// Words (stems) for what was done.
const SUM: &[&str] = &["altogeth", "insgesamt", "overal", "sum", "summ", "togeth", "total", "zusammen"];
const DIFFERENCE: &[&str] = &["differ", "differenz"];
const MEAN: &[&str] = &["averag", "durchschnitt", "mean", "mittel"];
const DUE: &[&str] = &["due", "fällig", "nächst", "next"];

/// Whether a stem says that something was added up.
pub(crate) fn is_sum(stem: &str) -> bool {
    SUM.contains(&stem)
}

/// Whether a stem says that a mean was taken.
pub(crate) fn is_mean(stem: &str) -> bool {
    MEAN.contains(&stem)
}

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Value {
    number: Decimal,
    unit: Option<Unit>,
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.unit {
            Some(unit) => write!(f, "{} {unit}", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

/// What can be looked for in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Figure {
    Quantity(Value),
    Date(NaiveDate),
    Weekday(Weekday),
}

impl Figure {
    pub(crate) fn dimension(self) -> Dimension {
        match self {
            Self::Quantity(value) => value.unit.map_or(Dimension::NUMBER, Unit::dimension),
            Self::Date(_) | Self::Weekday(_) => Dimension::DATE,
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        matches!(self, Self::Quantity(value) if value.number.is_zero())
    }

    /// A zero, or a one without unit: what anything comes to that cancels itself out.
    pub(crate) fn is_trivial(self) -> bool {
        let Self::Quantity(Value { number, unit }) = self else { return false };
        let one = if unit == Some(PERCENT) { 100 } else { 1 };
        self.is_zero() || (self.dimension() == Dimension::NUMBER && number.magnitude() == Decimal::from(one))
    }

    /// Whether this, as written in a further call, is that result: cruder roundings would add up.
    pub(crate) fn repeats(self, result: Self) -> bool {
        let is_fine = |number: Decimal| number.has_significant_digits(4);
        self == result || (self.says(result) && matches!(self, Self::Quantity(value) if is_fine(value.number)))
    }

    /// Whether this, as written in a sentence, says that result.
    pub(crate) fn says(self, result: Self) -> bool {
        match (self, result) {
            (Self::Quantity(one), Self::Quantity(other)) => {
                one.unit == other.unit && one.number.is_rounding_of(other.number)
            }
            (one, other) => one == other,
        }
    }
}

/// What a run has had computed.
#[derive(Debug, Default)]
pub(crate) struct Computations {
    list: Vec<Computed>,
    /// As the model was told, with placeholders.
    told: Vec<String>,
}

impl Computations {
    pub(crate) fn push(&mut self, computed: Computed, told: String) {
        if !self.list.contains(&computed) {
            self.list.push(computed);
            self.told.push(told);
        }
    }

    /// In the order of the calls.
    pub(crate) fn list(&self) -> &[Computed] {
        &self.list
    }

    /// What a further draft is told, which no longer has the calls.
    pub(crate) fn reminder(&self) -> String {
        if self.told.is_empty() { String::new() } else { format!(" Computed already: {}.", self.told.join(". ")) }
    }
}

/// A call that was computed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Computed {
    /// As it was understood, for people.
    expression: String,
    /// Each must stand in a source.
    inputs: Vec<Figure>,
    /// What a sentence may say for it.
    results: Vec<Figure>,
    uses: Uses,
    constants: Constants,
    /// Whether it is one number and nothing was done with it but to say it in another unit.
    is_conversion: bool,
    is_date: bool,
    shown: String,
    value: String,
    unit: String,
    /// Whether what is shown is the whole result.
    is_exact: bool,
    note: Option<&'static str>,
}

impl Computed {
    fn calculated(
        expression: String,
        inputs: Vec<(Decimal, Option<Unit>)>,
        uses: Uses,
        value: Value,
        is_exact: bool,
    ) -> Self {
        // What is exact and short is not rounded.
        let is_whole = is_exact && value.number.to_string().len() <= MAX_SHOWN_CHARS;
        let short = if is_whole { value } else { Value { number: value.number.to_significant(), ..value } };
        let input = |(number, unit): (Decimal, Option<Unit>)| Figure::Quantity(Value { number, unit });
        Self {
            expression,
            inputs: inputs.into_iter().map(input).collect(),
            results: vec![Figure::Quantity(value)],
            uses,
            constants: Constants::default(),
            is_conversion: false,
            is_date: false,
            shown: short.to_string(),
            value: value.number.to_string(),
            unit: value.unit.map(|unit| unit.to_string()).unwrap_or_default(),
            is_exact: is_exact && short.number == value.number,
            note: None,
        }
    }

    fn dated(expression: String, inputs: Vec<Figure>, day: NaiveDate, note: Option<&'static str>) -> Self {
        let weekday = day.weekday();
        Self {
            expression,
            inputs,
            results: vec![Figure::Date(day), Figure::Weekday(weekday)],
            uses: Uses::default(),
            constants: Constants::default(),
            is_conversion: false,
            is_date: true,
            shown: format!("{day} ({weekday})"),
            value: day.to_string(),
            unit: String::new(),
            is_exact: true,
            note,
        }
    }

    fn counted(expression: String, inputs: Vec<Figure>, count: u32, unit: Unit, note: Option<&'static str>) -> Self {
        let value = Value { number: Decimal::from(count), unit: Some(unit) };
        let uses = Uses { difference: true, ..Uses::default() };
        Self { is_date: true, note, ..Self::calculated(expression, Vec::new(), uses, value, true) }.with_inputs(inputs)
    }

    fn with_inputs(self, inputs: Vec<Figure>) -> Self {
        Self { inputs, ..self }
    }

    pub(crate) fn inputs(&self) -> &[Figure] {
        &self.inputs
    }

    pub(crate) fn results(&self) -> &[Figure] {
        &self.results
    }

    pub(crate) fn is_conversion(&self) -> bool {
        self.is_conversion
    }

    /// Whether it adds or subtracts something, so that not each number is a factor.
    pub(crate) fn adds(&self) -> bool {
        self.is_date || self.uses.sum || self.uses.difference || self.uses.mean
    }

    /// So many circles, and so often pi or tau beside them.
    pub(crate) fn constants(&self) -> Constants {
        self.constants
    }

    /// Whether this word (a stem) says what was done, so that the result is not taken for a number of the source.
    pub(crate) fn is_named_by(&self, stem: &str) -> bool {
        ((self.uses.sum || self.uses.product) && SUM.contains(&stem))
            || (self.uses.difference && DIFFERENCE.contains(&stem))
            || (self.uses.mean && MEAN.contains(&stem))
            || (self.is_date && DUE.contains(&stem.trim_end_matches(['e', 'r', 'n'])))
    }

    /// The same of `all`: for as many as there are.
    pub(crate) fn is_of_all(&self) -> bool {
        self.uses.sum || self.uses.product
    }

    /// Whether a sentence that carries the result may use this word (a stem) for what was done, though no passage does.
    pub(crate) fn may_say(&self, stem: &str) -> bool {
        const ALWAYS: &[&str] = &[
            "approxim",
            "berechnet",
            "calcul",
            "comput",
            "convert",
            "correspond",
            "entspricht",
            "equal",
            "equival",
            "ergibt",
            "gerundet",
            "result",
            "rough",
            "round",
            "rund",
            "umgerechnet",
        ];
        const DATE: &[&str] = &["date", "datum", "due", "fällig", "heut", "nächst", "next", "today"];
        ALWAYS.contains(&stem)
            || self.is_named_by(stem)
            || (self.is_date && DATE.contains(&stem.trim_end_matches(['e', 'r', 'n'])))
            || (self.is_date && DATE.contains(&stem))
    }

    /// `1.5 bar ≈ 21.76 psi`: for the reader, who can do it again.
    pub(crate) fn equation(&self) -> String {
        let sign = if self.is_exact { '=' } else { '≈' };
        format!("{} {sign} {}", self.expression, self.shown)
    }

    /// What the model is told.
    pub(crate) fn told(&self) -> String {
        let mut told = self.equation();
        if !self.is_exact {
            told = format!("{told} (more exactly {} {})", self.value, self.unit).replace(" )", ")");
        }
        if let Some(note) = self.note {
            told = format!("{told}; {note}");
        }
        told + ". Cite the passages that its figures are from"
    }

    /// As it is kept with the step.
    pub(crate) fn detail(&self) -> Json {
        json!({
            "expression": self.expression,
            "shown": self.shown,
            "value": self.value,
            "unit": self.unit,
            "exact": self.is_exact,
            "note": self.note,
        })
    }
}

#[cfg(test)]
mod tests;
