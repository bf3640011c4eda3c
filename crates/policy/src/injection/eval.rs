//! Scores the classifier on labelled texts. Pure: the texts come in, the report goes out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Channel, check};

/// A labelled text.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// What is scored.
    pub text: String,
    /// `injection` or `benign`.
    pub label: String,
    /// Where it comes from.
    pub source: String,
    /// `direct`, `indirect`, `jailbreak`, `benign` or `hard_benign`.
    #[serde(default)]
    pub kind: String,
    /// `user` or `content`.
    pub channel: String,
}

impl Record {
    /// Whether the text is an attack.
    pub fn is_attack(&self) -> bool {
        self.label == "injection"
    }

    /// How the assistant came by it.
    pub fn channel(&self) -> Channel {
        if self.channel == "content" { Channel::Content } else { Channel::User }
    }
}

/// A text's place in the report and its score.
#[derive(Clone, Copy, Debug)]
pub struct Scored {
    /// Whether it is an attack.
    pub is_attack: bool,
    /// What the model says.
    pub score: f32,
    /// Whether that reaches the threshold.
    pub is_hit: bool,
}

/// The figures of one channel. Bounds are those of a Wilson interval at 95 %.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChannelReport {
    /// The chance that an attack scores above a harmless text.
    pub auc: f64,
    /// Attacks found at the threshold that lets 1 % of the harmless texts of this channel be hits.
    pub recall_at_fpr_1: f64,
    /// Harmless texts that are hits at the shipped threshold.
    pub fpr: f64,
    /// Lower bound of the same.
    pub fpr_low: f64,
    /// Upper bound of the same.
    pub fpr_high: f64,
    /// Attacks that are hits at the shipped threshold.
    pub recall: f64,
    /// Lower bound of the same.
    pub recall_low: f64,
    /// Upper bound of the same.
    pub recall_high: f64,
    /// Texts.
    pub n: usize,
}

/// The figures of one source and label, at the shipped threshold.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SourceReport {
    /// Of attacks: those found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// Lower bound of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall_low: Option<f64>,
    /// Upper bound of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall_high: Option<f64>,
    /// Of harmless texts: those that are hits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fpr: Option<f64>,
    /// Lower bound of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fpr_low: Option<f64>,
    /// Upper bound of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fpr_high: Option<f64>,
    /// Texts.
    pub n: usize,
}

/// What the report says.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// By `user` and `content`.
    pub by_channel: BTreeMap<String, ChannelReport>,
    /// By source. A source with both labels has its recall, its false positive rate and both counts in one entry.
    pub by_source: BTreeMap<String, SourceReport>,
    /// By kind, as by source.
    pub by_kind: BTreeMap<String, SourceReport>,
}

/// Scores all records with the shipped model at its thresholds.
pub fn evaluate(records: &[Record]) -> Report {
    let scored: Vec<Scored> = records
        .iter()
        .map(|record| {
            let verdict = check(record.channel(), &record.text);
            Scored { is_attack: record.is_attack(), score: verdict.score, is_hit: verdict.is_hit }
        })
        .collect();
    report(records, &scored)
}

/// The report over scores that are already there; `scored` lies beside `records`.
pub fn report(records: &[Record], scored: &[Scored]) -> Report {
    let mut by_channel: BTreeMap<String, Vec<Scored>> = BTreeMap::new();
    let mut by_source: BTreeMap<String, Vec<Scored>> = BTreeMap::new();
    let mut by_kind: BTreeMap<String, Vec<Scored>> = BTreeMap::new();
    for (record, scored) in records.iter().zip(scored) {
        let channel = if record.channel() == Channel::Content { "content" } else { "user" };
        by_channel.entry(channel.to_owned()).or_default().push(*scored);
        by_source.entry(record.source.clone()).or_default().push(*scored);
        by_kind.entry(record.kind.clone()).or_default().push(*scored);
    }
    Report {
        by_channel: by_channel.into_iter().map(|(name, scored)| (name, channel_report(&scored))).collect(),
        by_source: by_source.into_iter().map(|(name, scored)| (name, source_report(&scored))).collect(),
        by_kind: by_kind.into_iter().map(|(name, scored)| (name, source_report(&scored))).collect(),
    }
}

fn channel_report(scored: &[Scored]) -> ChannelReport {
    let recall = share(scored, true);
    let fpr = share(scored, false);
    ChannelReport {
        auc: auc(scored),
        recall_at_fpr_1: recall_at(scored, 0.01),
        fpr: fpr.value,
        fpr_low: fpr.low,
        fpr_high: fpr.high,
        recall: recall.value,
        recall_low: recall.low,
        recall_high: recall.high,
        n: scored.len(),
    }
}

