//! Trains the classifier for prompt injection, and measures it on sources it has not seen.

mod corpus;
mod disguise;
mod generate;
mod grammar;
mod random;
mod report;
mod train;

use std::{fs, path::PathBuf};

use anyhow::Context;
use millwright_policy::injection::{Channel, Model, eval::Record};

use self::{
    corpus::Corpus,
    generate::{Document, Generator, UserText},
    train::Example,
};

/// What `train injection` needs.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The labelled rows, in a folder beside the other data.
    #[arg(long)]
    data: PathBuf,
    /// Where the model goes.
    #[arg(long)]
    out: PathBuf,
    /// Everything random comes from it.
    #[arg(long, default_value_t = 20_251)]
    seed: u64,
    /// Texts of each channel and label from the grammar.
    #[arg(long, default_value_t = 11_000)]
    texts: usize,
    /// Only measure, do not write the model.
    #[arg(long)]
    measure_only: bool,
    /// Print the mistakes on held-out sources.
    #[arg(long)]
    mistakes: bool,
}

/// Measures on held-out sources, then trains on everything and writes the model.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let corpus = Corpus::read(&options.data)?;
    let examples = Examples::new(&corpus, options);
    let thresholds = report::held_out(&corpus, &examples, options);
    if options.measure_only {
        return Ok(());
    }
    let user = train::train(&examples.user.iter().collect::<Vec<_>>(), Channel::User, options.seed);
    let content = train::train(&examples.content.iter().collect::<Vec<_>>(), Channel::Content, options.seed);
    let model = Model { user: user.head(thresholds.0), content: content.head(thresholds.1) };
    fs::write(&options.out, model.to_bytes()).context("the model")?;
    report::shipped(&corpus, &model);
    Ok(())
}

/// Rows of the sample count this much more than a text of the grammar.
const SAMPLE_WEIGHT: f32 = 0.6;

/// All examples of both channels.
struct Examples {
    user: Vec<Example>,
    content: Vec<Example>,
}

impl Examples {
    fn new(corpus: &Corpus, options: &Options) -> Self {
        let mut generator = Generator::new(corpus, options.seed);
        let mut texts = generator.user_texts(options.texts);
        let of_channel = |channel| corpus.records.iter().filter(move |record: &&Record| record.channel() == channel);
        texts.extend(of_channel(Channel::User).map(|record| UserText {
            text: record.text.clone(),
            is_attack: record.is_attack(),
            source: record.source.clone(),
        }));
        let mut documents = generator.documents(options.texts);
        documents.extend(of_channel(Channel::Content).map(|record| Document {
            text: record.text.clone(),
            attack: record.is_attack().then(|| attack_range(record, &corpus.records)),
            source: record.source.clone(),
        }));
        let sample = |source: &str| corpus.records.iter().any(|record| record.source == source);
        let weight = |source: &str| if sample(source) { SAMPLE_WEIGHT } else { 1.0 };
        Self {
            user: train::user_examples(&texts, |text| weight(&text.source)),
            content: train::content_examples(&documents, options.seed, |document| weight(&document.source)),
        }
    }
}

/// Where the attack stands in a row of the sample: its lines that no harmless row has.
fn attack_range(record: &Record, records: &[Record]) -> std::ops::Range<usize> {
    let harmless = |line: &str| {
        records.iter().any(|other| {
            !other.is_attack()
                && other.channel == record.channel
                && other.text.lines().any(|known| known.trim() == line)
        })
    };
    let mut start = 0;
    let mut shortest: Option<std::ops::Range<usize>> = None;
    for line in record.text.split_inclusive('\n') {
        let range = start..start + line.trim_end().len();
        start = range.start + line.len();
        let plain = line.trim();
        // The sample puts an attack on a line of its own. The shortest new line without bars is it.
        if plain.len() > 8
            && !plain.contains('|')
            && !harmless(plain)
            && shortest.as_ref().is_none_or(|known| range.len() < known.len())
        {
            shortest = Some(range);
        }
    }
    shortest.unwrap_or(0..record.text.len())
}
