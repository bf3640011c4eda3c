//! Expressions as a model may write them: a closed language, so that each number is known with its unit and nothing else
//! reaches the library.

use super::{
    number::{self, Decimal, Meaning},
    unit::{CELSIUS, FAHRENHEIT, KELVIN, PERCENT, Unit},
};

/// Longer expressions are not read.
pub(crate) const MAX_CHARS: usize = 300;
/// So many numbers, and so deep in parentheses.
const MAX_NUMBERS: usize = 32;
const MAX_DEPTH: usize = 12;
/// The largest exponent.
const MAX_EXPONENT: u32 = 12;
/// A value that could need more digits than this is not computed: digits of a product are those of its factors.
const MAX_DIGITS: u32 = 400;
/// So many digits a factor between two units may bring.
const UNIT_DIGITS: u32 = 16;

/// Why an expression is not computed, said to the model: what would be. Nothing of what it wrote is repeated but digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CalculateError {
    #[error(
        "an expression has 1 to {MAX_CHARS} characters, at most {MAX_NUMBERS} numbers and {MAX_DEPTH} parentheses in one another"
    )]
    TooLong,
    #[error(
        "character {0} is not understood: write numbers with their units, + - * / ^ ( ), sqrt, sum, mean, circle, ceil, floor, \
         pi, tau, and at the end `to` and a unit; for instance `1.5 bar + 200 mbar to psi`"
    )]
    Unexpected(usize),
    #[error(
        "`{0}` can mean two numbers: write it without separators of thousands, or with another decimal place (`1000`, `1.0000`)"
    )]
    Ambiguous(String),
    #[error("`{0}` is no number, or has more than 15 digits")]
    NoNumber(String),
    #[error(
        "the unit at character {0} is not known; known are among others bar, mbar, psi, Nm (newton metre), N, mm, in, m³, l, kg, \
         h, min, s, 1/min, kW, kWh, °C, °F, K, %, EUR, and one per another such as l/min"
    )]
    UnknownUnit(usize),
    #[error(
        "an exponent is a whole number from -{MAX_EXPONENT} to {MAX_EXPONENT} and not 0, written as digits, and stands alone"
    )]
    Exponent,
    #[error("`^` after a unit can mean two things: write (35 ft)^3, or the unit ft³")]
    UnitPower,
    #[error("{0} needs a number in its parentheses, and ceil and floor take no pi, tau or circle")]
    NeedsNumber(&'static str),
    #[error(
        "°C and °F are points on a scale: one may be subtracted from another, and a difference in K added; nothing else"
    )]
    Temperature,
    #[error("a difference of temperatures is said in K")]
    TemperatureDifference,
    #[error(
        "the units do not fit together: what is added or compared must measure the same, and `to` name a unit of it"
    )]
    Mismatch,
    #[error("say the unit of the result: end with `to` and a unit, for instance `… to kW`")]
    NeedsUnit,
    #[error("month, year and operating day have no fixed length: use the tool `date`")]
    Calendar,
    #[error("a division by zero has no result")]
    DivisionByZero,
    #[error("the result or a step to it has too many digits, or is too small to be said in this unit")]
    OutOfRange,
    #[error("this has no result that is one number")]
    NoResult,
}

/// What a part of an expression measures, as far as it shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// A number.
    Plain,
    /// In this unit, unless the library says that it does not fit.
    Of(Unit),
    /// An absolute temperature, in kelvin for the library.
    Point(Unit),
    /// Whatever comes of units multiplied.
    Compound,
}

/// A part of an expression: for the library, for people, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) code: String,
    pub(super) shown: String,
    pub(super) kind: Kind,
    digits: u32,
}

/// An expression that was understood.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    pub(super) part: Part,
    /// The unit after `to`.
    pub(super) target: Option<Unit>,
    /// Each number with its unit; the square and the cube of a measure are operations.
    pub(super) inputs: Vec<(Decimal, Option<Unit>)>,
    /// So often it has pi, tau or a circle.
    pub(super) constants: Constants,
    /// Whether it is one number and nothing is done with it.
    pub(super) is_conversion: bool,
    /// Whether it adds up, subtracts, multiplies, and takes a mean.
    pub(super) uses: Uses,
}

