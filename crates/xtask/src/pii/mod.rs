//! Trains and measures the tagger of personal data.

mod evaluate;
mod example;
#[rustfmt::skip]
mod lists;
mod plain;
pub(crate) mod random;
mod templates;
mod train;
mod values;
mod words;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context;
use clap::Args;
use millwright_policy::pii::tagger::{self, Tagged, TaggedKind, lexicon::Lexicon, model::Model};

use evaluate::Score;
use example::{Example, Record};
use plain::Document;
use random::Random;
use train::Trainer;
use values::Values;

/// Least scores by kind, in the order of [`TaggedKind::ALL`]. Organisations and places are reported only when likely,
/// because manuals are full of product names.
const THRESHOLDS: [f32; 8] = [0.5, 0.5, 0.5, 0.5, 0.6, 0.5, 0.5, 0.5];

const SEED: u64 = 20_240_607;
const EPOCHS: usize = 14;
const MADE_UP: usize = 10_000;
const REFILLS: usize = 3;
const PIECES: usize = 2_500;
const SENTENCES: usize = 3_000;
const ABSTRACTS: usize = 400;

/// Trains the tagger of personal data.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(crate) struct PiiArgs {
    /// Records with labelled spans; the other sets are looked for two folders up.
    #[arg(long)]
    data: PathBuf,
    /// Where the model goes.
    #[arg(long)]
    out: PathBuf,
    /// Cross-validation first: so many parts, grouped by template and by document.
    #[arg(long, default_value_t = 0)]
    folds: usize,
    /// Parts that are measured, at most.
    #[arg(long, default_value_t = usize::MAX)]
    measure: usize,
    /// Prints what was missed and invented.
    #[arg(long)]
    verbose: bool,
    /// Cross-validates with new values in known templates instead of with new templates.
    #[arg(long)]
    by_record: bool,
    /// Cross-validates without least scores and shows what each would give.
    #[arg(long)]
    sweep: bool,
    /// Cross-validation only.
    #[arg(long)]
    no_model: bool,
}

struct Data {
    records: Vec<Record>,
    documents: Vec<Document>,
    prompts: Vec<String>,
    abstracts: Vec<String>,
    values: Values,
    templates: Vec<String>,
}

/// What a model may learn from: everything outside one part.
#[derive(Clone, Copy)]
struct Part {
    number: usize,
    of: usize,
    by_record: bool,
}

impl Part {
    fn holds(self, key: u64) -> bool {
        self.of > 0 && Random::new(key ^ 0xf01d).below(self.of) == self.number
    }

    fn holds_record(self, record: &Record) -> bool {
        self.holds(if self.by_record { record.number } else { record.template })
    }

    fn holds_document(self, document: &Document) -> bool {
        let key = document.name.bytes().fold(7_u64, |key, byte| key.wrapping_mul(31).wrapping_add(u64::from(byte)));
        self.holds(key)
    }
}

/// Trains, measures and writes.
#[expect(clippy::print_stdout, reason = "a tool that reports on standard output")]
pub(crate) fn run(args: &PiiArgs) -> anyhow::Result<()> {
    let shared = args.data.parent().and_then(Path::parent).context("--data has no folder above its own")?;
    let data = Data {
        records: example::read_records(&args.data)?,
        documents: plain::documents(shared)?,
        prompts: plain::prompts(shared)?,
        abstracts: plain::abstracts(shared)?,
        values: Values::load(),
        templates: templates::templates(),
    };
    let mut score = Score::default();
    let mut industrial = Industrial::default();
    for number in 0..args.folds.min(args.measure) {
        let part = Part { number, of: args.folds, by_record: args.by_record };
        let started = Instant::now();
        let bytes = train(&data, part, if args.sweep { [0.0; 8] } else { THRESHOLDS });
        let model = Model::parse(&bytes).context("the model cannot be read back")?;
        for record in data.records.iter().filter(|record| part.holds_record(record)) {
            let found = tagger::tag_with(&model, &record.example.text);
            score.add(&record.example.spans, &found);
            if args.verbose {
                print!("{}", differences(&record.example, &found));
            }
        }
        for document in data.documents.iter().filter(|document| part.holds_document(document)) {
            industrial.add(document, &tagger::tag_with(&model, &document.text), args.verbose);
        }
        println!("part {number}: {:.0} s", started.elapsed().as_secs_f64());
    }
    if args.folds > 0 {
        println!(
            "Records, cross-validated by {}:\n{}",
            if args.by_record { "record" } else { "template" },
            score.table()
        );
        println!("{}", industrial.report());
        if args.sweep {
            println!("{}\n{}", score.sweep(), industrial.sweep());
        }
    }
    if !args.no_model {
        let bytes = train(&data, Part { number: 0, of: 0, by_record: false }, THRESHOLDS);
        fs::write(&args.out, &bytes)?;
        println!("{} bytes in {}", bytes.len(), args.out.display());
        println!("{}", speed(&Model::parse(&bytes).context("the model cannot be read back")?, &data));
    }
    Ok(())
}

