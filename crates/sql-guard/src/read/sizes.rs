//! What makes much from little: each such function is bounded by what it is given as a literal.

use sqlparser::{
    ast::{BinaryOperator, Expr, FunctionArg, FunctionArgExpr, Interval, SelectModifiers, UnaryOperator, Value},
    tokenizer::Span,
};

use super::Reader;
use crate::{dialect::Dialect, reason::Code, text::strings};

/// The most characters of a regular expression.
const LONGEST_PATTERN: usize = 300;

/// Dates farther apart than this are no dates of a plant.
const MOST_YEARS: f64 = 200.0;

/// Whether the words behind SELECT steer the server.
pub(super) fn is_steering(modifiers: &SelectModifiers) -> bool {
    let SelectModifiers {
        high_priority,
        straight_join,
        sql_small_result,
        sql_big_result,
        sql_buffer_result,
        sql_no_cache,
        sql_calc_found_rows,
    } = modifiers;
    [
        high_priority,
        straight_join,
        sql_small_result,
        sql_big_result,
        sql_buffer_result,
        sql_no_cache,
        sql_calc_found_rows,
    ]
    .into_iter()
    .any(|set| *set)
}

fn plain(args: &[FunctionArg], at: usize) -> Option<&Expr> {
    match args.get(at)? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression))
        | FunctionArg::Named { arg: FunctionArgExpr::Expr(expression), .. } => Some(expression),
        _ => None,
    }
}

/// A number that is written out.
pub(super) fn number(expression: &Expr) -> Option<f64> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        },
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => number(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(expr).map(|number| -number),
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => number(expr),
        Expr::BinaryOp { left, op, right } => {
            let (left, right) = (number(left)?, number(right)?);
            match op {
                BinaryOperator::Plus => Some(left + right),
                BinaryOperator::Minus => Some(left - right),
                BinaryOperator::Multiply => Some(left * right),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A string that is written out.
pub(super) fn string(expression: &Expr, dialect: Dialect) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(body) | Value::NationalStringLiteral(body) => Some(strings::value(body, dialect)),
            Value::EscapedStringLiteral(value) => Some(value.clone()),
            _ => None,
        },
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => string(inner, dialect),
        Expr::TypedString(typed) => string(&Expr::Value(typed.value.clone()), dialect),
        _ => None,
    }
}

/// Whether both are the same column: `s || s` doubles.
pub(super) fn is_same_column(left: &Expr, right: &Expr) -> bool {
    matches!(left, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) && left == right
}

/// How much more text a call may make than it is given: 1 for `replace` by something longer that is written out, 2 for what makes
/// much at once.
pub(super) fn growth(function: &str, args: &[FunctionArg]) -> usize {
    match function {
        "replace" | "regexp_replace" => {
            let length = |at| match plain(args, at) {
                Some(Expr::Value(value)) => match &value.value {
                    Value::SingleQuotedString(text)
                    | Value::NationalStringLiteral(text)
                    | Value::EscapedStringLiteral(text) => Some(text.len()),
                    Value::Null => Some(0),
                    _ => None,
                },
                _ => None,
            };
            match (length(1), length(2)) {
                (Some(from), Some(to)) => usize::from(to > from.max(1)),
                _ => 2,
            }
        }
        "repeat" | "replicate" | "export_set" | "make_set" => 2,
        "hex" | "quote" | "json_quote" | "to_json" | "to_jsonb" | "quote_literal" | "quote_ident"
        | "quote_nullable" | "encode" | "to_base64" | "rawtohex" | "string_escape" | "quotename" | "insert"
        | "overlay" => 1,
        _ => 0,
    }
}

