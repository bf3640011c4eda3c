use std::collections::HashMap;

use crate::ooxml::{Token, Xml};
use crate::{DocumentError, Limits};

/// What the styles of a document say about structure.
#[derive(Debug, Default)]
pub(super) struct Styles(HashMap<String, Style>);

#[derive(Debug, Default, Clone)]
struct Style {
    name: String,
    based_on: Option<String>,
    outline: Option<u8>,
    numbering: Option<(String, usize)>,
}

impl Styles {
    pub(super) fn read(source: &str, limits: &Limits) -> Result<Self, DocumentError> {
        let mut styles = HashMap::new();
        let mut id = None;
        let mut style = Style::default();
        let mut xml = Xml::new(source, limits);
        while let Some(token) = xml.next()? {
            match token {
                Token::Open { name: "style", attributes } => {
                    id = attributes.get("styleId");
                    style = Style::default();
                }
                Token::Open { name: "name", attributes } => {
                    style.name = attributes.get("val").unwrap_or_default().to_lowercase();
                }
                Token::Open { name: "basedOn", attributes } => style.based_on = attributes.get("val"),
                Token::Open { name: "outlineLvl", attributes } => style.outline = level(attributes.get("val")),
                Token::Open { name: "numId", attributes } => {
                    let at = style.numbering.take().map_or(0, |(_, at)| at);
                    style.numbering = attributes.get("val").map(|id| (id, at));
                }
                Token::Open { name: "ilvl", attributes } => {
                    let at = attributes.get("val").and_then(|val| val.parse().ok()).unwrap_or(0);
                    style.numbering = Some((style.numbering.take().map(|(id, _)| id).unwrap_or_default(), at));
                }
                Token::Close { name: "style" } => {
                    if let Some(id) = id.take() {
                        styles.insert(id, std::mem::take(&mut style));
                    }
                }
                _ => {}
            }
        }
        Ok(Self(styles))
    }

    /// The heading level that a style gives: by outline level, or by the style's name, which Word
    /// stores in English whatever the language of the program.
    pub(super) fn heading(&self, id: &str) -> Option<u8> {
        let by_id = heading_by_name(&id.to_lowercase());
        self.chain(id).find_map(|style| style.outline.or_else(|| heading_by_name(&style.name))).or(by_id)
    }

    pub(super) fn is_list(&self, id: &str) -> bool {
        self.chain(id).any(|style| style.name.starts_with("list ")) || id.starts_with("List")
    }

    pub(super) fn is_code(&self, id: &str) -> bool {
        self.chain(id).any(|style| style.name.contains("code") || style.name.starts_with("html preformatted"))
    }

    /// Numbering that comes with a style.
    pub(super) fn numbering(&self, id: &str) -> Option<(String, usize)> {
        self.chain(id).find_map(|style| style.numbering.clone()).filter(|(id, _)| !id.is_empty())
    }

    /// A style and those it is based on; a circle ends after 16.
    fn chain<'s>(&'s self, id: &str) -> impl Iterator<Item = &'s Style> {
        std::iter::successors(self.0.get(id), |style| style.based_on.as_ref().and_then(|id| self.0.get(id))).take(16)
    }
}

/// Levels count from 0 in the file; 9 means body text.
pub(super) fn level(val: Option<String>) -> Option<u8> {
    let level: u8 = val?.parse().ok()?;
    (level < 9).then_some(level + 1)
}

/// The word for a heading in names of styles. The second loses its first letter in style ids.
const HEADING_WORDS: [&str; 10] =
    ["heading", "überschrift", "berschrift", "titre", "título", "titolo", "kop", "rubrik", "overskrift", "nagłówek"];

fn heading_by_name(name: &str) -> Option<u8> {
    if matches!(name, "title" | "titel" | "titre" | "titolo" | "título") {
        return Some(1);
    }
    let word = HEADING_WORDS.iter().find_map(|word| name.strip_prefix(word))?;
    let level: u8 = word.trim().parse().ok()?;
    (1..=9).contains(&level).then_some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_known_in_other_languages_and_by_inheritance() {
        let xml = "<w:styles xmlns:w='x'>\
            <w:style w:styleId='berschrift2'><w:name w:val='heading 2'/><w:basedOn w:val='Loop'/></w:style>\
            <w:style w:styleId='Loop'><w:name w:val='x'/><w:basedOn w:val='Loop'/></w:style>\
            <w:style w:styleId='Chapter'><w:name w:val='Chapter'/><w:pPr><w:outlineLvl w:val='0'/></w:pPr></w:style>\
            <w:style w:styleId='Sub'><w:name w:val='Sub'/><w:basedOn w:val='Chapter'/></w:style></w:styles>";
        let styles = Styles::read(xml, &Limits::default()).unwrap();
        assert_eq!(styles.heading("berschrift2"), Some(2));
        assert_eq!(styles.heading("Sub"), Some(1));
        assert_eq!(styles.heading("Loop"), None);
        assert_eq!(Styles::default().heading("Heading3"), Some(3));
    }
}
