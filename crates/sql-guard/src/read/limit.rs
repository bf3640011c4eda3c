//! The row limit of a statement: put in where there is none, lowered where it is too high.

use sqlparser::ast::{
    Expr, Fetch, Ident, LimitClause, Offset, OffsetRows, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor,
    TableWithJoins, Top, TopQuantity, Value, WildcardAdditionalOptions,
};

use super::sizes::number;
use crate::{
    dialect::Dialect,
    reason::{Code, Refusal},
};

/// What holding the limit did to the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) rows: u64,
    pub(crate) changed: bool,
}

fn literal(rows: u64) -> Expr {
    Expr::Value(Value::Number(rows.to_string(), false).with_empty_span())
}

/// Makes a query return at most so many rows.
///
/// # Errors
/// When it says a number in a form that cannot be compared: a parameter, a share, an expression.
pub(crate) fn hold(query: &mut Query, most: u64, dialect: Dialect) -> Result<Held, Refusal> {
    if let Some(fetch) = &mut query.fetch {
        return held_fetch(fetch, most);
    }
    match &mut query.limit_clause {
        Some(LimitClause::OffsetCommaLimit { offset: _, limit }) => return held_expression(limit, most),
        Some(LimitClause::LimitOffset { limit: Some(limit), offset: _, limit_by }) => {
            if !limit_by.is_empty() {
                return Err(Refusal::new(Code::RowLimit, "LIMIT … BY is not on the list"));
            }
            return held_expression(limit, most);
        }
        Some(LimitClause::LimitOffset { limit: None, .. }) | None => {}
    }
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(top) = &mut select.top
    {
        return held_top(top, most);
    }
    put(query, most, dialect);
    Ok(Held { rows: most, changed: true })
}

fn put(query: &mut Query, most: u64, dialect: Dialect) {
    let fetch = || Fetch { with_ties: false, percent: false, quantity: Some(literal(most)) };
    match dialect {
        Dialect::SqlServer => put_top(query, most),
        Dialect::Oracle => query.fetch = Some(fetch()),
        Dialect::Postgres | Dialect::MySql | Dialect::Sqlite | Dialect::Generic => {
            let offset = match query.limit_clause.take() {
                Some(LimitClause::LimitOffset { offset, .. }) => offset,
                _ => None,
            };
            query.limit_clause =
                Some(LimitClause::LimitOffset { limit: Some(literal(most)), offset, limit_by: Vec::new() });
        }
    }
}

/// SQL Server has no LIMIT: TOP where there is a SELECT, FETCH behind OFFSET or ORDER BY, else a SELECT around it all.
fn put_top(query: &mut Query, most: u64) {
    let top = Top { with_ties: false, percent: false, quantity: Some(TopQuantity::Constant(most)) };
    if query.limit_clause.is_some() {
        query.fetch = Some(Fetch { with_ties: false, percent: false, quantity: Some(literal(most)) });
        return;
    }
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.top = Some(top);
        return;
    }
    if query.order_by.is_some() {
        let offset = Offset { value: literal(0), rows: OffsetRows::Rows };
        query.limit_clause = Some(LimitClause::LimitOffset { limit: None, offset: Some(offset), limit_by: Vec::new() });
        query.fetch = Some(Fetch { with_ties: false, percent: false, quantity: Some(literal(most)) });
        return;
    }
    let inner = std::mem::replace(
        query.body.as_mut(),
        SetExpr::Values(sqlparser::ast::Values { explicit_row: false, value_keyword: false, rows: Vec::new() }),
    );
    *query.body = SetExpr::Select(Box::new(around(inner, top)));
}

fn around(inner: SetExpr, top: Top) -> Select {
    let subquery = Query {
        with: None,
        body: Box::new(inner),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    };
    let alias = TableAlias { explicit: true, name: Ident::new("bounded"), columns: Vec::new(), at: None };
    let relation =
        TableFactor::Derived { lateral: false, subquery: Box::new(subquery), alias: Some(alias), sample: None };
    Select {
        top: Some(top),
        projection: vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())],
        from: vec![TableWithJoins { relation, joins: Vec::new() }],
        ..empty_select()
    }
}

fn empty_select() -> Select {
    use sqlparser::ast::{GroupByExpr, SelectFlavor, helpers::attached_token::AttachedToken};
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: Vec::new(),
        exclude: None,
        into: None,
        from: Vec::new(),
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}

fn held_expression(limit: &mut Expr, most: u64) -> Result<Held, Refusal> {
    let endless = matches!(limit, Expr::Value(value) if matches!(value.value, Value::Null));
    let rows = match number(limit) {
        Some(rows) => rows,
        None if endless => f64::MAX,
        None => {
            return Err(Refusal::new(
                Code::RowLimit,
                format!("the row limit has to be written out as a number up to {most}"),
            ));
        }
    };
    // SQLite takes a number below zero for none.
    if rows < 0.0 || rows > most as f64 || rows.fract() != 0.0 {
        *limit = literal(most);
        return Ok(Held { rows: most, changed: true });
    }
    Ok(Held { rows: rows as u64, changed: false })
}

fn held_fetch(fetch: &mut Fetch, most: u64) -> Result<Held, Refusal> {
    if fetch.percent {
        return Err(Refusal::new(Code::RowLimit, format!("a share of all rows: give a number of rows up to {most}")));
    }
    match &mut fetch.quantity {
        Some(quantity) => held_expression(quantity, most),
        None => Ok(Held { rows: 1, changed: false }),
    }
}

fn held_top(top: &mut Top, most: u64) -> Result<Held, Refusal> {
    if top.percent {
        return Err(Refusal::new(Code::RowLimit, format!("a share of all rows: give a number of rows up to {most}")));
    }
    match &mut top.quantity {
        Some(TopQuantity::Constant(rows)) if *rows <= most => Ok(Held { rows: *rows, changed: false }),
        Some(TopQuantity::Expr(quantity)) => held_expression(quantity, most),
        quantity => {
            *quantity = Some(TopQuantity::Constant(most));
            Ok(Held { rows: most, changed: true })
        }
    }
}
