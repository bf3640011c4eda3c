//! Tables as text (CSV): a row a line, cells parted by commas, semicolons, tabs or bars.

use crate::builder::{PageBuilder, check_characters, row_text};
use crate::{BlockKind, DocumentError, Limits};

const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines that the separator is told by.
const LOOKED_AT: usize = 20;

/// Reads a table. Its first row names the columns.
///
/// # Errors
/// `LimitExceeded` when the text grows beyond the limit.
pub(crate) fn read(source: &str, limits: &Limits, page: &mut PageBuilder) -> Result<(), DocumentError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator(source))
        .has_headers(false)
        .flexible(true)
        .from_reader(source.trim_start_matches('\u{feff}').as_bytes());
    let mut header = true;
    for row in reader.records() {
        // The text is Unicode already and rows may have any length: nothing is left to fail but reading itself.
        let row = row.map_err(|error| DocumentError::unreadable(format!("it is no table: {error}")))?;
        let text = row_text(row.iter());
        if !text.is_empty() {
            page.push(BlockKind::TableRow { header: header && row.len() > 1 }, &text);
            header = false;
        }
        check_characters(page.length() as u64, limits)?;
    }
    Ok(())
}

/// The separator that stands most often in every one of the first lines.
fn separator(source: &str) -> u8 {
    let lines: Vec<&str> = source.lines().filter(|line| !line.trim().is_empty()).take(LOOKED_AT).collect();
    let in_all = |separator: &u8| {
        lines.iter().map(|line| line.bytes().filter(|byte| byte == separator).count()).min().unwrap_or_default()
    };
    // Of equals the first: a comma.
    SEPARATORS.into_iter().rev().max_by_key(in_all).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(source: &str) -> Vec<(bool, String)> {
        let mut builder = PageBuilder::default();
        read(source, &Limits::default(), &mut builder).unwrap();
        let page = builder.finish(1);
        let characters: Vec<char> = page.text.chars().collect();
        let row = |block: &crate::Block| {
            let text = characters[block.start..block.end].iter().collect();
            (block.kind == BlockKind::TableRow { header: true }, text)
        };
        page.blocks.iter().map(row).collect()
    }

    #[test]
    fn separators_are_told_apart_and_quotes_hold_them() {
        let german = rows("Teil;Drehmoment\nSchraube M8;25,5\n\"Welle; lang\";1,5\n");
        assert_eq!(german[0], (true, "Teil | Drehmoment".to_owned()));
        assert_eq!(german[2], (false, "Welle; lang | 1,5".to_owned()));
        assert_eq!(rows("a\tb\n1\t2, 3\n")[1].1, "1 | 2, 3");
        assert_eq!(rows("a,b\n1,2\n")[1].1, "1 | 2");
    }

    #[test]
    fn odd_rows_and_empty_lines_are_no_failure() {
        assert_eq!(rows("a,b\n\n1\n2,3,4\n").len(), 3);
        assert!(rows("").is_empty());
    }
}
