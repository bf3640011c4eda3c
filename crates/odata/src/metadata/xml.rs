//! XML within limits: no document types, no entities but the five and characters by number.

use std::collections::HashMap;

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{MetadataError, MetadataLimits};

/// The namespace of SAP's attributes.
const SAP: &str = "http://www.sap.com/Protocols/SAPData";
/// The namespace of `HttpMethod` and others in V2, in its known spellings.
const DATA_SERVICES: &str = "dataservices/metadata";
const MAX_ATTRIBUTES: usize = 100;
const MAX_PREFIXES: usize = 200;

/// An element. Names are without prefix; attributes of SAP begin with `sap:`, those of data services with `m:`.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn children<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(crate) fn child<'e>(&'e self, name: &'e str) -> Option<&'e Element> {
        self.children(name).next()
    }

    /// `true` or `false`; nothing where it is not said.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }
}

/// The root of a document; `keep` says which elements are of interest, with all that is in them.
pub(crate) fn document(
    bytes: &[u8],
    limits: &MetadataLimits,
    keep: impl Fn(&Element) -> bool,
) -> Result<Element, MetadataError> {
    if bytes.len() > limits.max_bytes {
        return Err(MetadataError::Limit("bytes", limits.max_bytes));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| MetadataError::Malformed("it is not UTF-8"))?;
    let mut tree = Tree { reading: Vec::new(), prefixes: HashMap::new(), elements: 0, attributes: 0, limits };
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    loop {
        match reader.read_event().map_err(|_| MetadataError::Malformed("its XML is damaged"))? {
            Event::Start(start) => tree.open(&start)?,
            Event::Empty(start) => {
                tree.open(&start)?;
                if let Some(root) = tree.close(&keep)? {
                    return Ok(root);
                }
            }
            Event::End(_) => {
                if let Some(root) = tree.close(&keep)? {
                    return Ok(root);
                }
            }
            Event::Text(text) => tree.text(&text.xml10_content()),
            Event::CData(text) => tree.text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().ok().flatten().map(String::from);
                let known = || quick_xml::escape::resolve_predefined_entity(&reference).map(str::to_owned);
                let text = character.or_else(known).ok_or(MetadataError::Malformed("it names an entity"))?;
                tree.text(&text);
            }
            Event::DocType(_) => return Err(MetadataError::Malformed("it has a document type")),
            Event::Eof => return Err(MetadataError::Malformed("its XML is cut off")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

struct Tree<'l> {
    reading: Vec<Element>,
    prefixes: HashMap<String, &'static str>,
    elements: usize,
    attributes: usize,
    limits: &'l MetadataLimits,
}

impl Tree<'_> {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), MetadataError> {
        self.elements += 1;
        if self.elements > self.limits.max_elements {
            return Err(MetadataError::Limit("elements", self.limits.max_elements));
        }
        if self.reading.len() >= self.limits.max_depth {
            return Err(MetadataError::Limit("levels", self.limits.max_depth));
        }
        let mut found = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| MetadataError::Malformed("its XML is damaged"))?;
            let value = quick_xml::escape::unescape(&attribute.value);
            let value = value.map_err(|_| MetadataError::Malformed("it names an entity"))?.into_owned();
            let name = attribute.key.as_ref();
            if let Some(prefix) = name.strip_prefix("xmlns:") {
                self.declare(prefix, &value);
            } else if name != "xmlns" {
                found.push((name.to_owned(), value));
            }
            if found.len() > MAX_ATTRIBUTES {
                return Err(MetadataError::Limit("attributes of an element", MAX_ATTRIBUTES));
            }
        }
        self.attributes += found.len();
        if self.attributes > 2 * self.limits.max_elements {
            return Err(MetadataError::Limit("attributes", 2 * self.limits.max_elements));
        }
        let attributes = found.into_iter().filter_map(|(name, value)| Some((self.known(&name)?, value))).collect();
        let name = start.local_name().as_ref().to_owned();
        self.reading.push(Element { name, attributes, ..Element::default() });
        Ok(())
    }

    fn declare(&mut self, prefix: &str, uri: &str) {
        let short = match uri {
            SAP => "sap:",
            _ if uri.ends_with(DATA_SERVICES) => "m:",
            _ => return,
        };
        if self.prefixes.len() < MAX_PREFIXES {
            self.prefixes.insert(prefix.to_owned(), short);
        }
    }

    /// What an attribute is known by; nothing where its namespace is of no interest.
    fn known(&self, name: &str) -> Option<String> {
        match name.split_once(':') {
            None => Some(name.to_owned()),
            Some((prefix, local)) => self.prefixes.get(prefix).map(|short| format!("{short}{local}")),
        }
    }

    fn close(&mut self, keep: &impl Fn(&Element) -> bool) -> Result<Option<Element>, MetadataError> {
        let done = self.reading.pop().ok_or(MetadataError::Malformed("its XML is damaged"))?;
        match self.reading.last_mut() {
            None => return Ok(Some(done)),
            Some(parent) if keep(&done) => parent.children.push(done),
            Some(_) => {}
        }
        Ok(None)
    }

    fn text(&mut self, text: &str) {
        if let Some(open) = self.reading.last_mut() {
            open.text.push_str(text);
        }
    }
}