impl Reader<'_> {
    pub(super) fn grow(&mut self, at: &Expr) {
        self.growth += 1;
        if self.growth > 6 {
            self.refuse_expression(Code::Size, at, "texts put together with themselves over and over");
        }
    }

    /// Functions whose result may be larger than what they are given.
    pub(super) fn check_sizes(&mut self, function: &str, args: &[FunctionArg], span: Span) {
        let most = self.policy.limits.text_length as f64;
        match function {
            "repeat" | "replicate" => {
                let times = plain(args, 1).and_then(number);
                let length =
                    plain(args, 0).and_then(|text| string(text, self.dialect)).map(|text| text.chars().count().max(1));
                // A column may be long by itself: then only a few times.
                let bound = match length {
                    Some(length) => times.map(|times| times * length as f64 <= most),
                    None => times.map(|times| times <= 100.0),
                };
                if bound != Some(true) {
                    self.refuse(
                        Code::Size,
                        span,
                        format!("{function} makes at most {most} characters, written out as a number"),
                    );
                }
            }
            "lpad" | "rpad" | "space" | "left_pad" | "right_pad" | "str" => {
                let at = usize::from(function != "space");
                if (args.len() > at || function == "space")
                    && plain(args, at).and_then(number).is_none_or(|length| length > most)
                {
                    self.refuse(
                        Code::Size,
                        span,
                        format!("{function} makes at most {most} characters, written out as a number"),
                    );
                }
            }
            "format" | "printf" if matches!(self.dialect, Dialect::Postgres | Dialect::Sqlite | Dialect::Generic) => {
                let fits =
                    plain(args, 0).and_then(|text| string(text, self.dialect)).is_some_and(|text| is_narrow(&text));
                if !fits {
                    self.refuse(
                        Code::Size,
                        span,
                        format!("{function} takes a format that is written out, with widths up to 999"),
                    );
                }
            }
            "generate_series" | "range" | "sequence" | "generate_array" => self.check_series(function, args, span),
            "regexp_replace"
            | "regexp_match"
            | "regexp_matches"
            | "regexp_split_to_array"
            | "regexp_split_to_table"
            | "regexp_count"
            | "regexp_instr"
            | "regexp_like"
            | "regexp_substr"
            | "regexp"
            | "regexp_extract"
            | "regexp_extract_all"
            | "regexp_full_match" => {
                let at = usize::from(!(function == "regexp" && self.dialect == Dialect::Sqlite));
                if let Some(pattern) = plain(args, at) {
                    let pattern = pattern.clone();
                    self.check_regex(&pattern);
                }
            }
            _ => {}
        }
    }

    /// Numbers: all written out. Times: a step that is written out, over ends that are written out or made of columns, now and
    /// steps of at most some years.
    fn check_series(&mut self, function: &str, args: &[FunctionArg], span: Span) {
        let most = self.policy.limits.generated_rows as f64;
        let refused = |reader: &mut Self| {
            let message =
                format!("{function} makes at most {most} rows, between ends and with a step that are written out");
            reader.refuse(Code::Size, span, message);
        };
        let (from, to, step) = match (plain(args, 0), plain(args, 1), plain(args, 2)) {
            (Some(to), None, None) if function == "range" => (None, to, None),
            (Some(from), Some(to), step) => (Some(from), to, step),
            _ => return refused(self),
        };
        let start = from.map_or(Some(0.0), number);
        if let (Some(start), Some(end)) = (start, number(to)) {
            let rows = step.map_or(Some(1.0), number).map(|step| (end - start) / step);
            // Beside each other they make each row of one with each of the others.
            self.generated *= rows.unwrap_or(f64::INFINITY).max(1.0);
            if rows.is_none_or(|rows| !rows.is_finite() || rows > most) || self.generated > most * 10.0 {
                refused(self);
            }
            return;
        }
        let Some(step) = step.and_then(|step| days(step, self.dialect)).filter(|days| *days > 0.0) else {
            // Subscripts of a value: as many as it has.
            let of_value = start.is_some()
                && matches!(to, Expr::Function(call) if
                ["array_length", "cardinality", "jsonb_array_length", "json_array_length", "array_upper", "length", "char_length"]
                    .iter().any(|name| call.name.to_string().eq_ignore_ascii_case(name)));
            if !of_value {
                refused(self);
            }
            return;
        };
        let ends = [from, Some(to)].into_iter().flatten().all(|end| is_date(end, self.dialect));
        if !ends || MOST_YEARS * 365.25 / step > most * 40.0 {
            refused(self);
        }
    }

    /// A regular expression is written out, not long, and repeats nothing that repeats.
    pub(super) fn check_regex(&mut self, pattern: &Expr) {
        if matches!(pattern, Expr::Value(value) if matches!(value.value, Value::Placeholder(_) | Value::Null)) {
            return;
        }
        let Some(text) = string(pattern, self.dialect) else {
            return self.refuse_expression(Code::Size, pattern, "a regular expression has to be written out");
        };
        if text.len() > LONGEST_PATTERN || is_explosive(&text) {
            self.refuse_expression(Code::Size, pattern, "a regular expression that may take for ever");
        }
    }

    /// Many `%` in a row of others take some servers long.
    pub(super) fn check_wildcards(&mut self, pattern: &Expr) {
        if let Some(text) = string(pattern, self.dialect)
            && text.matches('%').count() > 20
        {
            self.refuse_expression(Code::Size, pattern, "a pattern with more than 20 %");
        }
    }
}

