use std::collections::HashMap;

use crate::ooxml::{Token, Xml};
use crate::{DocumentError, Limits};

/// The numbering of lists and headings. Numbers are not in the text of a Word document; they are
/// counted here, because a step without its number cannot be found or quoted.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// Levels by abstract numbering.
    kinds: HashMap<String, Vec<Level>>,
    /// Abstract numbering by the id that paragraphs name.
    instances: HashMap<String, String>,
    /// Counters by abstract numbering and level.
    counters: HashMap<String, [u32; LEVELS]>,
}

const LEVELS: usize = 9;

#[derive(Debug, Clone, Default)]
struct Level {
    format: String,
    text: String,
    start: u32,
}

impl Numbering {
    pub(super) fn read(source: &str, limits: &Limits) -> Result<Self, DocumentError> {
        let mut numbering = Self::default();
        let mut kind: Option<String> = None;
        let mut instance: Option<String> = None;
        let mut at = 0;
        let mut xml = Xml::new(source, limits);
        while let Some(token) = xml.next()? {
            let Token::Open { name, attributes } = token else {
                if let Token::Close { name: "abstractNum" } = token {
                    kind = None;
                }
                continue;
            };
            match name {
                "abstractNum" => {
                    kind = attributes.get("abstractNumId");
                    if let Some(kind) = &kind {
                        numbering.kinds.insert(kind.clone(), vec![Level { start: 1, ..Level::default() }; LEVELS]);
                    }
                }
                "num" => instance = attributes.get("numId"),
                "abstractNumId" => {
                    if let (Some(instance), Some(kind)) = (instance.take(), attributes.get("val")) {
                        numbering.instances.insert(instance, kind);
                    }
                }
                "lvl" => at = attributes.get("ilvl").and_then(|level| level.parse().ok()).unwrap_or(0),
                "start" | "numFmt" | "lvlText" => {
                    let levels = kind.as_ref().and_then(|kind| numbering.kinds.get_mut(kind));
                    let (Some(level), Some(val)) =
                        (levels.and_then(|levels| levels.get_mut(at)), attributes.get("val"))
                    else {
                        continue;
                    };
                    match name {
                        "start" => level.start = val.parse().unwrap_or(1),
                        "numFmt" => level.format = val,
                        _ => level.text = val,
                    }
                }
                _ => {}
            }
        }
        Ok(numbering)
    }

    /// Counts one paragraph on and gives its number or bullet; `None` when it has none.
    pub(super) fn next(&mut self, id: &str, level: usize) -> Option<String> {
        let kind = self.instances.get(id)?;
        let levels = self.kinds.get(kind)?;
        let own = levels.get(level)?;
        let counters = self.counters.entry(kind.clone()).or_default();
        counters[level] = counters[level].saturating_add(1);
        counters[level + 1..].fill(0);
        if own.format == "none" {
            return None;
        }
        if own.format == "bullet" {
            return Some("•".to_owned());
        }
        let mut text = own.text.clone();
        for (above, kind) in levels.iter().enumerate().take(level + 1) {
            let counted = counters[above].max(1);
            let number = counted.saturating_add(kind.start).saturating_sub(1);
            text = text.replace(&format!("%{}", above + 1), &format_number(&kind.format, number));
        }
        let text = text.trim().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

fn format_number(format: &str, number: u32) -> String {
    match format {
        "lowerLetter" => letters(number),
        "upperLetter" => letters(number).to_uppercase(),
        "lowerRoman" => roman(number).to_lowercase(),
        "upperRoman" => roman(number),
        "decimalZero" => format!("{number:02}"),
        _ => number.to_string(),
    }
}

fn letters(number: u32) -> String {
    let letter = char::from(b'a' + ((number.max(1) - 1) % 26) as u8);
    letter.to_string().repeat((((number.max(1) - 1) / 26) + 1).min(8) as usize)
}

/// Roman digits, largest first.
const ROMAN_DIGITS: [(u32, &str); 13] = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

fn roman(mut number: u32) -> String {
    if number > 3999 {
        return number.to_string();
    }
    let mut out = String::new();
    for (value, digit) in ROMAN_DIGITS {
        while number >= value {
            out.push_str(digit);
            number -= value;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_by_level() {
        let xml = "<w:numbering xmlns:w='x'><w:abstractNum w:abstractNumId='0'>\
            <w:lvl w:ilvl='0'><w:start w:val='1'/><w:numFmt w:val='decimal'/><w:lvlText w:val='%1.'/></w:lvl>\
            <w:lvl w:ilvl='1'><w:start w:val='1'/><w:numFmt w:val='lowerLetter'/><w:lvlText w:val='%1.%2)'/></w:lvl>\
            </w:abstractNum><w:num w:numId='5'><w:abstractNumId w:val='0'/></w:num></w:numbering>";
        let mut numbering = Numbering::read(xml, &Limits::default()).unwrap();
        let numbers: Vec<_> = [0, 1, 1, 0, 1].iter().map(|&level| numbering.next("5", level).unwrap()).collect();
        assert_eq!(numbers, ["1.", "1.a)", "1.b)", "2.", "2.a)"]);
        assert_eq!(numbering.next("6", 0), None);
        assert_eq!(roman(1994), "MCMXCIV");
        assert_eq!(letters(28), "bb");
    }
}
