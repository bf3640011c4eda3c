//! Trains the model that judges how much model a request deserves, and measures it on rows it has not seen.

mod forest;
mod learn;
mod prior;
mod report;
mod ridge;
mod rows;

use std::{fs, io::Write, path::PathBuf};

use anyhow::Context;
use millwright_routing::{features::Prompt, model::Model};

/// What `train routing` needs.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The labelled prompts, JSON lines.
    #[arg(long)]
    data: PathBuf,
    /// Where the model goes; its digest and the held-out figures go beside it. Without: only measure.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Everything random comes from it.
    #[arg(long, default_value_t = 20_261)]
    seed: u64,
    /// Divisions into folds that are measured.
    #[arg(long, default_value_t = 4)]
    seeds: u64,
}

/// Measures on held-out rows, then trains on everything and writes the model.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let rows = rows::read(&options.data)?;
    let names: Vec<&'static str> = Prompt::new("").dense().into_iter().map(|(name, _)| name).collect();
    let (figures, scores) = report::cross_validated(&rows, &names, options)?;
    std::io::stdout().write_all(figures.as_bytes())?;
    let Some(out) = &options.out else { return Ok(()) };
    let all: Vec<&rows::Row> = rows.iter().collect();
    let mut model = learn::learn(&all, &names, options.seed);
    let of = |choice: bool| {
        rows.iter().zip(&scores).filter(move |(row, _)| row.is_choice == choice).map(|(_, score)| *score)
    };
    model.choice.quantiles = quantiles(of(true).collect());
    model.open.quantiles = quantiles(of(false).chain(everyday(&model, of(false).count())).collect());
    report::times(&rows, &model);
    let bytes = model.to_bytes();
    fs::write(out, &bytes).context("the model")?;
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&bytes));
    fs::write(out.with_file_name("held-out.txt"), figures).context("the figures")?;
    fs::write(out.with_extension("sha256"), digest + "\n").context("the digest")?;
    Ok(())
}

/// Questions as they are asked every day. They have no labels: they only show what is usual.
const QUESTIONS: [&str; 2] = [
    include_str!("../../../policy/tests/fixtures/injection_questions.txt"),
    include_str!("../../../policy/tests/fixtures/injection_questions_untuned.txt"),
];

/// Raw scores of so many everyday questions, again from the first when there are no more. Among word problems alone, everything that
/// is asked at work would rank lowest.
fn everyday(model: &Model, count: usize) -> Vec<f32> {
    let questions: Vec<&str> = QUESTIONS.iter().flat_map(|text| text.lines()).filter(|line| !line.is_empty()).collect();
    let score = |question: &&str| {
        let prompt = Prompt::new(question);
        let values: Vec<f32> = prompt.dense().into_iter().map(|(_, value)| value).collect();
        model.open.raw(&prompt, &values, None).score
    };
    questions.iter().map(score).cycle().take(count).collect()
}

/// Scores at equal shares, from the least to the most.
fn quantiles(mut scores: Vec<f32>) -> Vec<f32> {
    const STEPS: usize = 100;
    scores.sort_by(f32::total_cmp);
    let last = scores.len().saturating_sub(1);
    (0..=STEPS).filter_map(|step| scores.get(last * step / STEPS).copied()).collect()
}
