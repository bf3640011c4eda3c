use scraper::{Html, Node};

use crate::builder::{PageBuilder, check_characters, collapse, row_text};
use crate::{BlockKind, DocumentError, Limits};

/// Elements whose content is no part of the document's text.
const DROPPED: &[&str] = &[
    "script", "style", "noscript", "template", "head", "nav", "svg", "canvas", "iframe", "object", "button", "select",
    "textarea", "form", "dialog", "audio", "video",
];

/// Elements that begin and end a paragraph.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "header",
    "hr",
    "html",
    "legend",
    "main",
    "ol",
    "p",
    "section",
    "summary",
    "ul",
];

/// Reads a web page into blocks. Scripts, styles, navigation and forms are dropped; nothing is
/// fetched. The returned title is the one in the page's head.
///
/// # Errors
/// `LimitExceeded` for elements nested too deep, or too much text.
pub(crate) fn read(source: &str, limits: &Limits, page: &mut PageBuilder) -> Result<Option<String>, DocumentError> {
    let too_deep = || DocumentError::limit(format!("elements nested deeper than {}", limits.max_depth));
    // The tree builder's cost grows with depth, so absurd nesting is refused before it runs.
    if nesting_estimate(source) > limits.max_depth.saturating_mul(4) {
        return Err(too_deep());
    }
    let html = Html::parse_document(source);
    let mut reader = Reader { page, text: String::new(), state: State::default(), title: None };
    let mut depth = 0_u32;
    let mut node = Some(html.tree.root());
    while let Some(at) = node {
        let enter = reader.open(at.value());
        if let (true, Some(child)) = (enter, at.first_child()) {
            depth += 1;
            if depth > limits.max_depth {
                return Err(too_deep());
            }
            node = Some(child);
            continue;
        }
        let mut leaving = at;
        node = loop {
            reader.close(leaving.value());
            check_characters((reader.page.length() + reader.text.len() / 4) as u64, limits)?;
            if let Some(next) = leaving.next_sibling() {
                break Some(next);
            }
            let Some(parent) = leaving.parent() else { break None };
            depth = depth.saturating_sub(1);
            leaving = parent;
        };
    }
    reader.flush();
    Ok(reader.title)
}

/// How deep elements that never close themselves stand inside each other, at the most.
fn nesting_estimate(source: &str) -> u32 {
    const COUNTED: &[&str] = &[
        "div",
        "span",
        "b",
        "i",
        "u",
        "em",
        "strong",
        "font",
        "table",
        "ul",
        "ol",
        "dl",
        "blockquote",
        "section",
        "small",
        "big",
        "sub",
        "sup",
        "center",
        "article",
        "code",
        "svg",
        "g",
        "math",
        "template",
    ];
    let (mut depth, mut deepest) = (0_u32, 0_u32);
    for part in source.split('<').skip(1) {
        let (closing, part) = part.strip_prefix('/').map_or((false, part), |rest| (true, rest));
        let end = part.bytes().take(12).position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(part.len().min(12));
        let Some(name) = part.get(..end) else { continue };
        if COUNTED.iter().any(|counted| counted.eq_ignore_ascii_case(name)) {
            depth = if closing { depth.saturating_sub(1) } else { depth + 1 };
            deepest = deepest.max(depth);
        }
    }
    deepest
}

#[derive(Default)]
struct State {
    heading: Option<u8>,
    pre: u32,
    lists: Vec<Option<u32>>,
    in_item: u32,
    tables: u32,
    cells: Vec<String>,
    header_cells: usize,
    rows: usize,
    in_cell: bool,
}

struct Reader<'p> {
    page: &'p mut PageBuilder,
    text: String,
    state: State,
    title: Option<String>,
}

