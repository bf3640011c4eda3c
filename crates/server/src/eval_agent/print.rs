//! A report for people.

use std::io::{StdoutLock, Write};

use millwright_agents::eval::{CaseReport, Comparison, MEASURES, Report, Share, Totals};

/// So much of a shown text is printed with a case that went wrong.
const SHOWN_CHARS: usize = 160;

pub(crate) fn table(report: &Report) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let totals = Totals::of(&report.cases);
    let models: Vec<&str> = report.models.iter().map(String::as_str).filter(|model| !model.is_empty()).collect();
    let failed = if totals.failed == 0 { String::new() } else { format!(", {} failed", totals.failed) };
    writeln!(out, "{} cases{failed}, answered by {}", totals.cases, models.join(", "))?;
    if models == [millwright_llm::EXTRACTIVE] {
        writeln!(out, "which is the built-in answerer: it quotes, and is no language model")?;
    }
    for (measure, of) in MEASURES {
        line(&mut out, &measure.replace('_', " "), of(&totals))?;
    }
    if !totals.by_kind.is_empty() {
        writeln!(out, "right, by kind:")?;
    }
    for (kind, share) in &totals.by_kind {
        line(&mut out, &format!("  {kind}"), *share)?;
    }
    let cost = totals.cost_micros as f64 / 1e6;
    writeln!(
        out,
        "{} steps, {} + {} tokens, {cost:.4} {}, p50 {} ms, p95 {} ms",
        totals.steps, totals.input_tokens, totals.output_tokens, report.currency, totals.p50_ms, totals.p95_ms
    )?;
    for case in report.cases.iter().filter(|case| !case.right || case.grounded < case.sentences) {
        writeln!(out, "{}: {}", case.id, what_went_wrong(case))?;
    }
    if let Some(comparison) = &report.comparison {
        differences(&mut out, comparison)?;
    }
    Ok(())
}

fn line(out: &mut StdoutLock<'_>, name: &str, share: Share) -> anyhow::Result<()> {
    let value = share.value().map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    writeln!(out, "{name:<24} {value:>6}  {} of {}", share.count, share.of)?;
    Ok(())
}

fn what_went_wrong(case: &CaseReport) -> String {
    let mut faults = Vec::new();
    faults.extend(case.failure.clone());
    if case.abstained && !case.unanswerable {
        faults.push("abstained".to_owned());
    } else if case.unanswerable && !case.abstained && case.failure.is_none() {
        faults.push("answered what the documents do not hold".to_owned());
    } else if !case.missing.is_empty() {
        faults.push(format!("without `{}`", case.missing.join("`, `")));
    }
    if !case.forbidden.is_empty() {
        faults.push(format!("says `{}`", case.forbidden.join("`, `")));
    }
    if case.grounded < case.sentences {
        faults.push(format!("{} of {} sentences do not stand", case.sentences - case.grounded, case.sentences));
    }
    let shown: String = case.shown.chars().take(SHOWN_CHARS).collect::<String>().replace('\n', " ");
    if !case.abstained && !shown.is_empty() {
        faults.push(format!("shown: {shown}"));
    }
    faults.join("; ")
}

fn differences(out: &mut StdoutLock<'_>, comparison: &Comparison) -> anyhow::Result<()> {
    let only = [("earlier", &comparison.only_before), ("this", &comparison.only_now)];
    writeln!(out, "\nagainst the earlier report, over the {} cases of both:", comparison.cases)?;
    for (which, ids) in only.iter().filter(|(_, ids)| !ids.is_empty()) {
        writeln!(out, "only in the {which} report: {}", ids.join(", "))?;
    }
    let figure =
        |figure: Option<f64>, digits: usize| figure.map_or_else(|| "–".to_owned(), |f| format!("{f:.digits$}"));
    let shares = comparison.quality.iter().map(|difference| (difference, 3));
    for (difference, digits) in shares.chain(comparison.spent.iter().map(|difference| (difference, 0))) {
        let (before, now) = (figure(difference.before, digits), figure(difference.now, digits));
        let change = difference.before.zip(difference.now).map_or(0.0, |(before, now)| now - before);
        let worse = if difference.worse { "  WORSE" } else { "" };
        let name = difference.measure.replace('_', " ");
        writeln!(out, "{name:<24} {before:>8} → {now:>8} {change:>+9.digits$}{worse}")?;
    }
    for (word, ids) in [("lost", &comparison.lost), ("won", &comparison.won)] {
        if !ids.is_empty() {
            writeln!(out, "{word}: {}", ids.join(", "))?;
        }
    }
    let worse: Vec<String> = comparison.worse().map(|difference| difference.measure.replace('_', " ")).collect();
    let margin = comparison.margin;
    match worse.as_slice() {
        [] => writeln!(out, "no measure of quality fell by more than {margin}")?,
        worse => writeln!(out, "fell by more than {margin}: {}", worse.join(", "))?,
    }
    Ok(())
}
