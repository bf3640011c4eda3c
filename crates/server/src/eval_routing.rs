//! Prints how well the choice of models spends a strong model.

use std::io::Write;

use millwright_routing::{
    MODEL_DIGEST,
    eval::{Figures, Report},
};

/// What cross-validation found when the weights were trained, by `xtask train routing`.
const HELD_OUT: &str = include_str!("../../routing/models/held-out.txt");

/// What RouteLLM published of its best router (paper, arXiv 2406.18665v4; as quoted in the data's README). The sample's MT-Bench rows are
/// 48 of 160, so its figures lie beside ours for orientation only.
const PUBLISHED: &str = "RouteLLM's best router, as published: MT Bench APGR 0.802, CPT(50 %) 0.134, CPT(80 %) 0.313; MMLU: cost saving at \
    CPT(50 %) 1.41 times; GSM8K: no figure could be had";

/// A table for people.
pub(crate) fn print(report: &Report) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    writeln!(
        out,
        "Scored by the weights that ship ({}), without an embedding.",
        MODEL_DIGEST.get(..12).unwrap_or_default()
    )?;
    writeln!(out, "{:<12} {:>6} {:>8} {:>9} {:>9}", "benchmark", "n", "APGR", "CPT(50%)", "CPT(80%)")?;
    for (name, figures) in &report.by_benchmark {
        writeln!(
            out,
            "{name:<12} {:>6} {:>8} {:>9} {:>9}",
            figures.n,
            show(figures.apgr),
            show(figures.cpt50),
            show(figures.cpt80)
        )?;
    }
    writeln!(out, "{:<12} {:>6} {:>8} {:>9} {:>9}", "random", "", "0.500", "0.500", "0.800")?;
    writeln!(out, "{PUBLISHED}")?;
    for (name, figures) in &report.by_benchmark {
        curve(&mut out, name, figures)?;
    }
    writeln!(
        out,
        "\nThe public sample took part in training: on it the figures above are IN-SAMPLE and flatter. HELD OUT, when it was trained:"
    )?;
    write!(out, "{HELD_OUT}")?;
    Ok(())
}

fn curve(out: &mut impl Write, name: &str, figures: &Figures) -> std::io::Result<()> {
    write!(out, "\n{name}: share of the strong model ")?;
    for (share, _) in &figures.curve {
        write!(out, "{share:>6.2}")?;
    }
    write!(out, "\n{name}: share of its advantage   ")?;
    for (_, gained) in &figures.curve {
        write!(out, "{gained:>6.2}")?;
    }
    writeln!(out)
}

fn show(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.3}"))
}
