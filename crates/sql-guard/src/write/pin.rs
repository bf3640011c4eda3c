use sqlparser::ast::{BinaryOperator, Expr, Ident, Spanned, Value};

use crate::{
    dialect::Dialect,
    policy::Name,
    reason::{Code, Refusal},
    text,
};

/// Rows that a key pins.
pub(super) struct Pin {
    /// The columns of the key as they are compared.
    pub(super) key: Vec<String>,
    /// The same as they are printed.
    pub(super) idents: Vec<Ident>,
    pub(super) rows: u64,
    pub(super) condition: String,
}

/// A condition on one column: how many values it lets through, none where that is not known.
struct Condition {
    column: String,
    ident: Ident,
    values: Option<u64>,
}

/// Reads a WHERE: conditions of columns with literals and parameters, all of which have to hold, and equality for every column of a key.
pub(super) fn pinned(
    selection: &Expr,
    keys: &[Vec<String>],
    columns: &[String],
    dialect: Dialect,
    check: &dyn Fn(&Expr) -> Result<(), Refusal>,
) -> Result<Pin, Refusal> {
    let mut conditions = Vec::new();
    collect(selection, dialect, check, &mut conditions)?;
    let known = |column: &String| columns.contains(column) || keys.iter().any(|key| key.contains(column));
    if let Some(other) = conditions.iter().find(|condition| !known(&condition.column)) {
        let message = format!("{} is neither part of a key nor a column that may be written", other.column);
        return Err(Refusal { code: Code::Column, message, at: text::place(other.ident.span) });
    }
    for key in keys {
        let found: Option<Vec<&Condition>> = key
            .iter()
            .map(|column| conditions.iter().find(|condition| condition.column == *column && condition.values.is_some()))
            .collect();
        if let Some(found) = found {
            let rows = found.iter().filter_map(|condition| condition.values).fold(1_u64, u64::saturating_mul);
            return Ok(Pin {
                key: key.clone(),
                idents: found.iter().map(|condition| condition.ident.clone()).collect(),
                rows,
                condition: selection.to_string(),
            });
        }
    }
    let keys: Vec<String> = keys.iter().map(|key| key.join(" and ")).collect();
    let quoted = if dialect == Dialect::MySql {
        " between quotes, for MySQL compares a text with a number as numbers"
    } else {
        ""
    };
    let message =
        format!("the rows are not pinned: compare {} with literals or parameters by ={quoted}", keys.join(", or "));
    Err(Refusal { code: Code::Key, message, at: text::place(selection.span()) })
}

fn collect(
    expression: &Expr,
    dialect: Dialect,
    check: &dyn Fn(&Expr) -> Result<(), Refusal>,
    found: &mut Vec<Condition>,
) -> Result<(), Refusal> {
    use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq};
    let refused = || {
        let message = "WHERE compares columns with literals and parameters, joined by AND".to_owned();
        Refusal { code: Code::Key, message, at: text::place(expression.span()) }
    };
    match expression {
        Expr::Nested(inner) => collect(inner, dialect, check, found),
        Expr::BinaryOp { left, op: And, right } => {
            collect(left, dialect, check, found)?;
            collect(right, dialect, check, found)
        }
        Expr::BinaryOp { left, op, right } if matches!(op, Eq | NotEq | Gt | GtEq | Lt | LtEq) => {
            let Expr::Identifier(ident) = left.as_ref() else { return Err(refused()) };
            check(right)?;
            let values = (*op == Eq && is_exact(right, dialect)).then_some(1);
            found.push(condition(ident, values, dialect));
            Ok(())
        }
        Expr::InList { expr, list, negated: false } => {
            let Expr::Identifier(ident) = expr.as_ref() else { return Err(refused()) };
            list.iter().try_for_each(check)?;
            let exact = list.iter().all(|value| is_exact(value, dialect));
            found.push(condition(ident, exact.then_some(list.len() as u64), dialect));
            Ok(())
        }
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
            let Expr::Identifier(ident) = inner.as_ref() else { return Err(refused()) };
            found.push(condition(ident, None, dialect));
            Ok(())
        }
        _ => Err(refused()),
    }
}

/// MySQL compares a text with a number as numbers: `name = 0` is true of every name that does not begin with a digit. A text is compared
/// with either kind of column exactly.
fn is_exact(value: &Expr, dialect: Dialect) -> bool {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(_)
            | Value::EscapedStringLiteral(_)
            | Value::NationalStringLiteral(_)
            | Value::Placeholder(_) => true,
            Value::Number(..) => dialect != Dialect::MySql,
            _ => false,
        },
        Expr::TypedString(_) => true,
        Expr::Cast { expr: inner, .. } | Expr::Nested(inner) => is_exact(inner, dialect),
        Expr::UnaryOp { expr, .. } => is_exact(expr, dialect) && dialect != Dialect::MySql,
        _ => false,
    }
}

fn condition(ident: &Ident, values: Option<u64>, dialect: Dialect) -> Condition {
    let column = Name::column(&ident.value, ident.quote_style.is_some(), dialect).folded;
    Condition { column, ident: ident.clone(), values }
}