fn train(data: &Data, held_out: Part, thresholds: [f32; 8]) -> Vec<u8> {
    let documents: Vec<&Document> =
        data.documents.iter().filter(|document| !held_out.holds_document(document)).collect();
    let records: Vec<&Record> = data.records.iter().filter(|record| !held_out.holds_record(record)).collect();
    let texts = documents.iter().map(|document| document.text.as_str()).chain(data.prompts.iter().map(String::as_str));
    let lexicon_bytes = words::lexicon_bytes(&data.values, texts, data.abstracts.iter().map(String::as_str));
    let Some(lexicon) = Lexicon::new(&lexicon_bytes) else { return Vec::new() };
    let pieces: Vec<Example> = documents.iter().flat_map(|document| plain::pieces(document, &lexicon)).collect();
    let sentences: Vec<Example> = data.prompts.iter().flat_map(|prompt| plain::sentences(prompt, &lexicon)).collect();
    let plain_words = plain::vocabulary(&data.abstracts, &lexicon);
    let mut trainer = Trainer::new();
    let mut random = Random::new(SEED);
    let mut hard: Vec<Example> = Vec::new();
    for epoch in 0..EPOCHS {
        let mut examples: Vec<Example> = std::mem::take(&mut hard);
        for record in &records {
            examples.push(record.example.clone());
            examples.extend((0..REFILLS).map(|_| templates::refill(&mut random, &data.values, &record.example)));
        }
        examples
            .extend((0..MADE_UP).map(|_| templates::example(&mut random, &data.values, &data.templates, &plain_words)));
        examples.extend((0..PIECES).map(|_| random.choose(&pieces).clone()));
        for number in 0..SENTENCES {
            let sentence = random.choose(&sentences);
            let plain = sentence.spans.is_empty() || number % 3 == 0;
            examples.push(if plain {
                sentence.clone()
            } else {
                templates::refill(&mut random, &data.values, sentence)
            });
        }
        examples.extend((0..ABSTRACTS).map(|_| {
            let text = random.choose(&data.abstracts).clone();
            Example { text, spans: Vec::new() }
        }));
        random.shuffle(&mut examples);
        for example in &examples {
            trainer.learn(example, &lexicon, &mut random);
        }
        if epoch + 1 < EPOCHS {
            hard = false_alarms(&trainer.finish(THRESHOLDS, &lexicon_bytes), &pieces);
        }
    }
    trainer.finish(thresholds, &lexicon_bytes)
}

/// The pieces of manuals in which the model still finds something.
fn false_alarms(bytes: &[u8], pieces: &[Example]) -> Vec<Example> {
    let Some(model) = Model::parse(bytes) else { return Vec::new() };
    pieces.iter().filter(|piece| !tagger::tag_with(&model, &piece.text).is_empty()).cloned().collect()
}

fn differences(example: &Example, found: &[Tagged]) -> String {
    let gold: Vec<_> = example.spans.iter().map(|span| (span.start, span.end, span.kind)).collect();
    let tagged: Vec<_> = found.iter().map(|tagged| (tagged.start, tagged.end, tagged.kind)).collect();
    let show = |spans: &[(usize, usize, TaggedKind)], others: &[(usize, usize, TaggedKind)]| -> String {
        let rest = spans.iter().filter(|span| !others.contains(span));
        rest.fold(String::new(), |mut shown, (start, end, kind)| {
            let _ = write!(shown, " {kind:?}={:?}", &example.text[*start..*end]);
            shown
        })
    };
    let (missed, invented) = (show(&gold, &tagged), show(&tagged, &gold));
    if missed.is_empty() && invented.is_empty() {
        return String::new();
    }
    format!("{:?}\n   missed{missed}\n   invented{invented}\n", example.text)
}

#[derive(Default)]
struct Industrial {
    words: usize,
    scores: [Vec<f32>; 8],
    hits: [usize; 8],
}

impl Industrial {
    #[expect(clippy::print_stdout, reason = "a tool that reports on standard output")]
    fn add(&mut self, document: &Document, found: &[Tagged], verbose: bool) {
        self.words += document.text.split_whitespace().count();
        for tagged in found {
            self.hits[tagged.kind.index()] += 1;
            self.scores[tagged.kind.index()].push(tagged.score);
            if verbose {
                let value = &document.text[tagged.start..tagged.end];
                println!("HIT {} {:?} {:.2} {value:?}", document.name, tagged.kind, tagged.score);
            }
        }
    }

    fn sweep(&self) -> String {
        let mut table = "Hits in manuals".to_owned();
        for kind in TaggedKind::ALL {
            let _ = write!(table, "\n{:<18}", format!("{kind:?}"));
            for least in evaluate::LEAST {
                let hits = self.scores[kind.index()].iter().filter(|score| **score >= least).count();
                let _ = write!(table, " {hits:>5}");
            }
        }
        table
    }

    fn report(&self) -> String {
        let total: usize = self.hits.iter().sum();
        let kinds: Vec<String> =
            TaggedKind::ALL.iter().map(|kind| format!("{kind:?} {}", self.hits[kind.index()])).collect();
        format!(
            "Manuals and work orders, held out: {} words, {total} hits ({:.2} in 2,000 words; real names included): {}",
            self.words,
            total as f64 * 2_000.0 / self.words.max(1) as f64,
            kinds.join(", ")
        )
    }
}

fn speed(model: &Model<'_>, data: &Data) -> String {
    let started = Instant::now();
    let bytes: usize = data.documents.iter().map(|document| document.text.len()).sum();
    let hits: usize = data.documents.iter().map(|document| tagger::tag_with(model, &document.text).len()).sum();
    let rate = bytes as f64 / started.elapsed().as_secs_f64() / 1e6;
    format!("{rate:.1} MB/s over {:.1} MB of manuals, {hits} hits (learned texts)", bytes as f64 / 1e6)
}