/// No widths of four and more digits, and none taken from an argument.
fn is_narrow(format: &str) -> bool {
    let wide = format.as_bytes().windows(4).any(|run| run.iter().all(u8::is_ascii_digit));
    let from_argument = format.split('%').skip(1).any(|rest| {
        let rest = rest.trim_start_matches(['-', '+', ' ', '0', '#', '$']);
        rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.').starts_with('*')
    });
    !from_argument && (!wide || !format.contains('%'))
}

/// A group with a repetition inside that is repeated itself, a back-reference, or many rounds.
fn is_explosive(pattern: &str) -> bool {
    let letters: Vec<char> = pattern.chars().collect();
    let mut groups = vec![false];
    let mut at = 0;
    let mut set = false;
    let mut rounds: f64 = 1.0;
    while let Some(letter) = letters.get(at) {
        match letter {
            '\\' => {
                if letters.get(at + 1).is_some_and(|next| ('1'..='9').contains(next)) {
                    return true;
                }
                at += 1;
            }
            '[' => set = true,
            ']' => set = false,
            _ if set => {}
            '(' => groups.push(false),
            ')' => {
                let inner = groups.pop().unwrap_or(false);
                let repeated = matches!(letters.get(at + 1), Some('*' | '+' | '{'));
                if inner && repeated {
                    return true;
                }
                if groups.is_empty() {
                    groups.push(false);
                }
                if let Some(outer) = groups.last_mut() {
                    *outer |= inner || repeated;
                }
            }
            '*' | '+' => mark(&mut groups),
            '{' => {
                let digits: String = letters[at + 1..].iter().take_while(|letter| **letter != '}').collect();
                let most = digits.split(',').filter_map(|number| number.trim().parse::<f64>().ok()).fold(1.0, f64::max);
                rounds *= most.max(1.0);
                mark(&mut groups);
            }
            _ => {}
        }
        at += 1;
    }
    rounds > 1_000.0 || groups.len() > 1 || pattern.matches(".*").count() > 6
}

fn mark(groups: &mut [bool]) {
    if let Some(group) = groups.last_mut() {
        *group = true;
    }
}

/// How many days a step is, if it is written out.
fn days(step: &Expr, dialect: Dialect) -> Option<f64> {
    let (text, unit) = match step {
        Expr::Interval(Interval { value, leading_field, .. }) => {
            let text = string(value, dialect).or_else(|| number(value).map(|number| number.to_string()))?;
            (text, leading_field.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        Expr::Cast { .. } | Expr::Value(_) | Expr::TypedString(_) | Expr::Nested(_) => {
            (string(step, dialect)?, String::new())
        }
        _ => return None,
    };
    let text = format!("{text} {unit}").to_ascii_lowercase();
    let mut words = text.split_whitespace();
    let mut total = 0.0;
    while let Some(word) = words.next() {
        let split = word.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(word.len());
        let (number, glued) = word.split_at(split);
        let number: f64 = number.parse().ok()?;
        let unit = if glued.is_empty() { words.next()? } else { glued };
        let length = match unit.trim_end_matches('s') {
            "second" | "sec" => 1.0 / 86_400.0,
            "minute" | "min" => 1.0 / 1_440.0,
            "hour" | "h" | "hr" => 1.0 / 24.0,
            "day" | "d" => 1.0,
            "week" | "w" => 7.0,
            "month" | "mon" => 30.0,
            "quarter" => 90.0,
            "year" | "y" => 365.0,
            _ => return None,
        };
        total += number * length;
    }
    Some(total)
}

/// A time of our days: written out, of a column, of the clock, or some steps before or behind one.
fn is_date(expression: &Expr, dialect: Dialect) -> bool {
    // However it is wrapped.
    if expression.to_string().to_ascii_lowercase().contains("infinit") {
        return false;
    }
    if let Some(text) = string(expression, dialect) {
        return text.get(..5).is_some_and(|start| {
            let year = start[..4].parse::<u32>().unwrap_or(0);
            (1_900..=2_100).contains(&year) && start.ends_with('-')
        });
    }
    match expression {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Subquery(_) => true,
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_date(inner, dialect),
        Expr::BinaryOp { left, op: BinaryOperator::Plus | BinaryOperator::Minus, right } => {
            let small = days(right, dialect).or_else(|| number(right));
            is_date(left, dialect) && small.is_some_and(|days| days.abs() <= MOST_YEARS * 365.25)
        }
        Expr::Function(function) => {
            let name = function.name.to_string().to_ascii_lowercase();
            matches!(
                name.as_str(),
                "now" | "current_date" | "current_timestamp" | "date_trunc" | "min" | "max" | "coalesce" | "date"
            )
        }
        _ => false,
    }
}