fn source_report(scored: &[Scored]) -> SourceReport {
    let some = |attack: bool| scored.iter().any(|one| one.is_attack == attack).then(|| share(scored, attack));
    let (recall, fpr) = (some(true), some(false));
    SourceReport {
        recall: recall.map(|share| share.value),
        recall_low: recall.map(|share| share.low),
        recall_high: recall.map(|share| share.high),
        fpr: fpr.map(|share| share.value),
        fpr_low: fpr.map(|share| share.low),
        fpr_high: fpr.map(|share| share.high),
        n: scored.len(),
    }
}

/// A share with its Wilson interval at 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Hits by all.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

fn share(scored: &[Scored], attack: bool) -> Share {
    let all = scored.iter().filter(|one| one.is_attack == attack).count();
    let hits = scored.iter().filter(|one| one.is_attack == attack && one.is_hit).count();
    wilson(hits, all)
}

/// The normal distribution has 95 % within this many deviations.
const Z: f64 = 1.959_964;

/// The Wilson interval of `hits` among `all`. Of nothing it is all zero.
pub fn wilson(hits: usize, all: usize) -> Share {
    if all == 0 {
        return Share { value: 0.0, low: 0.0, high: 0.0 };
    }
    let n = all as f64;
    let p = hits as f64 / n;
    let centre = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Share { value: p, low: ((centre - spread) / scale).max(0.0), high: ((centre + spread) / scale).min(1.0) }
}

/// The chance that an attack scores above a harmless text; ties count half. 0.5 if one kind is missing.
pub fn auc(scored: &[Scored]) -> f64 {
    let mut sorted: Vec<&Scored> = scored.iter().collect();
    sorted.sort_by(|one, other| one.score.total_cmp(&other.score));
    let (mut wins, mut below) = (0.0, 0_usize);
    for group in sorted.chunk_by(|one, other| one.score.total_cmp(&other.score).is_eq()) {
        let attacks = group.iter().filter(|one| one.is_attack).count();
        let harmless = group.len() - attacks;
        wins += attacks as f64 * (below as f64 + harmless as f64 / 2.0);
        below += harmless;
    }
    let attacks = scored.len() - below;
    if attacks == 0 || below == 0 { 0.5 } else { wins / (attacks as f64 * below as f64) }
}

/// The share of attacks above the lowest threshold at which no more than this share of the harmless texts are hits.
pub fn recall_at(scored: &[Scored], fpr: f64) -> f64 {
    let threshold = threshold_at(scored, fpr);
    let attacks = scored.iter().filter(|one| one.is_attack).count();
    let found = scored.iter().filter(|one| one.is_attack && one.score > threshold).count();
    if attacks == 0 { 0.0 } else { found as f64 / attacks as f64 }
}

/// The score that no more than this share of the harmless texts exceed.
pub fn threshold_at(scored: &[Scored], fpr: f64) -> f32 {
    let mut harmless: Vec<f32> = scored.iter().filter(|one| !one.is_attack).map(|one| one.score).collect();
    harmless.sort_by(|one, other| other.total_cmp(one));
    let allowed = (harmless.len() as f64 * fpr).floor() as usize;
    harmless.get(allowed).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(values: &[(bool, f32)]) -> Vec<Scored> {
        values
            .iter()
            .map(|(is_attack, score)| Scored { is_attack: *is_attack, score: *score, is_hit: *score >= 0.5 })
            .collect()
    }

    #[test]
    fn figures_of_a_small_table_by_hand() {
        let table = scored(&[(true, 0.9), (true, 0.8), (true, 0.3), (false, 0.6), (false, 0.1), (false, 0.3)]);
        // Pairs won: 0.9 beats 3, 0.8 beats 3, 0.3 beats 1 and ties 1 = 7.5 of 9.
        assert!((auc(&table) - 7.5 / 9.0).abs() < 1e-9);
        assert!((recall_at(&table, 0.01) - 2.0 / 3.0).abs() < 1e-9);
        assert!((threshold_at(&table, 0.34) - 0.3).abs() < 1e-6);
        let wide = wilson(8, 10);
        assert!((wide.low - 0.4902).abs() < 1e-3 && (wide.high - 0.9433).abs() < 1e-3, "{wide:?}");
    }

    #[test]
    fn the_report_names_channels_and_sources() {
        let record = |label: &str, source: &str, channel: &str| Record {
            text: String::new(),
            label: label.to_owned(),
            source: source.to_owned(),
            kind: "direct".to_owned(),
            channel: channel.to_owned(),
        };
        let records = [record("injection", "one", "user"), record("benign", "two", "content")];
        let json = serde_json::to_value(report(&records, &scored(&[(true, 0.9), (false, 0.2)]))).unwrap();
        assert_eq!(json["by_channel"]["user"]["recall"], 1.0);
        assert_eq!(json["by_source"]["one"]["recall"], 1.0);
        assert_eq!(json["by_source"]["two"]["fpr"], 0.0);
        assert!(json["by_source"]["two"].get("recall").is_none());
    }
}
