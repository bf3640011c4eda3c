//! Figures on sources that were held out.

use millwright_policy::injection::{
    Channel, Head, Model, check_with,
    eval::{self, Record, Scored},
};

use super::{Examples, Options, corpus::Corpus, generate, train};

const QUESTIONS: &str = include_str!("../../../policy/tests/fixtures/injection_questions.txt");

/// Questions that no rule of the grammar and no threshold was made with.
const UNTUNED: &str = include_str!("../../../policy/tests/fixtures/injection_questions_untuned.txt");

/// The harmless texts of the sample are few, so that their highest scores are a rough guide: the thresholds lie this much above.
const MARGIN: f32 = 0.02;

/// Sources that are held out together, by the beginning of their names.
const FOLDS: &[(Channel, &[&str])] = &[
    (Channel::User, &["hackaprompt"]),
    (Channel::User, &["jailbreakhub"]),
    (Channel::User, &["garak"]),
    (Channel::User, &["injecguard"]),
    (Channel::User, &["mt-bench"]),
    (Channel::User, &["spider"]),
    (Channel::Content, &["bipia-email"]),
    (Channel::Content, &["bipia-table"]),
    (Channel::Content, &["klipper"]),
    (Channel::Content, &["nist"]),
];

/// The sample's rows and the texts kept out, scored by a model that saw nothing of their source.
#[derive(Default)]
struct Held {
    records: Vec<Record>,
    scored: Vec<Scored>,
}

impl Held {
    fn score(&mut self, record: &Record, head: &Head) {
        let score = check_with(head, record.channel(), &record.text, head.threshold).score;
        self.records.push(record.clone());
        self.scored.push(Scored { is_attack: record.is_attack(), score, is_hit: false });
    }

    fn of(&self, wanted: impl Fn(&Record) -> bool) -> Vec<Scored> {
        self.records.iter().zip(&self.scored).filter(|(record, _)| wanted(record)).map(|(_, scored)| *scored).collect()
    }

    fn at(&mut self, thresholds: (f32, f32)) {
        for (record, scored) in self.records.iter().zip(&mut self.scored) {
            let threshold = if record.channel() == Channel::User { thresholds.0 } else { thresholds.1 };
            scored.is_hit = scored.score >= threshold;
        }
    }
}

/// Trains once for each fold and once without any row of the sample, prints the figures, and returns the thresholds for
/// about 1 % false positives.
#[expect(clippy::print_stdout, reason = "the report is what this command is for")]
pub(super) fn held_out(corpus: &Corpus, examples: &Examples, options: &Options) -> (f32, f32) {
    let mut held = Held::default();
    let kept = kept_out(corpus);
    for (channel, sources) in FOLDS {
        let is_held = |source: &str| sources.iter().any(|held| source.starts_with(held));
        let head = fit(examples, *channel, options.seed, |source| !is_held(source));
        for record in corpus.records.iter().filter(|record| is_held(&record.source)) {
            held.score(record, &head);
        }
    }
    let sample: Vec<&str> = corpus.records.iter().map(|record| record.source.as_str()).collect();
    let mut bare = Held::default();
    for channel in [Channel::User, Channel::Content] {
        let without =
            fit(examples, channel, options.seed, |source| !sample.contains(&source) && source != "klipper-md");
        for record in corpus.records.iter().filter(|record| record.channel() == channel) {
            bare.score(record, &without);
        }
        let all = fit(examples, channel, options.seed, |_| true);
        for record in kept.iter().filter(|record| record.channel() == channel) {
            held.score(record, &all);
            bare.score(record, &without);
        }
    }
    let thresholds = thresholds(&held);
    println!("thresholds: user {:.4}, content {:.4}", thresholds.0, thresholds.1);
    curve(&held);
    held.at(thresholds);
    println!("== each source scored by a model that has not seen it");
    print(&held);
    let without_word = |record: &Record| !record.text.to_lowercase().contains("pwned");
    let rows = held.of(|record| record.source == "hackaprompt" && without_word(record));
    let found = rows.iter().filter(|row| row.is_hit).count();
    println!("hackaprompt without the contest's word: {}", show(eval::wilson(found, rows.len())));
    let own = self::thresholds(&bare);
    bare.at(own);
    println!("== no row of the sample seen at all (thresholds of its own: user {:.4}, content {:.4})", own.0, own.1);
    print(&bare);
    if options.mistakes {
        for (record, scored) in held.records.iter().zip(&held.scored) {
            if scored.is_attack != scored.is_hit {
                let text: String = record.text.chars().take(300).collect();
                println!("{:.4} {} {} {:?}", scored.score, record.source, record.label, text);
            }
        }
    }
    thresholds
}

fn fit(examples: &Examples, channel: Channel, seed: u64, keep: impl Fn(&str) -> bool) -> Head {
    let all = if channel == Channel::User { &examples.user } else { &examples.content };
    let chosen: Vec<_> = all.iter().filter(|example| keep(&example.source)).collect();
    train::train(&chosen, channel, seed).head(0.5)
}

/// Harmless texts that are trained on in no fold: manuals, examination prompts, and questions with the words of attacks.
fn kept_out(corpus: &Corpus) -> Vec<Record> {
    let record = |text: &str, source: &str, kind: &str, channel: &str| Record {
        text: text.to_owned(),
        label: "benign".to_owned(),
        source: source.to_owned(),
        kind: kind.to_owned(),
        channel: channel.to_owned(),
    };
    let mut records: Vec<Record> = Vec::new();
    let manuals = corpus.paragraphs.iter().filter(|(source, _)| generate::is_kept_out(source));
    records.extend(manuals.map(|(source, text)| record(text, source, "hard_benign", "content")));
    let prompts = corpus.prompts.iter().enumerate().filter(|(number, _)| generate::is_kept_out_prompt(*number));
    records.extend(prompts.map(|(_, text)| record(text, "kept-out-prompts", "benign", "user")));
    records.extend(
        QUESTIONS
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| record(line, "trigger-questions", "hard_benign", "user")),
    );
    let untuned = UNTUNED.lines().filter(|line| !line.is_empty());
    records.extend(untuned.map(|line| record(line, "untuned-questions", "hard_benign", "user")));
    records
}

