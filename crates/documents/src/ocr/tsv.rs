//! The lines in tesseract's tab-separated values.

/// A word whose picture could as well be dirt has less than this confidence, of 100. A line is kept or left out as a
/// whole: a missing word can turn a sentence round.
const TRUSTED_LINE: f64 = 50.0;
/// Letters stand so high above their line, in font sizes: those with an ascender, capitals and digits; the others.
const TALL: f64 = 0.72;
const LOW: f64 = 0.5;

/// A word in pixels from the top left of the picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) x0: f64,
    pub(crate) x1: f64,
    top: f64,
    bottom: f64,
    confidence: f64,
}

/// A line of words from left to right, in pixels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) words: Vec<Word>,
    /// Where its letters stand.
    pub(crate) baseline: f64,
    /// Its font size.
    pub(crate) size: f64,
}

/// The lines that can be trusted, in the order in which tesseract gives them.
pub(crate) fn lines(tsv: &str) -> Vec<Line> {
    let mut rows: Vec<(&str, Vec<Word>)> = Vec::new();
    for row in tsv.lines() {
        let Some((line, word)) = word(row) else { continue };
        match rows.last_mut() {
            Some((last, words)) if *last == line => words.push(word),
            _ => rows.push((line, vec![word])),
        }
    }
    rows.into_iter().map(|(_, words)| words).filter(|words| is_trusted(words)).map(line).collect()
}

/// The word of a row, and which line it stands on.
fn word(row: &str) -> Option<(&str, Word)> {
    // level, page, block, paragraph, line, word, left, top, width, height, confidence, text
    let columns: Vec<&str> = row.splitn(12, '\t').collect();
    let text = columns.get(11)?.trim();
    if columns[0] != "5" || text.is_empty() {
        return None;
    }
    let number = |column: usize| columns[column].parse::<f64>().ok().filter(|number| number.is_finite());
    let (left, top, width, height) = (number(6)?, number(7)?, number(8)?, number(9)?);
    // Up to the line's number: what the rows of one line have in common.
    let line = &row[..columns[..5].iter().map(|column| column.len() + 1).sum::<usize>()];
    let word = Word {
        text: text.to_owned(),
        x0: left,
        x1: left + width,
        top,
        bottom: top + height,
        confidence: number(10)?.clamp(0.0, 100.0),
    };
    Some((line, word))
}

/// Whether the words are surely text, long ones counting more than short ones.
fn is_trusted(words: &[Word]) -> bool {
    let weight = |word: &Word| word.text.chars().count() as f64;
    let total: f64 = words.iter().map(weight).sum();
    let sure: f64 = words.iter().map(|word| weight(word) * word.confidence).sum();
    words.iter().any(|word| word.text.chars().any(char::is_alphanumeric)) && sure / total.max(1.0) >= TRUSTED_LINE
}

fn line(words: Vec<Word>) -> Line {
    let descends =
        |word: &Word| word.text.contains(['g', 'j', 'p', 'q', 'y', 'Q', ',', ';', '(', ')', '[', ']', '/', '|']);
    let bottoms: Vec<f64> = words.iter().filter(|word| !descends(word)).map(|word| word.bottom).collect();
    let baseline = median(bottoms).unwrap_or_else(|| {
        let (top, bottom) =
            words.iter().fold((f64::MAX, 0.0_f64), |(t, b), word| (word.top.min(t), word.bottom.max(b)));
        bottom - (bottom - top) * 0.22
    });
    let sizes = words.iter().filter(|word| word.text.chars().any(char::is_alphanumeric)).map(|word| {
        let tall = word.text.chars().any(|c| c.is_ascii_digit() || c.is_uppercase() || "bdfhijklßtäöü".contains(c));
        (baseline - word.top) / if tall { TALL } else { LOW }
    });
    let size = median(sizes.collect()).filter(|size| *size > 1.0).unwrap_or(1.0);
    Line { words, baseline, size }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TSV: &str = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n\
        1\t1\t0\t0\t0\t0\t0\t0\t2481\t3508\t-1\t\n\
        4\t1\t3\t1\t1\t0\t261\t475\t425\t47\t-1\t\n\
        5\t1\t3\t1\t1\t1\t261\t476\t59\t36\t96.9\t2.1\n\
        5\t1\t3\t1\t1\t2\t347\t475\t222\t47\t96.2\tHydraulic\n\
        5\t1\t3\t1\t1\t3\t587\t475\t99\t37\t12.0\tdata\n\
        5\t1\t4\t1\t1\t1\t900\t900\t9\t73\t17.9\tEEE\n\
        5\t1\t5\t1\t1\t1\t900\t990\t9\t73\t95\t \n\
        5\t1\t5\t1\t2\t1\t900\tx\t9\t73\t95\tbroken\n\
        5\t1\t5\t1";

    #[test]
    fn a_line_keeps_its_doubtful_word_and_dirt_is_left_out() {
        let lines = lines(TSV);
        let texts: Vec<Vec<&str>> =
            lines.iter().map(|line| line.words.iter().map(|word| word.text.as_str()).collect()).collect();
        assert_eq!(texts, [["2.1", "Hydraulic", "data"]]);
        assert!((lines[0].baseline - 512.0).abs() < 1.0, "{}", lines[0].baseline);
        assert!((45.0..60.0).contains(&lines[0].size), "{}", lines[0].size);
    }
}
