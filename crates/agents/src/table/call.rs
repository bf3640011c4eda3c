//! A call as a model writes it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The most rows of an answer.
pub(crate) const MAX_ROWS_SHOWN: usize = 50;
/// So many where nothing else is asked for.
const ROWS_SHOWN: usize = 20;
/// So many conditions, columns to group by and figures.
const MAX_PARTS: usize = 6;
const MAX_NAME_CHARS: usize = 200;

/// What is asked of a table. Without figures, groups and conditions it is for the document's tables and their columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableCall {
    /// Index of a passage of the document.
    pub(crate) of: usize,
    /// Its number or heading.
    pub(crate) table: Option<String>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) group_by: Vec<String>,
    pub(crate) aggregates: Vec<Aggregate>,
    pub(crate) order_by: Option<Order>,
    /// At most so many rows, where that is said.
    pub(crate) limit: Option<u8>,
}

/// What a row has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Condition {
    pub(crate) column: String,
    pub(crate) op: Op,
    pub(crate) value: String,
}

/// How a cell is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Op {
    #[serde(rename = "=")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    AtLeast,
    #[serde(rename = "contains")]
    Contains,
    #[serde(rename = "unit")]
    Unit,
}

impl Op {
    pub(crate) const ALL: [Self; 8] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::AtMost,
        Self::Greater,
        Self::AtLeast,
        Self::Contains,
        Self::Unit,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Contains => "contains",
            Self::Unit => "unit",
        }
    }
}

/// What is computed over the rows of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Aggregate {
    pub(crate) function: Function,
    /// None only of a count: of rows.
    pub(crate) column: Option<String>,
}

/// How figures are made of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Function {
    /// Of rows, or of cells that are not empty.
    Count,
    Sum,
    Mean,
    Min,
    Max,
    Median,
    /// How many different values there are.
    Distinct,
}

impl Function {
    pub(crate) const ALL: [Self; 7] =
        [Self::Count, Self::Sum, Self::Mean, Self::Min, Self::Max, Self::Median, Self::Distinct];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Median => "median",
            Self::Distinct => "distinct",
        }
    }

    /// Of a column, or of rows.
    pub(crate) fn of(self, column: Option<&str>) -> String {
        format!("{} of {}", self.as_str(), column.unwrap_or("rows"))
    }
}