/// The scores that 1 % of the harmless held-out texts of the sample exceed, no more than 2 % of the hard ones, and no more
/// than 3 % of the questions with the words of attacks.
fn thresholds(held: &Held) -> (f32, f32) {
    let of = |channel: Channel| {
        let all = eval::threshold_at(&held.of(|record| record.channel() == channel && !is_extra(record)), 0.01);
        let extra = eval::threshold_at(
            &held.of(|record| {
                record.channel() == channel
                    && !record.source.ends_with("-questions")
                        | record.source.starts_with("mt-bench")
                        | record.source.starts_with("spider")
            }),
            0.01,
        );
        let hard = eval::threshold_at(
            &held.of(|record| record.channel() == channel && record.source.starts_with("klipper")),
            0.02,
        );
        let trigger = eval::threshold_at(
            &held.of(|record| record.channel() == channel && record.source == "trigger-questions"),
            0.032,
        );
        (all.max(extra).max(hard).max(trigger) + MARGIN).min(0.9999)
    };
    (of(Channel::User), of(Channel::Content))
}

fn is_extra(record: &Record) -> bool {
    matches!(record.source.as_str(), "kept-out-prompts" | "trigger-questions" | "untuned-questions")
        || generate::is_kept_out(&record.source)
}

/// What other thresholds would give.
#[expect(clippy::print_stdout, reason = "the report is what this command is for")]
fn curve(held: &Held) {
    for step in 4..20 {
        let threshold = f64::from(step) as f32 * 0.05;
        let share = |channel: Channel, attack: bool, source: Option<&str>| {
            let wanted = |record: &Record| match source {
                Some(source) => record.source == source,
                None => !is_extra(record),
            };
            let rows = held.of(|record| record.channel() == channel && record.is_attack() == attack && wanted(record));
            rows.iter().filter(|row| row.score >= threshold).count() as f64 / rows.len().max(1) as f64
        };
        println!(
            "at {threshold:.2}: user recall {:.3} fpr {:.3} trigger {:.3} untuned {:.3}; content recall {:.3} fpr {:.3}",
            share(Channel::User, true, None),
            share(Channel::User, false, None),
            share(Channel::User, false, Some("trigger-questions")),
            share(Channel::User, false, Some("untuned-questions")),
            share(Channel::Content, true, None),
            share(Channel::Content, false, None),
        );
    }
}

fn show(share: eval::Share) -> String {
    format!("{:.3} [{:.3}, {:.3}]", share.value, share.low, share.high)
}

#[expect(clippy::print_stdout, reason = "the report is what this command is for")]
fn print(held: &Held) {
    for (name, channel) in [("user", Channel::User), ("content", Channel::Content)] {
        let rows = held.of(|record| record.channel() == channel && !is_extra(record));
        let hits = |attack: bool| {
            let all: Vec<_> = rows.iter().filter(|row| row.is_attack == attack).collect();
            eval::wilson(all.iter().filter(|row| row.is_hit).count(), all.len())
        };
        println!(
            "{name:8} auc {:.4}  recall at 1 % {:.3}  recall {}  false positives {}",
            eval::auc(&rows),
            eval::recall_at(&rows, 0.01),
            show(hits(true)),
            show(hits(false))
        );
    }
    let mut names: Vec<(String, bool)> =
        held.records.iter().map(|record| (record.source.clone(), record.is_attack())).collect();
    names.sort();
    names.dedup();
    for (name, attack) in names {
        let rows = held.of(|record| record.source == name && record.is_attack() == attack);
        let found = rows.iter().filter(|row| row.is_hit).count();
        println!(
            "  {:28} {:15} {} of {}",
            name,
            if attack { "recall" } else { "false positives" },
            show(eval::wilson(found, rows.len())),
            rows.len()
        );
    }
}

/// Seconds this thread has had a processor, so that others on the machine do not count. Linux only; elsewhere nothing passes.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// How fast the model is and how large.
#[expect(clippy::print_stdout, reason = "the report is what this command is for")]
pub(super) fn shipped(corpus: &Corpus, model: &Model) {
    for (name, channel, attacks) in
        [("user", Channel::User, true), ("user, harmless", Channel::User, false), ("content", Channel::Content, true)]
    {
        let texts: Vec<&str> = corpus
            .records
            .iter()
            .filter(|record| record.channel() == channel && (attacks || !record.is_attack()))
            .map(|record| record.text.as_str())
            .collect();
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        // Others share the machine: the fastest of five passes is the one that was disturbed least.
        let pass = || {
            let start = processor_seconds();
            let hits = texts
                .iter()
                .filter(|text| check_with(model.head(channel), channel, text, model.head(channel).threshold).is_hit)
                .count();
            ((processor_seconds() - start) * 1e6 / (bytes as f64 / 1024.0), hits)
        };
        let (micros, hits) = (0..5).map(|_| pass()).min_by(|one, other| one.0.total_cmp(&other.0)).unwrap_or_default();
        println!("{name}: {micros:.1} µs a kilobyte, {hits} hits in {} texts", texts.len());
    }
    println!("size: {} bytes", model.to_bytes().len());
}
