use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastFormat, CeilFloorKind, Expr, JsonPathElem, Spanned, Subscript, UnaryOperator,
    Value, WindowFrameBound, WindowSpec,
};

use super::{Reader, sizes};
use crate::{dialect::Dialect, policy::parts, reason::Code};

impl Reader<'_> {
    /// One expression and all that is in it.
    pub(super) fn expression(&mut self, expression: &mut Expr) {
        match expression {
            Expr::Identifier(ident) => self.identifier(ident),
            Expr::CompoundIdentifier(idents) => self.compound(idents),
            Expr::Value(value) => {
                let span = value.span;
                self.value(&value.value, span);
            }
            Expr::BinaryOp { left, op, right } => {
                self.operator(op, left, right);
                self.expression(left);
                self.expression(right);
            }
            Expr::Function(function) => self.call(function),
            Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner)
            | Expr::Nested(inner)
            | Expr::OuterJoin(inner)
            | Expr::Prior(inner)
            | Expr::IsNormalized { expr: inner, form: _, negated: _ }
            | Expr::IsJson { expr: inner, kind: _, unique_keys: _, negated: _ }
            | Expr::Named { expr: inner, name: _ }
            | Expr::Extract { field: _, syntax: _, expr: inner } => self.expression(inner),
            Expr::Between { expr, negated: _, low, high } => {
                self.expression(expr);
                self.expression(low);
                self.expression(high);
            }
            Expr::UnaryOp { op, expr } => {
                self.unary(*op, expr);
                self.expression(expr);
            }
            Expr::Exists { subquery, negated: _ } | Expr::Subquery(subquery) => {
                self.query(subquery);
            }
            Expr::Tuple(list) => self.expressions(list),
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.maybe(operand.as_deref_mut());
                for when in conditions {
                    self.expression(&mut when.condition);
                    self.expression(&mut when.result);
                }
                self.maybe(else_result.as_deref_mut());
            }
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                for set in sets {
                    self.expressions(set);
                }
            }
            Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::InUnnest { .. }
            | Expr::AnyOp { .. }
            | Expr::AllOp { .. }
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::MemberOf(_) => {
                self.membership(expression);
            }
            Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::SimilarTo { .. }
            | Expr::RLike { .. }
            | Expr::MatchAgainst { .. } => {
                self.pattern(expression);
            }
            Expr::Convert { .. }
            | Expr::Cast { .. }
            | Expr::TypedString(_)
            | Expr::Collate { .. }
            | Expr::Prefixed { .. } => {
                self.conversion(expression);
            }
            _ => self.rarer(expression),
        }
    }

    fn value(&mut self, value: &Value, span: sqlparser::tokenizer::Span) {
        match value {
            Value::Number(..)
            | Value::SingleQuotedString(_)
            | Value::EscapedStringLiteral(_)
            | Value::NationalStringLiteral(_)
            | Value::HexStringLiteral(_)
            | Value::SingleQuotedByteStringLiteral(_)
            | Value::Boolean(_)
            | Value::Null
            | Value::Placeholder(_) => {}
            Value::DollarQuotedString(_)
            | Value::TripleSingleQuotedString(_)
            | Value::TripleDoubleQuotedString(_)
            | Value::UnicodeStringLiteral(_)
            | Value::DoubleQuotedByteStringLiteral(_)
            | Value::TripleSingleQuotedByteStringLiteral(_)
            | Value::TripleDoubleQuotedByteStringLiteral(_)
            | Value::SingleQuotedRawStringLiteral(_)
            | Value::DoubleQuotedRawStringLiteral(_)
            | Value::TripleSingleQuotedRawStringLiteral(_)
            | Value::TripleDoubleQuotedRawStringLiteral(_)
            | Value::QuoteDelimitedStringLiteral(_)
            | Value::NationalQuoteDelimitedStringLiteral(_)
            | Value::DoubleQuotedString(_) => {
                self.refuse(Code::Literal, span, "this form of a literal is not on the list");
            }
        }
    }

    fn operator(&mut self, op: &BinaryOperator, left: &Expr, right: &Expr) {
        use BinaryOperator as B;
        match op {
            B::Plus
            | B::Minus
            | B::Multiply
            | B::Divide
            | B::Modulo
            | B::Gt
            | B::Lt
            | B::GtEq
            | B::LtEq
            | B::Spaceship
            | B::Eq
            | B::NotEq
            | B::And
            | B::Or
            | B::Xor
            | B::BitwiseOr
            | B::BitwiseAnd
            | B::BitwiseXor
            | B::MyIntegerDivide
            | B::DuckIntegerDivide
            | B::PGBitwiseXor
            | B::PGBitwiseShiftLeft
            | B::PGBitwiseShiftRight
            | B::PGExp
            | B::PGOverlap
            | B::PGLikeMatch
            | B::PGILikeMatch
            | B::PGNotLikeMatch
            | B::PGNotILikeMatch
            | B::PGStartsWith
            | B::Arrow
            | B::LongArrow
            | B::HashArrow
            | B::HashLongArrow
            | B::AtAt
            | B::AtArrow
            | B::ArrowAt
            | B::HashMinus
            | B::AtQuestion
            | B::Question
            | B::QuestionAnd
            | B::QuestionPipe
            | B::Overlaps
            | B::LtDashGt
            | B::AndLt
            | B::AndGt
            | B::Glob
            | B::Match => {}
            B::StringConcat => self.check_doubling(left, right),
            B::Regexp | B::PGRegexMatch | B::PGRegexIMatch | B::PGRegexNotMatch | B::PGRegexNotIMatch => {
                self.check_regex(right);
            }
            B::Custom(_)
            | B::PGCustomBinaryOperator(_)
            | B::DoubleHash
            | B::LtLtPipe
            | B::PipeGtGt
            | B::AndLtPipe
            | B::PipeAndGt
            | B::LtCaret
            | B::GtCaret
            | B::QuestionHash
            | B::QuestionDash
            | B::QuestionDashPipe
            | B::QuestionDoublePipe
            | B::At
            | B::TildeEq
            | B::Assignment => {
                self.refuse_expression(Code::Operator, left, format!("the operator {op} is not on the list"));
            }
        }
    }

    fn unary(&mut self, op: UnaryOperator, operand: &Expr) {
        use UnaryOperator as U;
        match op {
            U::Plus | U::Minus | U::Not | U::BangNot | U::BitwiseNot | U::PGAbs | U::PGSquareRoot | U::PGCubeRoot => {}
            U::AtDashAt
            | U::DoubleAt
            | U::Hash
            | U::PGPostfixFactorial
            | U::PGPrefixFactorial
            | U::QuestionDash
            | U::QuestionPipe => {
                self.refuse_expression(Code::Operator, operand, format!("the operator {op} is not on the list"));
            }
        }
    }

    fn membership(&mut self, expression: &mut Expr) {
        match expression {
            Expr::InList { expr, list, negated: _ } => {
                self.expression(expr);
                self.expressions(list);
            }
            Expr::InSubquery { expr, subquery, negated: _ } => {
                self.expression(expr);
                self.query(subquery);
            }
            Expr::InUnnest { expr, array_expr, negated: _ } => {
                self.expression(expr);
                self.expression(array_expr);
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ } | Expr::AllOp { left, compare_op, right } => {
                self.operator(compare_op, left, right);
                self.expression(left);
                self.expression(right);
            }
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                self.expression(left);
                self.expression(right);
            }
            Expr::MemberOf(member) => {
                self.expression(&mut member.value);
                self.expression(&mut member.array);
            }
            other => self.unknown_form(other),
        }
    }

    fn pattern(&mut self, expression: &mut Expr) {
        match expression {
            Expr::Like { negated: _, any: _, expr, pattern, escape_char }
            | Expr::ILike { negated: _, any: _, expr, pattern, escape_char } => {
                self.check_wildcards(pattern);
                self.expression(expr);
                self.expression(pattern);
                self.maybe(escape_char.as_deref_mut());
            }
            Expr::SimilarTo { negated: _, expr, pattern, escape_char } => {
                self.check_regex(pattern);
                self.expression(expr);
                self.expression(pattern);
                self.maybe(escape_char.as_deref_mut());
            }
            Expr::RLike { negated: _, expr, pattern, regexp: _ } => {
                self.check_regex(pattern);
                self.expression(expr);
                self.expression(pattern);
            }
            Expr::MatchAgainst { columns, match_value: _, opt_search_modifier: _ } => {
                for column in columns {
                    match parts(column) {
                        Some(idents) => {
                            let idents: Vec<_> = idents.into_iter().cloned().collect();
                            if let [ident] = idents.as_slice() {
                                self.identifier(ident);
                            } else {
                                self.compound(&idents);
                            }
                        }
                        None => self.refuse(Code::Column, column.span(), "a column whose name is computed"),
                    }
                }
            }
            other => self.unknown_form(other),
        }
    }

    fn conversion(&mut self, expression: &mut Expr) {
        let span = expression.span();
        match expression {
            Expr::Convert { is_try: _, expr, data_type, charset, target_before_value: _, styles } => {
                if let Some(data_type) = data_type {
                    self.data_type(data_type, span);
                }
                if charset.as_ref().is_some_and(|charset| charset.0.len() > 1) {
                    self.refuse(Code::Type, span, "a character set has one name");
                }
                self.expression(expr);
                self.expressions(styles);
            }
            Expr::Cast { kind: _, expr, data_type, format } => {
                self.data_type(data_type, span);
                match format {
                    None | Some(CastFormat::Value(_) | CastFormat::ValueAtTimeZone(..)) => {}
                }
                self.expression(expr);
            }
            Expr::TypedString(typed) => {
                self.data_type(&typed.data_type, span);
                self.value(&typed.value.value, typed.value.span);
            }
            Expr::Collate { expr, collation } => {
                if collation.0.len() > 2 {
                    self.refuse(Code::Type, span, "a collation has one or two names");
                }
                self.expression(expr);
            }
            Expr::Prefixed { prefix: _, value } => {
                self.refuse(Code::Literal, span, "a string with a character set in front");
                self.expression(value);
            }
            other => self.unknown_form(other),
        }
    }

    /// Forms that few statements have.
    fn rarer(&mut self, expression: &mut Expr) {
        match expression {
            Expr::AtTimeZone { timestamp, time_zone } => {
                self.expression(timestamp);
                self.expression(time_zone);
            }
            Expr::Ceil { expr, field } | Expr::Floor { expr, field } => {
                match field {
                    CeilFloorKind::DateTimeField(_) | CeilFloorKind::Scale(_) => {}
                }
                self.expression(expr);
            }
            Expr::Position { expr, r#in } => {
                self.expression(expr);
                self.expression(r#in);
            }
            Expr::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
                self.expression(expr);
                self.maybe(substring_from.as_deref_mut());
                self.maybe(substring_for.as_deref_mut());
            }
            Expr::Trim { trim_where: _, trim_what, expr, trim_characters } => {
                self.maybe(trim_what.as_deref_mut());
                self.expression(expr);
                self.expressions(trim_characters.as_deref_mut().unwrap_or_default());
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                self.expression(expr);
                self.expression(overlay_what);
                self.expression(overlay_from);
                self.maybe(overlay_for.as_deref_mut());
            }
            Expr::Interval(interval) => {
                self.expression(&mut interval.value);
            }
            Expr::Array(array) => self.expressions(&mut array.elem),
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            Expr::JsonAccess { value, path } if self.dialect == Dialect::Generic => {
                self.expression(value);
                for element in &mut path.path {
                    match element {
                        JsonPathElem::Dot { .. } => {}
                        JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => self.expression(key),
                    }
                }
            }
            Expr::Struct { values, fields } if self.dialect == Dialect::Generic => {
                for field in fields {
                    self.data_type(&field.field_type, sqlparser::tokenizer::Span::empty());
                }
                self.expressions(values);
            }
            Expr::Dictionary(fields) if self.dialect == Dialect::Generic => {
                for field in fields {
                    self.expression(&mut field.value);
                }
            }
            Expr::Map(map) if self.dialect == Dialect::Generic => {
                for entry in &mut map.entries {
                    self.expression(&mut entry.key);
                    self.expression(&mut entry.value);
                }
            }
            other => self.unknown_form(other),
        }
    }

    fn unknown_form(&mut self, expression: &Expr) {
        self.refuse_expression(Code::Syntax, expression, "this form of an expression is not on the list");
    }

    /// `a[1]`, `(a).b`: of values, not of rows of tables that hide columns.
    fn access(&mut self, root: &mut Expr, chain: &mut [AccessExpr]) {
        if self.restricted && chain.iter().any(|link| matches!(link, AccessExpr::Dot(_))) {
            self.refuse_expression(Code::Column, root, "a field of a value: name a column");
        }
        self.expression(root);
        for link in chain {
            match link {
                AccessExpr::Dot(Expr::Identifier(ident)) => {
                    let name = ident.value.to_ascii_lowercase();
                    if crate::functions::is_unsafe(&name) {
                        self.refuse_ident(Code::Function, ident, format!("{name} behind a dot calls the function"));
                    }
                }
                AccessExpr::Dot(other) => self.unknown_form(other),
                AccessExpr::Subscript(Subscript::Index { index }) => self.expression(index),
                AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                    self.maybe(lower_bound.as_mut());
                    self.maybe(upper_bound.as_mut());
                    self.maybe(stride.as_mut());
                }
            }
        }
    }

    pub(super) fn window(&mut self, window: &mut WindowSpec) {
        let WindowSpec { window_name: _, partition_by, order_by, window_frame } = window;
        self.expressions(partition_by);
        self.order_expressions(order_by);
        let Some(frame) = window_frame else { return };
        for bound in [Some(&mut frame.start_bound), frame.end_bound.as_mut()].into_iter().flatten() {
            match bound {
                WindowFrameBound::CurrentRow => {}
                WindowFrameBound::Preceding(rows) | WindowFrameBound::Following(rows) => {
                    self.maybe(rows.as_deref_mut());
                }
            }
        }
    }

    fn check_doubling(&mut self, left: &Expr, right: &Expr) {
        if sizes::is_same_column(left, right) {
            self.grow(left);
        }
    }
}
