use sqlparser::{
    ast::{
        DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList,
        FunctionArguments, JsonNullClause, ListAggOnOverflow, ObjectName, Spanned, WindowType,
    },
    tokenizer::Span,
};

use super::Reader;
use crate::{
    dialect::Dialect,
    functions,
    policy::{Functions, parts},
    reason::Code,
};

impl Reader<'_> {
    pub(super) fn call(&mut self, function: &mut Function) {
        let span = function.name.span();
        let Function { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment: _, over } =
            function;
        if *uses_odbc_syntax || !matches!(parameters, FunctionArguments::None) {
            self.refuse(Code::Function, span, "this form of a call is not on the list");
        }
        let listed = self.function_name(name).unwrap_or_default();
        match args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(query) => {
                self.query(query);
            }
            FunctionArguments::List(list) => self.arguments(list, &listed, span),
        }
        self.order_expressions(within_group);
        self.maybe(filter.as_deref_mut());
        match over {
            None | Some(WindowType::NamedWindow(_)) => {}
            Some(WindowType::WindowSpec(spec)) => self.window(spec),
        }
    }

    /// The name of a function that may be called, in lower case; else it is refused.
    pub(super) fn function_name(&mut self, name: &ObjectName) -> Option<String> {
        let idents = parts(name).unwrap_or_default();
        let (qualifiers, last) = match idents.as_slice() {
            [last] => (None, *last),
            [schema, last] => (Some(schema.value.to_ascii_lowercase()), *last),
            _ => {
                self.refuse(Code::Function, name.span(), format!("{name} is not the name of a function"));
                return None;
            }
        };
        let lower = last.value.to_ascii_lowercase();
        let exact = last.quote_style.is_none()
            || last.value == lower
            || !matches!(self.dialect, Dialect::Postgres | Dialect::Oracle);
        let full = qualifiers.as_ref().map(|schema| format!("{schema}.{lower}"));
        let builtin =
            matches!((qualifiers.as_deref(), self.dialect), (None, _) | (Some("pg_catalog"), Dialect::Postgres));
        let harmful =
            functions::is_unsafe(&lower) || qualifiers.as_deref().is_some_and(functions::is_unsafe) && !builtin;
        let listed = match &self.policy.functions {
            Functions::Safe(more) => {
                (builtin && functions::is_safe(&lower, self.dialect)) || more.contains(full.as_ref().unwrap_or(&lower))
            }
            Functions::Only(these) => {
                these.contains(full.as_ref().unwrap_or(&lower)) || (builtin && these.contains(&lower))
            }
            Functions::NotUnsafe => builtin,
        };
        let safe = builtin && functions::is_safe(&lower, self.dialect);
        if (harmful && !safe) || !listed || !exact || (last.quote_style.is_some() && !last.value.is_ascii()) {
            let message = format!("{} is not among the functions that may be called", full.as_ref().unwrap_or(&lower));
            self.refuse(Code::Function, name.span(), message);
            return None;
        }
        self.facts.functions.push(full.unwrap_or_else(|| lower.clone()));
        Some(lower)
    }

    /// Whether the policy itself lists a function.
    pub(super) fn policy_names_function(&self, name: &str) -> bool {
        match &self.policy.functions {
            Functions::Safe(names) | Functions::Only(names) => names.iter().any(|other| other == name),
            Functions::NotUnsafe => false,
        }
    }

    fn arguments(&mut self, list: &mut FunctionArgumentList, function: &str, span: Span) {
        let FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        match duplicate_treatment {
            None | Some(DuplicateTreatment::Distinct | DuplicateTreatment::All) => {}
        }
        self.check_sizes(function, args, span);
        let outer = self.growth;
        self.growth += super::sizes::growth(function, args);
        if self.growth > 3 {
            self.refuse(Code::Size, span, format!("{function} in {function} makes much from little"));
        }
        // The first argument of some is a unit, which the grammar takes for a column.
        let unit = usize::from(
            takes_unit(function, self.dialect)
                && matches!(args.first(), Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(_))))),
        );
        for arg in args.iter_mut().skip(unit) {
            self.argument(arg, function);
        }
        self.growth = outer;
        for clause in clauses {
            self.argument_clause(clause, span);
        }
    }

    fn argument_clause(&mut self, clause: &mut FunctionArgumentClause, span: Span) {
        match clause {
            FunctionArgumentClause::IgnoreOrRespectNulls(_)
            | FunctionArgumentClause::Separator(_)
            | FunctionArgumentClause::JsonNullClause(JsonNullClause::NullOnNull | JsonNullClause::AbsentOnNull) => {}
            FunctionArgumentClause::Where(condition) | FunctionArgumentClause::Limit(condition) => {
                self.expression(condition);
            }
            FunctionArgumentClause::OrderBy(order) => self.order_expressions(order),
            FunctionArgumentClause::OnOverflow(overflow) => match overflow {
                ListAggOnOverflow::Error => {}
                ListAggOnOverflow::Truncate { filler, with_count: _ } => self.maybe(filler.as_deref_mut()),
            },
            FunctionArgumentClause::Having(bound) => self.expression(&mut bound.1),
            FunctionArgumentClause::JsonReturningClause(returning) => self.data_type(&returning.data_type, span),
        }
    }

    pub(super) fn argument(&mut self, arg: &mut FunctionArg, function: &str) {
        let value = match arg {
            FunctionArg::Named { name: _, arg, operator: _ } | FunctionArg::Unnamed(arg) => arg,
            FunctionArg::ExprNamed { name, arg, operator: _ } => {
                self.expression(name);
                arg
            }
        };
        match value {
            FunctionArgExpr::Expr(expression) => self.expression(expression),
            FunctionArgExpr::QualifiedWildcard(name) => self.whole_row_argument(name),
            FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => {
                if function != "count" && self.restricted {
                    self.refusals.push(crate::reason::Refusal::new(
                        Code::Column,
                        "a whole row as an argument: name the columns",
                    ));
                }
            }
        }
    }
}

/// `DATEADD(day, …)`, `TIMESTAMPDIFF(SECOND, …)`.
fn takes_unit(function: &str, dialect: Dialect) -> bool {
    match dialect {
        Dialect::SqlServer => matches!(
            function,
            "dateadd" | "datediff" | "datediff_big" | "datename" | "datepart" | "datetrunc" | "date_bucket"
        ),
        Dialect::MySql => matches!(function, "timestampadd" | "timestampdiff" | "get_format"),
        Dialect::Generic => {
            matches!(function, "dateadd" | "datediff" | "datename" | "datepart" | "timestampadd" | "timestampdiff")
        }
        Dialect::Postgres | Dialect::Oracle | Dialect::Sqlite => false,
    }
}