/// Which operations an expression has: sentences name them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of four")]
pub(crate) struct Uses {
    pub(crate) sum: bool,
    pub(crate) difference: bool,
    pub(crate) product: bool,
    pub(crate) mean: bool,
}

/// What an expression has of numbers that no source holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Constants {
    /// `pi` and `tau`.
    pub(crate) named: usize,
    /// `circle`, which brings a pi.
    pub(crate) circles: usize,
}

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Expression, CalculateError> {
    if text.trim().is_empty() || text.chars().count() > MAX_CHARS {
        return Err(CalculateError::TooLong);
    }
    let mut parser =
        Parser { text, at: 0, depth: 0, inputs: Vec::new(), uses: Uses::default(), constants: Constants::default() };
    let mut part = parser.sum()?;
    let target = if parser.word("to") || parser.sign("->") || parser.sign("→") { Some(parser.unit()?) } else { None };
    parser.skip();
    if parser.at < text.len() {
        return Err(parser.unexpected());
    }
    // A bare number of kelvin can be a point on the scale, nothing else of kelvin can.
    if target.is_some_and(Unit::is_temperature) && part.kind == Kind::Of(KELVIN) && parser.inputs.len() == 1 {
        part.kind = Kind::Point(KELVIN);
    }
    let is_conversion = matches!(parser.inputs.as_slice(), [(number, unit)] if shown(*number, *unit) == part.shown);
    let Parser { inputs, uses, constants, .. } = parser;
    Ok(Expression { part, target, inputs, constants, is_conversion, uses })
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    inputs: Vec<(Decimal, Option<Unit>)>,
    uses: Uses,
    constants: Constants,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn unexpected(&self) -> CalculateError {
        CalculateError::Unexpected(self.text[..self.at].chars().count() + 1)
    }

    fn sign(&mut self, sign: &str) -> bool {
        self.skip();
        let is_there = self.rest().starts_with(sign);
        self.at += if is_there { sign.len() } else { 0 };
        is_there
    }

    fn word(&mut self, word: &str) -> bool {
        self.skip();
        let after = self.rest().strip_prefix(word);
        let is_there = after.is_some_and(|after| !after.starts_with(char::is_alphanumeric));
        self.at += if is_there { word.len() } else { 0 };
        is_there
    }

    fn sum(&mut self) -> Result<Part, CalculateError> {
        let mut left = self.product()?;
        loop {
            if self.sign("->") {
                self.at -= 2;
                return Ok(left);
            }
            if self.sign("+") {
                self.uses.sum = true;
                left = add(&left, &self.product()?, '+')?;
            } else if self.sign("-") || self.sign("−") || self.sign("–") {
                self.uses.difference = true;
                left = add(&left, &self.product()?, '-')?;
            } else {
                return Ok(left);
            }
        }
    }

    fn product(&mut self) -> Result<Part, CalculateError> {
        let mut left = self.signed()?;
        loop {
            if self.sign("*") || self.sign("×") || self.sign("·") {
                self.uses.product = true;
                left = times(&left, &self.signed()?, '*')?;
            } else if self.sign("/") || self.sign("÷") {
                left = times(&left, &self.signed()?, '/')?;
            } else {
                return Ok(left);
            }
        }
    }

    fn power(&mut self) -> Result<Part, CalculateError> {
        let base = self.atom(false)?;
        if !self.sign("^") {
            return Ok(base);
        }
        let is_negative = self.sign("-");
        self.skip();
        let length = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let exponent: u32 = self.rest()[..length].parse().map_err(|_| CalculateError::Exponent)?;
        self.at += length;
        if exponent == 0 || exponent > MAX_EXPONENT || self.rest().starts_with(['.', ',']) || self.sign("^") {
            return Err(CalculateError::Exponent);
        }
        if base.kind == Kind::Plain || !matches!(exponent, 2 | 3) {
            self.take((Decimal::from(exponent), None))?;
        }
        let kind = match base.kind {
            Kind::Plain => Kind::Plain,
            Kind::Of(_) | Kind::Compound => Kind::Compound,
            Kind::Point(_) => return Err(CalculateError::Temperature),
        };
        let sign = if is_negative { "-" } else { "" };
        bounded(Part {
            code: format!("(({})^({sign}{exponent}))", base.code),
            shown: format!("{}^{sign}{exponent}", base.shown),
            kind,
            digits: base.digits.saturating_mul(exponent.max(1)),
        })
    }

    fn signed(&mut self) -> Result<Part, CalculateError> {
        if !(self.sign("-") || self.sign("−")) {
            return self.power();
        }
        self.skip();
        let before = (self.at, self.inputs.len());
        if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            let number = self.atom(true)?;
            self.skip();
            if !self.rest().starts_with('^') {
                return Ok(number);
            }
            // `-2^2` is -(2^2).
            self.at = before.0;
            self.inputs.truncate(before.1);
        }
        let part = self.power()?;
        if matches!(part.kind, Kind::Point(_)) {
            return Err(CalculateError::Temperature);
        }
        Ok(Part { code: format!("(-1 * {})", part.code), shown: format!("-{}", part.shown), ..part })
    }

    fn atom(&mut self, is_negative: bool) -> Result<Part, CalculateError> {
        self.skip();
        if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            return self.number(is_negative);
        }
        for (name, digits) in [("pi", 24), ("tau", 24)] {
            if self.word(name) {
                self.constants.named += 1;
                return Ok(Part { code: name.into(), shown: name.into(), kind: Kind::Plain, digits });
            }
        }
        if self.word("π") {
            self.constants.named += 1;
            return Ok(Part { code: "pi".into(), shown: "pi".into(), kind: Kind::Plain, digits: 24 });
        }
        let Some(name) = ["sqrt", "sum", "mean", "circle", "ceil", "floor"].into_iter().find(|name| self.word(name))
        else {
            let inner = self.parenthesised()?;
            let [part] = inner.as_slice() else { return Err(self.unexpected()) };
            return Ok(Part { shown: format!("({})", part.shown), code: format!("({})", part.code), ..part.clone() });
        };
        let before = (self.inputs.len(), self.constants);
        let parts = self.parenthesised()?;
        let is_rounded = matches!(name, "ceil" | "floor");
        // What pi is rounded to, or its root, would be a number from nowhere.
        if self.inputs.len() == before.0 || (is_rounded && self.constants != before.1) {
            return Err(CalculateError::NeedsNumber(name));
        }
        self.constants.circles += usize::from(name == "circle");
        self.uses.sum |= name == "sum";
        self.uses.mean |= name == "mean";
        call(name, &parts, || self.unexpected())
    }

    /// One or more parts in parentheses.
    fn parenthesised(&mut self) -> Result<Vec<Part>, CalculateError> {
        if !self.sign("(") {
            self.skip();
            return Err(self.unexpected());
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(CalculateError::TooLong);
        }
        let mut parts = vec![self.sum()?];
        while self.sign(";") || self.sign(",") {
            parts.push(self.sum()?);
        }
        if !self.sign(")") {
            return Err(self.unexpected());
        }
        self.depth -= 1;
        Ok(parts)
    }

    fn number(&mut self, is_negative: bool) -> Result<Part, CalculateError> {
        let (meaning, length) = number::number(self.rest());
        let written: String = self.rest()[..length].chars().take(40).collect();
        let number = match meaning {
            Meaning::Sure(number, _) => number,
            Meaning::Either { .. } => return Err(CalculateError::Ambiguous(written)),
            Meaning::None => return Err(CalculateError::NoNumber(written)),
        };
        let number = if is_negative { number.negated() } else { number };
        self.at += length;
        let before = self.at;
        self.skip();
        let is_operator =
            self.rest().starts_with(|c: char| !c.is_alphabetic() && !matches!(c, '°' | '%' | '€' | '"' | '″'));
        // `5 to bar` is no unit; `1450 1/min` is one.
        let is_rate = self.rest().starts_with("1/min");
        if self.rest().is_empty() || (is_operator && !is_rate) || self.word("to") {
            self.at = before;
            return self.measured(number, None);
        }
        let name = self.rest().trim_start_matches(|c: char| c.is_alphabetic() || matches!(c, '°' | '%' | '€' | '/'));
        let is_powered = name.starts_with('^') && Unit::read(self.rest()).is_none();
        if is_powered {
            return Err(CalculateError::UnitPower);
        }
        let unit = self.unit()?;
        self.skip();
        if self.rest().starts_with('^') {
            return Err(CalculateError::UnitPower);
        }
        self.measured(number, Some(unit))
    }

    fn unit(&mut self) -> Result<Unit, CalculateError> {
        self.skip();
        let unknown = CalculateError::UnknownUnit(self.text[..self.at].chars().count() + 1);
        let (unit, length) = Unit::read(self.rest()).ok_or(unknown)?;
        if unit.library_name().is_none() && !unit.is_temperature() {
            return Err(CalculateError::Calendar);
        }
        self.at += length;
        Ok(unit)
    }

    fn measured(&mut self, number: Decimal, unit: Option<Unit>) -> Result<Part, CalculateError> {
        self.take((number, unit))?;
        let Some(unit) = unit else {
            let code = if number.magnitude() == number { number.to_string() } else { format!("({number})") };
            return Ok(Part { code, shown: shown(number, None), kind: Kind::Plain, digits: 15 });
        };
        let shown = shown(number, Some(unit));
        let (code, kind) = match unit.library_name() {
            Some(name) => (format!("(({number}) * ({name}))"), Kind::Of(unit)),
            None if unit == CELSIUS => (format!("((({number}) + 273.15) kelvin)"), Kind::Point(CELSIUS)),
            None => (format!("(((({number}) + 459.67) * 5 / 9) kelvin)"), Kind::Point(FAHRENHEIT)),
        };
        Ok(Part { code, shown, kind, digits: 15 + UNIT_DIGITS })
    }

    fn take(&mut self, input: (Decimal, Option<Unit>)) -> Result<(), CalculateError> {
        self.inputs.push(input);
        if self.inputs.len() > MAX_NUMBERS { Err(CalculateError::TooLong) } else { Ok(()) }
    }
}