/// What comes first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// A column of the answer.
    pub(crate) column: String,
    #[serde(default)]
    pub(crate) descending: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableArguments {
    pub(crate) passage: usize,
    table: Option<Scalar>,
    #[serde(default, rename = "where")]
    conditions: Vec<ConditionArgument>,
    #[serde(default)]
    group_by: Vec<String>,
    #[serde(default)]
    aggregates: Vec<AggregateArgument>,
    order_by: Option<Order>,
    limit: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionArgument {
    column: String,
    op: Op,
    value: Scalar,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AggregateArgument {
    #[serde(rename = "fn")]
    function: Function,
    column: Option<String>,
}

/// Models write `3` and `"3"` for the same.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

impl TableCall {
    /// Reads arguments; `of` is the passage that they name.
    ///
    /// # Errors
    /// What is wrong with them, in our own words.
    pub(crate) fn read(arguments: TableArguments, of: usize) -> Result<Self, String> {
        let TableArguments { passage: _, table, conditions, group_by, aggregates, order_by, limit } = arguments;
        for (name, count) in
            [("where", conditions.len()), ("group_by", group_by.len()), ("aggregates", aggregates.len())]
        {
            if count > MAX_PARTS {
                return Err(format!("`{name}` takes at most {MAX_PARTS}, and has {count}"));
            }
        }
        if limit.is_some_and(|limit| limit == 0 || usize::from(limit) > MAX_ROWS_SHOWN) {
            return Err(format!("`limit` is 1 to {MAX_ROWS_SHOWN}"));
        }
        if aggregates.iter().any(|one| one.column.is_none() && one.function != Function::Count) {
            return Err("only `count` goes without a `column`".to_owned());
        }
        if !group_by.is_empty() && aggregates.is_empty() {
            return Err("`group_by` needs `aggregates`, such as {\"fn\": \"count\"}".to_owned());
        }
        let condition = |ConditionArgument { column, op, value }| {
            Ok::<_, String>(Condition { column: named(&column)?, op, value: named(&value.text())? })
        };
        let aggregate = |AggregateArgument { function, column }| {
            Ok::<_, String>(Aggregate { function, column: column.as_deref().map(named).transpose()? })
        };
        let order = |order: Order| Ok::<_, String>(Order { column: named(&order.column)?, ..order });
        Ok(Self {
            of,
            table: table.map(|table| named(&table.text())).transpose()?,
            conditions: conditions.into_iter().map(condition).collect::<Result<_, _>>()?,
            group_by: group_by.iter().map(|column| named(column)).collect::<Result<_, _>>()?,
            aggregates: aggregates.into_iter().map(aggregate).collect::<Result<_, _>>()?,
            order_by: order_by.map(order).transpose()?,
            limit,
        })
    }

    /// Whether it only asks what tables there are.
    pub(crate) fn is_overview(&self) -> bool {
        self.conditions.is_empty() && self.aggregates.is_empty() && self.order_by.is_none() && self.limit.is_none()
    }

    pub(crate) fn most(&self) -> usize {
        self.limit.map_or(ROWS_SHOWN, usize::from)
    }

    /// All columns that it names of the table, without where rows are ordered by what is computed.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        let conditions = self.conditions.iter().map(|condition| condition.column.as_str());
        let aggregates = self.aggregates.iter().filter_map(|one| one.column.as_deref());
        conditions.chain(self.group_by.iter().map(|name| part_of(name).1)).chain(aggregates)
    }

    /// With this done to each text of a person's.
    pub(crate) fn map(self, change: impl Fn(&str) -> String) -> Self {
        let condition = |one: Condition| Condition { column: change(&one.column), value: change(&one.value), ..one };
        let aggregate = |one: Aggregate| Aggregate { column: one.column.as_deref().map(&change), ..one };
        Self {
            table: self.table.as_deref().map(&change),
            conditions: self.conditions.into_iter().map(condition).collect(),
            group_by: self.group_by.iter().map(|name| change(name)).collect(),
            aggregates: self.aggregates.into_iter().map(aggregate).collect(),
            order_by: self.order_by.map(|order| Order { column: change(&order.column), ..order }),
            ..self
        }
    }

    /// As it is shown and kept.
    pub(crate) fn arguments(&self) -> Value {
        let mut shown = json!({ "passage": self.of + 1 });
        let conditions: Vec<Value> = self.conditions.iter().map(|one| json!(one)).collect();
        let aggregate = |one: &Aggregate| match &one.column {
            Some(column) => json!({ "fn": one.function, "column": column }),
            None => json!({ "fn": one.function }),
        };
        let aggregates: Vec<Value> = self.aggregates.iter().map(aggregate).collect();
        let order = self.order_by.as_ref().map(|one| json!({ "column": one.column, "descending": one.descending }));
        let parts = [
            ("table", self.table.as_ref().map(|table| json!(table))),
            ("where", (!conditions.is_empty()).then(|| json!(conditions))),
            ("group_by", (!self.group_by.is_empty()).then(|| json!(self.group_by))),
            ("aggregates", (!aggregates.is_empty()).then(|| json!(aggregates))),
            ("order_by", order),
            ("limit", self.limit.map(|limit| json!(limit))),
        ];
        for (name, part) in parts {
            if let Some(part) = part {
                shown[name] = part;
            }
        }
        shown
    }
}

/// By which part of a day rows are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Month,
    Year,
}

/// `month of Date` names a part of a column's days.
pub(super) fn part_of(name: &str) -> (Part, &str) {
    for (words, part) in [("month of ", Part::Month), ("year of ", Part::Year)] {
        if let Some(column) = name.get(..words.len()).filter(|begins| begins.eq_ignore_ascii_case(words)) {
            return (part, name[column.len()..].trim());
        }
    }
    (Part::Whole, name)
}

/// The names of a month, from 1, in English and German.
pub(crate) fn month_names(month: u32) -> &'static [&'static str] {
    const NAMES: [&[&str]; 12] = [
        &["January", "Januar", "Jänner"],
        &["February", "Februar"],
        &["March", "März"],
        &["April"],
        &["May", "Mai"],
        &["June", "Juni"],
        &["July", "Juli"],
        &["August"],
        &["September"],
        &["October", "Oktober"],
        &["November"],
        &["December", "Dezember"],
    ];
    month.checked_sub(1).and_then(|at| NAMES.get(at as usize)).copied().unwrap_or_default()
}

fn named(text: &str) -> Result<String, String> {
    let text = text
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if text.is_empty() || text.chars().count() > MAX_NAME_CHARS {
        return Err(format!("names of columns, tables and values have 1 to {MAX_NAME_CHARS} characters"));
    }
    Ok(text)
}
