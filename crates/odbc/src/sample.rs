//! The small MES of `samples/mes`, as statements. This crate carries none of them out: it only reads.

use std::fmt::Write as _;

use chrono::{Days, NaiveDate};
use csv::{ReaderBuilder, StringRecord};

use crate::Dialect;

const SCHEMA: &str = include_str!("../../../samples/mes/schema.sql");
const WORK_ORDERS: &str = include_str!("../../../samples/mes/work-orders.csv");

/// Rows of one INSERT.
const ROWS: usize = 200;

/// Creates the tables and views, with comments where the database keeps them, and fills them. In this order, one at a time.
pub fn statements(dialect: &Dialect) -> Vec<String> {
    let mut all = Vec::new();
    for definition in SCHEMA.split(";\n").map(str::trim).filter(|definition| !definition.is_empty()) {
        match dialect {
            Dialect::Postgres => {
                all.push(definition.to_owned());
                all.extend(comments(definition));
            }
            Dialect::MariaDb | Dialect::MySql => all.push(commented(definition)),
            _ => all.push(definition.to_owned()),
        }
    }
    let orders = work_orders();
    insert(&mut all, dialect, "equipment", &equipment(&orders));
    insert(&mut all, dialect, "work_orders", &orders.iter().map(Order::row).collect::<Vec<_>>());
    insert(&mut all, dialect, "operations", &orders.iter().flat_map(Order::operations).collect::<Vec<_>>());
    insert(&mut all, dialect, "downtime_reasons", &REASONS.iter().map(Reason::row).collect::<Vec<_>>());
    insert(&mut all, dialect, "downtime_events", &orders.iter().filter_map(Order::downtime).collect::<Vec<_>>());
    insert(&mut all, dialect, "material_lots", &lots());
    insert(&mut all, dialect, "measurements", &measurements());
    all
}

/// A line of a definition: what stands before `--`, and what after it.
fn parts(line: &str) -> (&str, Option<&str>) {
    line.split_once("--").map_or((line, None), |(before, remark)| (before.trim_end(), Some(remark.trim())))
}