fn shown(number: Decimal, unit: Option<Unit>) -> String {
    match unit {
        Some(PERCENT) => format!("{number}%"),
        Some(unit) => format!("{number} {unit}"),
        None => number.to_string(),
    }
}

fn bounded(part: Part) -> Result<Part, CalculateError> {
    if part.digits > MAX_DIGITS { Err(CalculateError::OutOfRange) } else { Ok(part) }
}

fn add(left: &Part, right: &Part, sign: char) -> Result<Part, CalculateError> {
    let kind = added(left.kind, right.kind, sign)?;
    bounded(Part {
        code: format!("({} {sign} {})", left.code, right.code),
        shown: format!("{} {sign} {}", left.shown, right.shown),
        kind,
        digits: left.digits.saturating_add(right.digits),
    })
}

fn added(left: Kind, right: Kind, sign: char) -> Result<Kind, CalculateError> {
    Ok(match (left, right) {
        (Kind::Point(_), Kind::Point(_)) if sign == '-' => Kind::Of(KELVIN),
        (Kind::Point(scale), Kind::Of(_) | Kind::Compound) => Kind::Point(scale),
        (Kind::Of(_) | Kind::Compound, Kind::Point(scale)) if sign == '+' => Kind::Point(scale),
        (Kind::Point(_), _) | (_, Kind::Point(_)) => return Err(CalculateError::Temperature),
        (Kind::Of(unit), Kind::Of(_) | Kind::Compound) | (Kind::Compound, Kind::Of(unit)) => Kind::Of(unit),
        (Kind::Plain, Kind::Of(PERCENT) | Kind::Plain) | (Kind::Of(PERCENT), Kind::Plain) => Kind::Plain,
        (Kind::Plain, Kind::Of(_)) | (Kind::Of(_), Kind::Plain) => return Err(CalculateError::Mismatch),
        (Kind::Compound, Kind::Compound | Kind::Plain) | (Kind::Plain, Kind::Compound) => Kind::Compound,
    })
}

