use super::glyphs::{Rule, Segment, Word};
use super::layout::words_text;
use crate::placed::PlacedText;

/// Rules this far apart, in points, are taken as touching or the same.
const TOUCH: f64 = 3.0;

/// A table drawn with rules, as rows of cells.
#[derive(Debug)]
pub(super) struct Grid {
    xs: Vec<f64>,
    ys: Vec<f64>,
    verticals: Vec<Rule>,
}

impl Grid {
    pub(super) fn top(&self) -> f64 {
        self.ys.first().copied().unwrap_or_default()
    }

    /// A segment that takes the table's place among the text while it is put in order.
    pub(super) fn placeholder(&self, index: usize) -> Segment {
        let (x0, x1) = (self.xs.first().copied().unwrap_or_default(), self.xs.last().copied().unwrap_or_default());
        let words = vec![Word::new("", x0, x1)];
        Segment { words, y: self.top() + 8.0, size: 8.0, bold: false, table: Some(index) }
    }

    fn contains(&self, x: f64, y: f64) -> bool {
        let inside = |places: &[f64], at: f64| matches!((places.first(), places.last()), (Some(first), Some(last)) if *first - 1.0 <= at && at <= *last + 1.0);
        inside(&self.xs, x) && inside(&self.ys, y)
    }

    /// Which of the bands between `places` a coordinate lies in.
    fn band(places: &[f64], at: f64) -> usize {
        places.partition_point(|&place| place <= at).saturating_sub(1).min(places.len().saturating_sub(2))
    }

    /// The first column of the cell that column `x` belongs to in the row at `y`: columns without
    /// a rule between them there are one cell.
    fn cell(&self, x: f64, y: f64) -> usize {
        let mut column = Self::band(&self.xs, x);
        while column > 0
            && !self
                .verticals
                .iter()
                .any(|rule| (rule.at - self.xs[column]).abs() <= TOUCH && rule.from - 1.0 <= y && y <= rule.to + 1.0)
        {
            column -= 1;
        }
        column
    }

    /// Takes the text inside out of `segments` and gives it as rows of cells, empty rows left out.
    pub(super) fn rows(&self, segments: &mut Vec<Segment>) -> Vec<Vec<PlacedText>> {
        let columns = self.xs.len().saturating_sub(1);
        let mut cells: Vec<Vec<Vec<(f64, Word)>>> = vec![vec![Vec::new(); columns]; self.ys.len().saturating_sub(1)];
        segments.retain_mut(|segment| {
            let middle = segment.y - segment.size * 0.3;
            if !self.contains(f64::midpoint(segment.x0(), segment.x1()), middle) {
                return true;
            }
            let row = Self::band(&self.ys, middle);
            for word in std::mem::take(&mut segment.words) {
                let column = self.cell(f64::midpoint(word.x0, word.x1), middle);
                cells[row][column].push((segment.y, word));
            }
            false
        });
        cells
            .into_iter()
            .map(|row| row.into_iter().map(cell_text).collect::<Vec<_>>())
            .filter(|row: &Vec<PlacedText>| row.iter().any(|cell| !cell.is_empty()))
            .collect()
    }
}

/// The words of a cell, line by line.
fn cell_text(mut words: Vec<(f64, Word)>) -> PlacedText {
    words.sort_by(|(ay, a), (by, b)| if (ay - by).abs() < 2.5 { a.x0.total_cmp(&b.x0) } else { ay.total_cmp(by) });
    words_text(words.iter().map(|(_, word)| word))
}

/// Tables among the rules of a page: groups of crossing rules with at least two columns or rows.
pub(super) fn grids(rules: &[Rule]) -> Vec<Grid> {
    // Beyond this the page is a drawing, whose lines say nothing about tables.
    if rules.len() > 3_000 {
        return Vec::new();
    }
    let mut group: Vec<usize> = (0..rules.len()).collect();
    for a in 0..rules.len() {
        for b in a + 1..rules.len() {
            if touches(&rules[a], &rules[b]) {
                let (a, b) = (root(&mut group, a), root(&mut group, b));
                group[a.max(b)] = a.min(b);
            }
        }
    }
    let roots: Vec<usize> = (0..rules.len()).map(|at| root(&mut group, at)).collect();
    let mut distinct = roots.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let mut out: Vec<Grid> = distinct
        .into_iter()
        .filter_map(|id| {
            let members: Vec<Rule> =
                rules.iter().zip(&roots).filter(|(_, root)| **root == id).map(|(rule, _)| *rule).collect();
            grid(&members)
        })
        .collect();
    out.sort_by(|a, b| a.top().total_cmp(&b.top()));
    join_stacked(out)
}

