//! Counts what was found, missed and invented.

use std::fmt::Write as _;

use millwright_policy::pii::tagger::{Tagged, TaggedKind};

use super::example::Span;

/// Least scores that are tried.
pub(crate) const LEAST: [f32; 9] = [0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

/// Counts of one kind.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    gold: usize,
    predicted: usize,
    overlapping: usize,
    exact: usize,
}

/// Counts by kind.
#[derive(Default)]
pub(crate) struct Score {
    counts: [Count; 8],
    /// Score of each span that was found, and whether it is right.
    scores: [Vec<(f32, bool)>; 8],
}

impl Score {
    /// Adds a text. A labelled span is found when a span of its kind overlaps it by half of the longer one.
    pub(crate) fn add(&mut self, gold: &[Span], predicted: &[Tagged]) {
        for kind in TaggedKind::ALL {
            let count = &mut self.counts[kind.index()];
            let mut free: Vec<&Tagged> = predicted.iter().filter(|tagged| tagged.kind == kind).collect();
            count.predicted += free.len();
            for span in gold.iter().filter(|span| span.kind == kind) {
                count.gold += 1;
                count.exact +=
                    usize::from(free.iter().any(|tagged| (tagged.start, tagged.end) == (span.start, span.end)));
                if let Some(at) = free.iter().position(|tagged| overlaps(span, tagged)) {
                    count.overlapping += 1;
                    self.scores[kind.index()].push((free.remove(at).score, true));
                }
            }
            self.scores[kind.index()].extend(free.iter().map(|tagged| (tagged.score, false)));
        }
    }

    /// F1 by kind for several least scores.
    pub(crate) fn sweep(&self) -> String {
        let mut table = "F1 by least score ".to_owned();
        table.extend(LEAST.map(|least| format!("{least:>6}")));
        for kind in TaggedKind::ALL {
            let _ = write!(table, "\n{:<18}", format!("{kind:?}"));
            for least in LEAST {
                let kept = self.scores[kind.index()].iter().filter(|(score, _)| *score >= least);
                let (all, right) = kept.fold((0, 0), |(all, right), (_, hit)| (all + 1, right + usize::from(*hit)));
                let f1 = 2.0 * right as f64 / (self.counts[kind.index()].gold + all).max(1) as f64;
                let _ = write!(table, " {f1:.3}");
            }
        }
        table
    }

    /// One line for each kind.
    pub(crate) fn table(&self) -> String {
        let mut table = "kind             gold  pred  precision recall    F1  exact F1\n".to_owned();
        for kind in TaggedKind::ALL {
            let Count { gold, predicted, overlapping, exact } = self.counts[kind.index()];
            let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
            let f1 = |hits: usize| 2.0 * hits as f64 / (gold + predicted).max(1) as f64;
            let _ = writeln!(
                table,
                "{:<15} {gold:>5} {predicted:>5}      {:.3}  {:.3} {:.3}     {:.3}",
                format!("{kind:?}"),
                share(overlapping, predicted),
                share(overlapping, gold),
                f1(overlapping),
                f1(exact)
            );
        }
        table
    }
}

fn overlaps(span: &Span, tagged: &Tagged) -> bool {
    let shared = span.end.min(tagged.end).saturating_sub(span.start.max(tagged.start));
    let longer = (span.end - span.start).max(tagged.end - tagged.start);
    shared * 2 >= longer && shared > 0
}