impl Reader<'_> {
    /// Takes in a node; false when its children are to be left out.
    fn open(&mut self, node: &Node) -> bool {
        match node {
            Node::Text(text) => {
                self.text.push_str(text);
                false
            }
            Node::Element(element) => self.open_element(element.name(), element),
            Node::Document | Node::Fragment => true,
            _ => false,
        }
    }

    fn open_element(&mut self, name: &str, element: &scraper::node::Element) -> bool {
        let hidden = element.attr("hidden").is_some() || element.attr("aria-hidden") == Some("true");
        let navigation = element.attr("role") == Some("navigation");
        if name == "head" {
            return true;
        }
        if hidden || navigation || DROPPED.contains(&name) {
            return false;
        }
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.flush();
                self.state.heading = name[1..].parse().ok();
            }
            "title" => self.text.clear(),
            "pre" => {
                self.flush();
                self.state.pre += 1;
            }
            "ul" | "ol" => {
                self.flush();
                let start = element.attr("start").and_then(|start| start.parse().ok()).unwrap_or(1);
                self.state.lists.push((name == "ol").then_some(start));
            }
            "li" => {
                self.flush();
                self.state.in_item += 1;
                let marker = self.next_marker();
                self.text.push_str(&marker);
            }
            "table" => {
                self.flush();
                self.state.tables += 1;
                self.state.rows = 0;
            }
            "tr" if self.state.tables == 1 => {
                self.state.cells.clear();
                self.state.header_cells = 0;
                self.text.clear();
            }
            "td" | "th" if self.state.tables == 1 => {
                self.text.clear();
                self.state.in_cell = true;
                self.state.header_cells += usize::from(name == "th");
            }
            "br" => self.text.push('\n'),
            "img" => {
                if let Some(alt) = element.attr("alt") {
                    self.text.push(' ');
                    self.text.push_str(alt);
                    self.text.push(' ');
                }
            }
            name if BLOCKS.contains(&name) => self.boundary(),
            _ => {}
        }
        true
    }

    fn close(&mut self, node: &Node) {
        let Node::Element(element) = node else { return };
        match element.name() {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.flush();
                self.state.heading = None;
            }
            "title" if self.title.is_none() => {
                let title = collapse(&std::mem::take(&mut self.text));
                self.title = (!title.is_empty()).then_some(title);
            }
            "head" => self.text.clear(),
            "pre" => {
                self.flush();
                self.state.pre = self.state.pre.saturating_sub(1);
            }
            "ul" | "ol" => {
                self.flush();
                self.state.lists.pop();
            }
            "li" => {
                self.flush();
                self.state.in_item = self.state.in_item.saturating_sub(1);
            }
            "td" | "th" if self.state.tables == 1 => {
                self.state.cells.push(std::mem::take(&mut self.text));
                self.state.in_cell = false;
            }
            "tr" if self.state.tables == 1 => self.row(),
            "table" => {
                self.state.tables = self.state.tables.saturating_sub(1);
                self.boundary();
            }
            name if BLOCKS.contains(&name) => self.boundary(),
            _ => {}
        }
    }

    fn next_marker(&mut self) -> String {
        match self.state.lists.last_mut() {
            Some(Some(number)) => {
                *number = number.saturating_add(1);
                format!("{}. ", number.saturating_sub(1))
            }
            _ => "• ".to_owned(),
        }
    }

    fn row(&mut self) {
        let header =
            self.state.header_cells > 1 && self.state.header_cells == self.state.cells.len() && self.state.rows == 0;
        let text = row_text(self.state.cells.iter().map(String::as_str));
        self.page.push(BlockKind::TableRow { header }, &text);
        self.state.rows += 1;
        self.state.cells.clear();
        self.text.clear();
    }

    /// The edge of a paragraph; inside a cell or a list item only a space.
    fn boundary(&mut self) {
        if self.state.in_cell || (self.state.in_item > 0 && self.text.trim() == "•") {
            self.text.push(' ');
        } else {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.state.in_cell {
            self.text.push(' ');
            return;
        }
        let text = std::mem::take(&mut self.text);
        if text.trim() == "•" {
            return;
        }
        if self.state.pre > 0 {
            self.page.push(BlockKind::Code, text.trim_matches('\n'));
        } else if let Some(level) = self.state.heading {
            self.page.push(BlockKind::Heading { level }, &collapse(&text));
        } else if self.state.in_item > 0 {
            self.page.push(BlockKind::ListItem, &collapse(&text));
        } else {
            self.page.push(BlockKind::Paragraph, &collapse(&text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(source: &str) -> (Option<String>, Vec<(BlockKind, String)>) {
        let mut page = PageBuilder::default();
        let title = read(source, &Limits::default(), &mut page).unwrap();
        let page = page.finish(1);
        let chars: Vec<char> = page.text.chars().collect();
        let blocks = page.blocks.iter().map(|b| (b.kind, chars[b.start..b.end].iter().collect())).collect();
        (title, blocks)
    }

    #[test]
    fn the_text_is_kept_and_the_chrome_is_not() {
        let source = "<!doctype html><html><head><title>Pump\n manual</title><style>x{}</style></head><body><nav><a>Home</a></nav>\
            <h1>Pump</h1><script>alert(1)</script><p>Tighten to <b>45&nbsp;Nm</b>.<ul><li>one</li><li><p>two</p></li></ul>\
            <table><tr><th>Part</th><th>No</th></tr><tr><td>Bearing <p>front</p></td><td>6205-2RS</td></tr></table><pre>a\n  b</pre>";
        let (title, blocks) = read_all(source);
        assert_eq!(title.as_deref(), Some("Pump manual"));
        assert_eq!(
            blocks,
            vec![
                (BlockKind::Heading { level: 1 }, "Pump".to_owned()),
                (BlockKind::Paragraph, "Tighten to 45 Nm.".to_owned()),
                (BlockKind::ListItem, "• one".to_owned()),
                (BlockKind::ListItem, "• two".to_owned()),
                (BlockKind::TableRow { header: true }, "Part | No".to_owned()),
                (BlockKind::TableRow { header: false }, "Bearing front | 6205-2RS".to_owned()),
                (BlockKind::Code, "a\n  b".to_owned()),
            ]
        );
    }

    #[test]
    fn deep_nesting_is_refused_quickly() {
        for tag in ["div", "b", "x", "span"] {
            let source = format!("<{tag}>").repeat(20_000) + "x";
            let mut page = PageBuilder::default();
            assert!(
                matches!(read(&source, &Limits::default(), &mut page), Err(DocumentError::LimitExceeded { .. })),
                "{tag}"
            );
        }
    }
}
