//! `calculate`: arithmetic with units. Ours is the language; the arithmetic and the sizes of units are fend's (ADR 26).

use std::sync::atomic::{AtomicU32, Ordering};

use fend_core::{Context, CustomUnitAttribute, Interrupt};

use super::{
    Computed, Value,
    expression::{self, CalculateError, Expression, Kind},
    number::Decimal,
    unit::{CELSIUS, EURO_NAME, FAHRENHEIT, Unit},
};

/// More steps of the library are not waited for. A step is a few additions of its large numbers; what passes the limits of the
/// language takes some thousand.
const MAX_STEPS: u32 = 200_000;
/// So many decimal places are asked for.
const PLACES: u32 = 20;
/// Shown as it is up to so many; else rounded.
const SHOWN_PLACES: u32 = 10;

/// Counts steps instead of looking at a clock: the same expression always ends the same.
#[derive(Debug, Default)]
struct Steps(AtomicU32);

impl Interrupt for Steps {
    fn should_interrupt(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) >= MAX_STEPS
    }
}

/// Computes what a model wrote.
///
/// # Errors
/// What is wrong with it, and what would be accepted.
pub(crate) fn calculate(text: &str) -> Result<Computed, CalculateError> {
    let Expression { part, target, inputs, uses, constants, is_conversion } = expression::parse(text)?;
    let (code, unit) = match (part.kind, target) {
        (Kind::Point(scale), target) => {
            let unit = target.unwrap_or(scale);
            (on_scale(&part.code, unit)?, Some(unit))
        }
        (_, Some(unit)) if unit.is_temperature() => return Err(CalculateError::TemperatureDifference),
        (_, Some(unit)) | (Kind::Of(unit), None) => (in_unit(&part.code, unit)?, Some(unit)),
        (Kind::Plain | Kind::Compound, None) => (format!("({}) to (1)", part.code), None),
    };
    let (number, is_exact) = evaluate(&code).map_err(|error| match error {
        CalculateError::Mismatch if part.kind == Kind::Compound && target.is_none() => CalculateError::NeedsUnit,
        other => other,
    })?;
    let value = Value { number: number.rounded(SHOWN_PLACES), unit };
    if !number.is_zero() && value.number.is_zero() {
        return Err(CalculateError::OutOfRange);
    }
    let computed = Computed::calculated(part.shown, inputs, uses, value, is_exact && value.number == number);
    Ok(Computed { constants, is_conversion, ..computed })
}

/// Whether a text is in the language of [`calculate`]: numbers, units, signs, and a few names of ours.
pub(crate) fn is_expression(text: &str) -> bool {
    expression::parse(text).is_ok()
}

fn in_unit(code: &str, unit: Unit) -> Result<String, CalculateError> {
    let name = unit.library_name().ok_or(CalculateError::Calendar)?;
    Ok(format!("({code}) to ({name})"))
}

/// Kelvin on another scale.
fn on_scale(code: &str, unit: Unit) -> Result<String, CalculateError> {
    if unit == CELSIUS {
        Ok(format!("(({code} to kelvin) / (1 kelvin) - 273.15) to (1)"))
    } else if unit == FAHRENHEIT {
        Ok(format!("(({code} to kelvin) / (1 kelvin) * 9 / 5 - 459.67) to (1)"))
    } else {
        in_unit(code, unit)
    }
}

/// Has the library compute, in a context with nothing of before, no random numbers and no rates of exchange.
fn evaluate(code: &str) -> Result<(Decimal, bool), CalculateError> {
    let mut context = Context::new();
    context.define_custom_unit_v1(EURO_NAME, "", "!", &CustomUnitAttribute::None);
    let code = format!("({code}) to {PLACES} dp");
    let result = fend_core::evaluate_with_interrupt(&code, &mut context, &Steps::default()).map_err(|said| {
        if said.contains("division by zero") {
            CalculateError::DivisionByZero
        } else if said.contains("incompatible") {
            CalculateError::Mismatch
        } else if said.contains("interrupted") {
            CalculateError::OutOfRange
        } else {
            CalculateError::NoResult
        }
    })?;
    let said = result.get_main_result();
    let (said, is_exact) = said.strip_prefix("approx. ").map_or((said, true), |said| (said, false));
    let (number, rest) = said.split_once(' ').unwrap_or((said, ""));
    // Complex numbers have a second part.
    if rest.contains(" i") || rest.starts_with(['+', '-']) || number.len() > 36 {
        return Err(if number.len() > 36 { CalculateError::OutOfRange } else { CalculateError::NoResult });
    }
    let number = Decimal::plain(number.trim_end_matches('%')).ok_or(CalculateError::NoResult)?;
    Ok((number, is_exact))
}