/// `TABLE equipment` or `VIEW …`.
fn what(definition: &str) -> (&str, &str) {
    let mut words = definition.split_whitespace().skip(1);
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

fn comments(definition: &str) -> Vec<String> {
    let (kind, name) = what(definition);
    let comment = |line: &str| {
        let (before, remark) = parts(line);
        let of = match before.split_whitespace().next() {
            Some(column) => format!("COLUMN {name}.{column}"),
            None => format!("{kind} {name}"),
        };
        remark.map(|remark| format!("COMMENT ON {of} IS {}", quoted(remark)))
    };
    definition.lines().filter_map(comment).collect()
}

fn commented(definition: &str) -> String {
    let (mut made, mut of_table) = (String::new(), None);
    for line in definition.lines() {
        match parts(line) {
            (before, Some(remark)) if before.trim().is_empty() => of_table = Some(remark),
            (before, Some(remark)) => {
                let (column, comma) = before.strip_suffix(',').map_or((before, ""), |column| (column, ","));
                _ = writeln!(made, "{column} COMMENT {}{comma}", quoted(remark));
            }
            (line, None) => _ = writeln!(made, "{line}"),
        }
    }
    match of_table {
        Some(remark) if what(definition).0 == "TABLE" => format!("{} COMMENT = {}", made.trim_end(), quoted(remark)),
        _ => made,
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn insert(all: &mut Vec<String>, dialect: &Dialect, table: &str, rows: &[String]) {
    for rows in rows.chunks(ROWS) {
        let mut rows = rows.join(",\n");
        if matches!(dialect, Dialect::MariaDb | Dialect::MySql) {
            rows = rows.replace('\\', "\\\\");
        }
        all.push(format!("INSERT INTO {table} VALUES\n{rows}"));
    }
}

struct Order {
    id: usize,
    opened_on: NaiveDate,
    asset: String,
    text: String,
    code: String,
    cost: String,
}

/// By their line in the file, the first being 1.
fn work_orders() -> Vec<Order> {
    let order = |(number, record): (usize, Result<StringRecord, csv::Error>)| {
        let record = record.ok()?;
        let field = |index: usize| record.get(index).unwrap_or_default().trim().to_owned();
        let (opened_on, code, cost) = (field(0).parse().ok()?, field(3), field(4));
        let is_code = code.len() == 4 && code.starts_with("PM") && cost.parse::<f64>().is_ok();
        is_code.then(|| Order { id: number + 1, opened_on, asset: field(1), text: field(2), code, cost })
    };
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(WORK_ORDERS.as_bytes());
    reader.records().enumerate().filter_map(order).collect()
}

impl Order {
    fn equipment(&self) -> String {
        format!("EX-{}", self.asset)
    }

    fn row(&self) -> String {
        let Self { id, opened_on, code, cost, .. } = self;
        format!("({id}, '{}', '{opened_on}', '{code}', {}, {cost}, 'nist')", self.equipment(), quoted(&self.text))
    }

    fn hours(&self) -> f64 {
        // A made-up rate: 120 of whatever the cost is in, and at most two days.
        (self.cost.parse::<f64>().unwrap_or_default() / 120.0).clamp(0.5, 48.0)
    }

    fn operations(&self) -> Vec<String> {
        let hours = self.hours();
        let steps = [
            (10, "Make safe and inspect", hours * 0.2),
            (20, "Carry out the work", hours * 0.7),
            (30, "Test and hand over", hours * 0.1),
        ];
        steps.map(|(step, what, hours)| format!("({}, {step}, '{what}', {hours:.2}, 'generated')", self.id)).to_vec()
    }

    /// A corrective order that cost something ended a stop.
    fn downtime(&self) -> Option<String> {
        if self.code != "PM01" || self.cost == "0" {
            return None;
        }
        let text = self.text.to_ascii_uppercase();
        let reason = REASONS.iter().find(|reason| reason.words.iter().any(|word| text.contains(word)));
        let code = reason.map_or("OTHER", |reason| reason.code);
        let (hour, minute) = (self.id * 7 % 24, self.id * 13 % 60);
        let minutes = (self.hours() * 60.0).round();
        let Self { id, opened_on, .. } = self;
        Some(format!(
            "({id}, '{}', {id}, '{code}', '{opened_on} {hour:02}:{minute:02}:00', {minutes}, 'generated')",
            self.equipment()
        ))
    }
}

struct Reason {
    code: &'static str,
    description: &'static str,
    /// Of texts of orders that it is given to.
    words: &'static [&'static str],
}

const REASONS: &[Reason] = &[
    Reason {
        code: "BUCKET",
        description: "Bucket, teeth and pins",
        words: &["BUCKET", "TOOTH", "TEETH", "ADAPTER", "SHROUD"],
    },
    Reason {
        code: "HYDRAULIC",
        description: "Hydraulic system",
        words: &["HYD", "HOSE", "CYL", "PUMP", "LEAK", "OIL"],
    },
    Reason {
        code: "ENGINE",
        description: "Engine and cooling",
        words: &["ENG", "FUEL", "RADIATOR", "COOLANT", "TURBO", "FAN"],
    },
    Reason {
        code: "TRACK",
        description: "Tracks and undercarriage",
        words: &["TRACK", "ROLLER", "IDLER", "SPROCKET", "SHOE"],
    },
    Reason {
        code: "ELECTRIC",
        description: "Electrics and lights",
        words: &["LIGHT", "ELEC", "BATTERY", "ALTERNATOR", "WIR", "LAMP"],
    },
    Reason {
        code: "CAB",
        description: "Cab, climate and access",
        words: &["CAB", "A/C", "AIR CON", "DOOR", "SEAT", "WINDOW", "WIPER", "STEP"],
    },
    Reason { code: "OTHER", description: "Another reason", words: &[] },
];

impl Reason {
    fn row(&self) -> String {
        format!("('{}', '{}', 0)", self.code, self.description)
    }
}

fn equipment(orders: &[Order]) -> Vec<String> {
    let mut assets: Vec<_> = orders.iter().map(|order| order.asset.as_str()).collect();
    assets.sort_unstable();
    assets.dedup();
    let mut rows = vec![
        "('SITE-1', NULL, 'site', 'Mine', 'generated')".to_owned(),
        "('PIT-1', 'SITE-1', 'area', 'Pit 1', 'generated')".to_owned(),
    ];
    rows.extend(
        assets.iter().map(|asset| format!("('EX-{asset}', 'PIT-1', 'work_unit', 'Excavator {asset}', 'nist')")),
    );
    rows
}

fn lots() -> Vec<String> {
    const MATERIALS: [(&str, &str, u32); 4] = [
        ("Bucket tooth", "pcs", 3),
        ("Hydraulic hose 1 in", "pcs", 5),
        ("Hydraulic oil ISO 46", "l", 207),
        ("Grease EP 2", "kg", 18),
    ];
    let lot = |number: u32| {
        let (material, unit, quantity) = MATERIALS[number as usize % MATERIALS.len()];
        let received = day(2012, u64::from(number) * 3);
        format!(
            "('LOT-{number:04}', '{material}', {}.{:03}, '{unit}', '{received}', 'generated')",
            quantity + number % 7,
            number * 37 % 1000
        )
    };
    (1..=40).map(lot).collect()
}

fn measurements() -> Vec<String> {
    let mut rows = Vec::new();
    for (place, asset) in (0_u64..).zip(["A", "B", "C", "D", "E"]) {
        for hour in 0..24 * 14_u64 {
            let (date, hour_of_day) = (day(2012, 330 + hour / 24), hour % 24);
            let wave = (hour * 31 + place * 17) % 97;
            for (quantity, unit, base) in [("oil temperature", "degC", 62_000), ("hydraulic pressure", "bar", 285_000)]
            {
                let reading = base + wave * 113;
                let (whole, thousandths) = (reading / 1000, reading % 1000);
                rows.push(format!(
                    "('EX-{asset}', '{quantity}', '{date} {hour_of_day:02}:00:00', {whole}.{thousandths:03}, '{unit}', 'generated')"
                ));
            }
        }
    }
    rows
}

fn day(year: i32, number: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default() + Days::new(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_file_is_loaded_but_its_one_broken_row() {
        let orders = work_orders();
        assert_eq!(WORK_ORDERS.lines().count() - 1, 2742);
        assert_eq!(orders.len(), 2741);
    }

    #[test]
    fn each_database_keeps_the_comments_in_its_own_way() {
        let of = |dialect| statements(&dialect).join(";\n");
        assert!(of(Dialect::Postgres).contains("COMMENT ON COLUMN work_orders.cost IS 'In the currency of the site'"));
        assert!(of(Dialect::Postgres).contains("COMMENT ON VIEW work_order_costs IS "));
        assert!(of(Dialect::MariaDb).contains("cost DECIMAL(12,2) NOT NULL COMMENT 'In the currency of the site',"));
        assert!(of(Dialect::Sqlite).contains("-- In the currency of the site"));
    }
}
