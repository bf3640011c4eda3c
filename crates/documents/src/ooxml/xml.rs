use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::{DocumentError, Limits};

/// A pull reader over one XML part: names without prefix, text resolved, nesting limited,
/// entities of a document type never expanded.
pub(crate) struct Xml<'x> {
    reader: Reader<&'x [u8]>,
    /// The event the last token borrows from.
    event: Event<'x>,
    /// An element `<x/>` whose close is still to be told.
    empty: bool,
    depth: u32,
    max_depth: u32,
}

pub(crate) enum Token<'t> {
    Open { name: &'t str, attributes: Attributes<'t> },
    Close { name: &'t str },
    Text(std::borrow::Cow<'t, str>),
}

pub(crate) struct Attributes<'t>(&'t BytesStart<'t>);

impl Attributes<'_> {
    /// The value of the attribute of that local name.
    pub(crate) fn get(&self, local_name: &str) -> Option<String> {
        let attribute = self
            .0
            .attributes()
            .with_checks(false)
            .filter_map(Result::ok)
            .find(|attribute| attribute.key.local_name().as_ref() == local_name)?;
        Some(quick_xml::escape::unescape(&attribute.value).map_or_else(|_| attribute.value.to_string(), Into::into))
    }

    /// The relation that an element names: `r:id`, as distinct from an `id` of its own.
    pub(crate) fn relation(&self) -> Option<String> {
        let attribute = self
            .0
            .attributes()
            .with_checks(false)
            .filter_map(Result::ok)
            .find(|attribute| attribute.key.prefix().is_some() && attribute.key.local_name().as_ref() == "id")?;
        Some(attribute.value.to_string())
    }

    /// `w:val` of an on/off element: absent means on.
    pub(crate) fn is_on(&self) -> bool {
        !matches!(self.get("val").as_deref(), Some("0" | "false" | "off"))
    }
}

impl<'x> Xml<'x> {
    pub(crate) fn new(source: &'x str, limits: &Limits) -> Self {
        let mut reader = Reader::from_str(source);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        config.check_end_names = true;
        Self { reader, event: Event::Eof, empty: false, depth: 0, max_depth: limits.max_depth }
    }

    /// The next token; `None` at the end of the part.
    pub(crate) fn next(&mut self) -> Result<Option<Token<'_>>, DocumentError> {
        let pending_close = std::mem::take(&mut self.empty);
        if !pending_close {
            loop {
                self.event = self.reader.read_event().map_err(|_| DocumentError::unreadable("its XML is damaged"))?;
                if !matches!(self.event, Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) {
                    break;
                }
            }
        }
        Ok(match &self.event {
            Event::Empty(element) if pending_close => Some(Token::Close { name: element.local_name().into_inner() }),
            Event::Start(element) => {
                self.depth += 1;
                if self.depth > self.max_depth {
                    return Err(DocumentError::limit(format!("XML nested deeper than {}", self.max_depth)));
                }
                Some(Token::Open { name: element.local_name().into_inner(), attributes: Attributes(element) })
            }
            Event::Empty(element) => {
                self.empty = true;
                Some(Token::Open { name: element.local_name().into_inner(), attributes: Attributes(element) })
            }
            Event::End(element) => {
                self.depth = self.depth.saturating_sub(1);
                Some(Token::Close { name: element.local_name().into_inner() })
            }
            Event::Text(text) => Some(Token::Text(text.xml10_content())),
            Event::CData(text) => Some(Token::Text(text.xml10_content())),
            Event::GeneralRef(reference) => Some(Token::Text(resolve(reference).into())),
            _ if self.depth > 0 => return Err(DocumentError::unreadable("its XML is cut off")),
            _ => None,
        })
    }
}

fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.to_string();
    }
    quick_xml::escape::resolve_xml_entity(reference).unwrap_or_default().to_owned()
}

/// The text inside the first element of that name.
pub(crate) fn text_of_first(source: &str, element: &str, limits: &Limits) -> Option<String> {
    let mut xml = Xml::new(source, limits);
    let mut inside = false;
    let mut text = String::new();
    while let Ok(Some(token)) = xml.next() {
        match token {
            Token::Open { name, .. } => inside |= name == element,
            Token::Close { name } if inside && name == element => break,
            Token::Text(part) if inside => text.push_str(&part),
            _ => {}
        }
    }
    let text = crate::builder::collapse(&text);
    (!text.is_empty()).then_some(text)
}
