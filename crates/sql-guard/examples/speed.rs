//! How many verdicts a second one core gives, in processor time: `cargo run --release -p millwright-sql-guard --example speed`.
//!
//! A SELECT of 335 characters as models write them, with and without a limit of its own; and hostile texts, which must not take longer than
//! their length explains. `scripts/bench-sql-guard.sh` sets sqlglot beside it.
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::hint::black_box;

use millwright_sql_guard::{Dialect, Guard, Policy};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SELECT: &str = "SELECT w.order_id, w.status, m.name, SUM(p.quantity) AS total, AVG(p.cycle_seconds) AS cycle FROM work_orders w \
    JOIN machines m ON m.id = w.machine_id LEFT JOIN production p ON p.order_id = w.order_id WHERE w.plant = 'A1' AND p.finished_at >= \
    '2026-01-01' GROUP BY w.order_id, w.status, m.name HAVING SUM(p.quantity) > 100 ORDER BY total DESC LIMIT 50";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let own_limit = SELECT.to_owned();
    let without = SELECT.trim_end_matches(" LIMIT 50").to_owned();
    if std::env::args().nth(1).as_deref() == Some("--print-statement") {
        println!("{SELECT}");
        return Ok(());
    }
    let narrow = Policy::parse(
        "columns: {work_orders: [order_id, status, machine_id, plant], machines: [id, name], production: [order_id, quantity, cycle_seconds, finished_at]}",
        Dialect::Postgres,
    )?;
    let open = Policy::allow_all(Dialect::Postgres);
    measure("all tables, its own limit", &open, &own_limit);
    measure("all tables, limit put in", &open, &without);
    measure("columns by list, its own limit", &narrow, &own_limit);
    measure("SQL Server, TOP put in", &Policy::allow_all(Dialect::SqlServer), &without);
    let hostile = [
        ("64 KB of parentheses", "(".repeat(65_536)),
        ("64 KB of a string", format!("SELECT '{}'", "a".repeat(65_500))),
        ("16 KB of parentheses", "(".repeat(16_000)),
        ("16 KB of OR", format!("SELECT 1 WHERE {}1", "a=1 OR ".repeat(2_280))),
        ("16 KB of a list", format!("SELECT 1 WHERE a IN ({}1)", "1,".repeat(8_000))),
        ("8 KB of a list", format!("SELECT 1 WHERE a IN ({}1)", "1,".repeat(4_000))),
        ("16 KB of columns", format!("SELECT {}a", "t.a,".repeat(4_000))),
        ("16 KB of CASE", "CASE WHEN ".repeat(1_600)),
        ("16 KB of names", format!("SELECT {}", "a.".repeat(8_000))),
        ("16 KB of quotes", format!("SELECT {}", "''".repeat(8_000))),
        ("16 KB of casts", format!("SELECT 1{}", "::int".repeat(3_200))),
        ("30 sub-selects", format!("{}SELECT 1{}", "SELECT * FROM (".repeat(30), ") x".repeat(30))),
        ("30 parentheses in FROM", format!("SELECT * FROM {}t{}", "(".repeat(30), ")".repeat(30))),
        ("30 calls that do not end", format!("SELECT {}", "f(".repeat(30))),
        ("30 intervals", format!("SELECT {}1", "interval ".repeat(30))),
        ("joins", format!("SELECT 1 FROM a{}", " JOIN b ON b.x = a.x".repeat(700))),
    ];
    let guard = Guard::new(open);
    for (name, text) in hostile {
        let mut best = f64::MAX;
        for _ in 0..5 {
            let begun = processor_seconds();
            black_box(guard.read(&text));
            best = best.min(processor_seconds() - begun);
        }
        println!("hostile: {name:<28} {:>6} bytes {:>9.1} µs", text.len(), best * 1e6);
    }
    Ok(())
}

/// Time that this process had of a core: other work on the machine does not count.
fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn measure(name: &str, policy: &Policy, sql: &str) {
    let guard = Guard::new(policy.clone());
    assert!(guard.read(sql).allowed().is_some(), "{:?}", guard.read(sql));
    let mut rates: Vec<f64> = (0..15)
        .map(|_| {
            let begun = processor_seconds();
            for _ in 0..4_000 {
                black_box(guard.read(black_box(sql)));
            }
            4_000.0 / (processor_seconds() - begun)
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    println!("{name:<32} {:>4} characters: {:>8.0} verdicts/s at best, {:>8.0} median", sql.len(), rates[14], rates[7]);
}
