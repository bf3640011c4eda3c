//! The tools as models are told of them.

use millwright_llm::provider::ToolDefinition;
use serde_json::{Value, json};

use super::{ASK, CALCULATE, DATE, FIND, MAX_DATE_CHARS, MAX_TEXT_CHARS, OPEN, READ_ON, SEARCH, TABLE, THINK};
use crate::{
    compute, person,
    table::{Function, MAX_ROWS_SHOWN, Op},
    thinking::Thinking,
};

/// The tools as a model is told of them.
pub(crate) fn definitions() -> Vec<ToolDefinition> {
    let passage = json!({ "type": "integer", "minimum": 1, "description": "The number of a passage you were given." });
    let text = |what: &str| json!({ "type": "string", "maxLength": MAX_TEXT_CHARS, "description": what });
    let tool = |name: &str, description: &str, properties: Value, required: &[&str]| ToolDefinition {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters: json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        }),
        strict: false,
    };
    vec![
        tool(
            SEARCH,
            "Searches all documents that the person may read. Use other words than the question, or a part of it.",
            json!({ "query": text("What to look for, in words or as a part number.") }),
            &["query"],
        ),
        tool(
            OPEN,
            "Shows the table of contents of the document that a passage is from, and the beginning of the document or of one page.",
            json!({ "passage": passage, "page": { "type": "integer", "minimum": 1, "description": "A page number; leave out for the beginning." } }),
            &["passage"],
        ),
        tool(
            READ_ON,
            "Shows what stands right after a passage in its document, or right before it.",
            json!({ "passage": passage, "direction": { "type": "string", "enum": ["after", "before"] } }),
            &["passage"],
        ),
        tool(
            FIND,
            "Finds a word, a number or a phrase in the document that a passage is from, as it is written there.",
            json!({ "passage": passage, "text": text("What stands in the document.") }),
            &["passage", "text"],
        ),
        tool(TABLE, ABOUT_TABLE, table(&passage), &["passage"]),
        tool(
            CALCULATE,
            ABOUT_CALCULATE,
            json!({ "expression": {
                "type": "string",
                "maxLength": compute::MAX_EXPRESSION_CHARS,
                "description": "Numbers with units, without separators of thousands: 1.5 or 1,5, and 1000.",
            } }),
            &["expression"],
        ),
        tool(
            DATE,
            "Computes with dates: `date` and `add` with `unit` give the date so far away; `date` and `until` give the days between; `date` alone \
             its weekday. Operating days are Monday to Friday. The date or the interval has to stand in a passage; say `due` where the date has one \
             too.",
            json!({
                "date": { "type": "string", "maxLength": MAX_DATE_CHARS, "description": "2026-03-31, 31.03.2026, or today: the day on which the question was asked (UTC)." },
                "add": { "type": "integer", "description": "How many; negative for before." },
                "unit": { "type": "string", "enum": ["days", "weeks", "months", "years", "operating_days"] },
                "until": { "type": "string", "maxLength": MAX_DATE_CHARS, "description": "Another date, as above." },
            }),
            &["date"],
        ),
        tool(
            THINK,
            "Has several others look at the question and the passages before you answer, once. Ask for it where a wrong answer would be \
             dangerous or costly, or where the passages pull in different directions: `red_team` looks for what is wrong with an answer, \
             `first_principles` tells what is known from what is assumed, `council` hears the roles of the plant.",
            json!({ "method": { "type": "string", "enum": Thinking::ALL.map(Thinking::as_str) } }),
            &["method"],
        ),
        tool(
            ASK,
            "Asks the person one short question and waits for their answer. Only where the answer depends on something that they know and \
             no document says: which machine, size or situation they mean. Not for what can be searched for, and not for a confirmation.",
            question(),
            &["question"],
        ),
    ]
}

const ABOUT_CALCULATE: &str = "Computes with numbers and units, exactly. Write every number with the unit it has in its passage, and say the unit of the \
             result: `1.5 bar + 200 mbar to psi`, `25 g * 4`, `3 l/min * 2 h to l`, `tau * 50 Nm * 1450 1/min to kW`, \
             `mean(2 bar; 3 bar)`, `80 °C to °F`. There are + - * / ^ ( ), sum, mean, sqrt, ceil, floor, circle (area by diameter), pi, tau. \
             Nm is newton metre; a difference of temperatures is in K. Use each number as often as it stands in the passage, and none that \
             stands nowhere. In the sentence, keep to the passage that has these numbers, say each of them that is in another sentence, and \
             say `in total`, `on average` or `difference` where the result could be taken for one of them.";

const ABOUT_TABLE: &str = "Filters, groups and counts up all rows of a table in the document that a passage is from, exactly: use it for every sum, mean, \
     count, highest or lowest over rows, and never add up rows yourself. With `passage` alone it says which tables there are, with their \
     columns. `group_by` also takes `month of <column>` and `year of <column>`. Without `aggregates` it lists the rows that match. In the \
     answer, say one row of the result a sentence: the figure with its unit, the value of each group and condition, the names of the \
     columns, and what was done (`in total`, `on average`, `the longest`). What it was made of is then shown beside the sentence.";

/// The arguments of the tool for tables.
fn table(passage: &Value) -> Value {
    let column = |what: &str| json!({ "type": "string", "maxLength": 200, "description": what });
    let list = |items: Value| json!({ "type": "array", "maxItems": 6, "items": items });
    let object = |properties: Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    json!({
        "passage": passage,
        "table": column("Its number or heading, where the document has several."),
        "where": list(object(
            json!({
                "column": column("The name of a column."),
                "op": { "type": "string", "enum": Op::ALL.map(Op::as_str) },
                "value": column("A number without separators of thousands, words, or a date: 2026-03-31, 2026-03, 2026."),
            }),
            &["column", "op", "value"],
        )),
        "group_by": list(column("The name of a column.")),
        "aggregates": list(object(
            json!({
                "fn": { "type": "string", "enum": Function::ALL.map(Function::as_str) },
                "column": column("The name of a column; leave out to count rows."),
            }),
            &["fn"],
        )),
        "order_by": object(
            json!({ "column": column("A column of the result, such as `sum of Hours`."), "descending": { "type": "boolean" } }),
            &["column"],
        ),
        "limit": { "type": "integer", "minimum": 1, "maximum": MAX_ROWS_SHOWN },
    })
}

/// The arguments of a question to the person.
fn question() -> Value {
    json!({
        "question": { "type": "string", "maxLength": person::MAX_QUESTION_CHARS, "description": "In the language of the person." },
        "options": {
            "type": "array",
            "maxItems": person::MAX_OPTIONS,
            "items": { "type": "string", "maxLength": person::MAX_OPTION_CHARS },
            "description": "What they may choose from, as the passages name it; leave out where they have to write.",
        },
    })
}