/// Joins grids that stand close under each other with the same edges: one table, drawn in parts.
fn join_stacked(grids: Vec<Grid>) -> Vec<Grid> {
    let edge =
        |places: &[f64]| (places.first().copied().unwrap_or_default(), places.last().copied().unwrap_or_default());
    let mut out: Vec<Grid> = Vec::new();
    for grid in grids {
        let (left, right) = edge(&grid.xs);
        let above = out.iter_mut().rev().find(|above| {
            let (above_left, above_right) = edge(&above.xs);
            let gap = grid.top() - edge(&above.ys).1;
            (above_left - left).abs() < 6.0 && (above_right - right).abs() < 6.0 && (-TOUCH..9.0).contains(&gap)
        });
        let Some(above) = above else {
            out.push(grid);
            continue;
        };
        above.ys.extend(grid.ys);
        above.xs.extend(grid.xs);
        above.verticals.extend(grid.verticals);
        for places in [&mut above.xs, &mut above.ys] {
            places.sort_by(f64::total_cmp);
            places.dedup_by(|a, b| (*a - *b).abs() <= TOUCH);
        }
    }
    out
}

fn root(group: &mut [usize], mut at: usize) -> usize {
    while group[at] != at {
        group[at] = group[group[at]];
        at = group[at];
    }
    at
}

fn touches(a: &Rule, b: &Rule) -> bool {
    if a.horizontal == b.horizontal {
        // Pieces of one line, or lines drawn cell by cell.
        return (a.at - b.at).abs() <= TOUCH && a.from <= b.to + TOUCH && b.from <= a.to + TOUCH;
    }
    a.from - TOUCH <= b.at && b.at <= a.to + TOUCH && b.from - TOUCH <= a.at && a.at <= b.to + TOUCH
}

fn grid(rules: &[Rule]) -> Option<Grid> {
    let places = |horizontal: bool| {
        let mut places: Vec<f64> =
            rules.iter().filter(|rule| rule.horizontal == horizontal).map(|rule| rule.at).collect();
        places.sort_by(f64::total_cmp);
        places.dedup_by(|a, b| (*a - *b).abs() <= TOUCH);
        places
    };
    let (mut xs, mut ys) = (places(false), places(true));
    // Open sides: the outer edges are where the other rules end.
    let ends = |horizontal: bool| {
        let of = rules.iter().filter(move |rule| rule.horizontal == horizontal);
        let from = of.clone().map(|rule| rule.from).fold(f64::INFINITY, f64::min);
        let to = of.map(|rule| rule.to).fold(f64::NEG_INFINITY, f64::max);
        (from, to)
    };
    widen(&mut xs, ends(true));
    widen(&mut ys, ends(false));
    // A frame around a note or a line under a heading is no table.
    let tabular = (xs.len() >= 3 && ys.len() >= 2) || (xs.len() >= 2 && ys.len() >= 4 && xs.len() > 2);
    tabular.then(|| Grid { xs, ys, verticals: rules.iter().filter(|rule| !rule.horizontal).copied().collect() })
}

fn widen(places: &mut Vec<f64>, (from, to): (f64, f64)) {
    if places.is_empty() || !from.is_finite() || !to.is_finite() {
        return;
    }
    if from < places[0] - 2.0 * TOUCH {
        places.insert(0, from);
    }
    if places.last().is_some_and(|last| to > last + 2.0 * TOUCH) {
        places.push(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(horizontal: bool, at: f64, from: f64, to: f64) -> Rule {
        Rule { horizontal, at, from, to }
    }

    fn words(text: &str, x: f64, y: f64) -> Segment {
        let word = Word::new(text, x, x + 10.0);
        Segment { words: vec![word], y, size: 10.0, bold: false, table: None }
    }

    #[test]
    fn cells_come_out_row_by_row() {
        let mut rules: Vec<Rule> = [0.0, 20.0, 40.0].map(|y| rule(true, y, 0.0, 100.0)).to_vec();
        rules.extend([0.0, 50.0, 100.0].map(|x| rule(false, x, 0.0, 40.0)));
        let grids = grids(&rules);
        assert_eq!(grids.len(), 1);
        let mut segments = vec![
            words("Bolt", 5.0, 15.0),
            words("M8", 5.0, 35.0),
            words("Nm", 55.0, 15.0),
            words("25", 55.0, 35.0),
            words("out", 5.0, 80.0),
        ];
        assert_eq!(grids[0].rows(&mut segments), [["Bolt", "Nm"], ["M8", "25"]]);
        assert_eq!(segments.len(), 1);
    }

    #[test]
    fn a_frame_is_no_table() {
        let rules = [
            rule(true, 0.0, 0.0, 100.0),
            rule(true, 40.0, 0.0, 100.0),
            rule(false, 0.0, 0.0, 40.0),
            rule(false, 100.0, 0.0, 40.0),
        ];
        assert!(grids(&rules).is_empty());
    }
}