fn times(left: &Part, right: &Part, sign: char) -> Result<Part, CalculateError> {
    let is_number = |kind| matches!(kind, Kind::Plain | Kind::Of(PERCENT));
    let kind = match (left.kind, right.kind) {
        (Kind::Point(_), _) | (_, Kind::Point(_)) => return Err(CalculateError::Temperature),
        (Kind::Plain, Kind::Plain) => Kind::Plain,
        (kind, Kind::Plain) => kind,
        (Kind::Plain, kind) if sign == '*' => kind,
        (kind, Kind::Of(PERCENT)) if !is_number(kind) => kind,
        (Kind::Of(PERCENT), kind) if sign == '*' && !is_number(kind) => kind,
        (Kind::Of(one), Kind::Of(other)) if sign == '/' && one == other => Kind::Plain,
        _ => Kind::Compound,
    };
    let shown = if sign == '*' { '×' } else { '/' };
    bounded(Part {
        code: format!("({} {sign} {})", left.code, right.code),
        shown: format!("{} {shown} {}", left.shown, right.shown),
        kind,
        digits: left.digits.saturating_add(right.digits),
    })
}

/// `sqrt`, `sum`, `mean`, `ceil`, `floor`, and `circle`: the area of the circle with this diameter.
fn call(name: &str, parts: &[Part], misplaced: impl Fn() -> CalculateError) -> Result<Part, CalculateError> {
    let count = parts.len();
    let shown = parts.iter().map(|part| part.shown.as_str()).collect::<Vec<_>>().join("; ");
    let shown = format!("{name}({shown})");
    if matches!(name, "sum" | "mean") {
        let digits = parts.iter().fold(0_u32, |sum, part| sum.saturating_add(part.digits));
        let codes: Vec<&str> = parts.iter().map(|part| part.code.as_str()).collect();
        let code = format!("({})", codes.join(" + "));
        let points = parts.iter().filter(|part| matches!(part.kind, Kind::Point(_))).count();
        let kind = match parts.first().map(|part| part.kind) {
            Some(Kind::Point(scale)) if points == count && name == "mean" => Kind::Point(scale),
            Some(first) if points == 0 => {
                parts.iter().skip(1).try_fold(first, |kind, part| added(kind, part.kind, '+'))?
            }
            _ => return Err(CalculateError::Temperature),
        };
        let code = if name == "mean" { format!("({code} / {count})") } else { code };
        return bounded(Part { code, shown, kind, digits });
    }
    let [part] = parts else { return Err(misplaced()) };
    if matches!(part.kind, Kind::Point(_)) {
        return Err(CalculateError::Temperature);
    }
    let (code, kind, digits) = match name {
        "circle" => {
            let kind = if part.kind == Kind::Plain { Kind::Plain } else { Kind::Compound };
            (format!("(pi * ({}^2) / 4)", part.code), kind, part.digits.saturating_mul(2).saturating_add(24))
        }
        "sqrt" => {
            let kind = if part.kind == Kind::Plain { Kind::Plain } else { Kind::Compound };
            (format!("sqrt({})", part.code), kind, part.digits)
        }
        // Of a number of things, so a number.
        _ => (format!("{name}({} to (1))", part.code), Kind::Plain, part.digits),
    };
    bounded(Part { code, shown, kind, digits })
}
