use std::collections::HashSet;

use hayro_interpret::font::{Glyph, GlyphRun, PositionedGlyph};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::kurbo::{Affine, BezPath, PathEl, Point, Rect, Shape};
use hayro_interpret::{BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask};
use hayro_syntax::object::{Dict, Name, String as PdfString};

use super::outline::text_string;
use crate::builder::collapse;
use crate::placed::Place as PagePlace;

/// More glyphs than this on one page are not text that a person reads.
const MAX_GLYPHS: usize = 500_000;
/// More rules than this are a drawing, not tables.
const MAX_RULES: usize = 20_000;
/// A gap of this many font sizes is a space.
const SPACE_GAP: f64 = 0.17;
/// A gap of this many font sizes parts columns or cells.
const CELL_GAP: f64 = 1.15;

/// A word and its extent along the line, in points.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) x0: f64,
    pub(super) x1: f64,
    /// Where it stands on the page, whichever way its text runs.
    pub(super) place: PagePlace,
}

impl Word {
    pub(super) fn new(text: &str, x0: f64, x1: f64) -> Self {
        let place = PagePlace { left: x0, top: 0.0, right: x1, bottom: 0.0 };
        Self { text: text.to_owned(), x0, x1, place }
    }
}

/// Words that stand close together on one baseline. Coordinates are points from the top left of
/// the page, turned so that the text runs to the right.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) words: Vec<Word>,
    /// Baseline.
    pub(super) y: f64,
    /// Font size of its largest glyph.
    pub(super) size: f64,
    pub(super) bold: bool,
    /// Stands for the table of that index among the page's tables.
    pub(super) table: Option<usize>,
}

impl Segment {
    pub(super) fn x0(&self) -> f64 {
        self.words.first().map_or(0.0, |word| word.x0)
    }

    pub(super) fn x1(&self) -> f64 {
        self.words.last().map_or(0.0, |word| word.x1)
    }

    pub(super) fn top(&self) -> f64 {
        self.y - self.size * 0.75
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y + self.size * 0.22
    }

    /// Gives each word its place, for text that is turned by so many degrees.
    pub(super) fn place_words(&mut self, turn: i32) {
        let (sin, cos) = f64::from(turn).to_radians().sin_cos();
        let (top, bottom) = (self.top(), self.bottom());
        for word in &mut self.words {
            let corners = [(word.x0, top), (word.x1, top), (word.x0, bottom), (word.x1, bottom)];
            let corners = corners.map(|(along, across)| (along * cos - across * sin, along * sin + across * cos));
            let least = |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).fold(f64::INFINITY, f64::min);
            let most = |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
            word.place =
                PagePlace { left: least(|c| c.0), top: least(|c| c.1), right: most(|c| c.0), bottom: most(|c| c.1) };
        }
    }
}

/// A drawn straight line along an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) horizontal: bool,
    /// Its place across: y of a horizontal one.
    pub(super) at: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// What was drawn on a page, in drawing order.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    /// Segments of text that runs to the right as the page is read.
    pub(super) segments: Vec<Segment>,
    /// Segments of turned text, each group in its own coordinates.
    pub(super) turned: Vec<(i32, Vec<Segment>)>,
    pub(super) rules: Vec<Rule>,
    /// Glyphs whose character is not known, and all glyphs.
    pub(super) unknown: usize,
    pub(super) glyphs: usize,
    /// Whether anything at all was drawn, seen or not.
    pub(super) painted: bool,
    /// The areas of its pictures together, in square points: scanners cut a page into strips.
    pub(super) covered: f64,
}

/// Collects glyphs and rules while the interpreter runs over a page.
#[derive(Default)]
pub(super) struct Collector {
    drawn: Drawn,
    open: Option<Open>,
    seen: HashSet<(u64, i32, i32)>,
    /// For each open marked content: whether it is a running header, footer or page number, and
    /// the text it stands for.
    marks: Vec<Mark>,
    artifacts: Vec<(i32, Segment)>,
}

#[derive(Default)]
struct Mark {
    artifact: bool,
    actual: Option<String>,
}

/// The segment being gathered.
struct Open {
    turn: i32,
    segment: Segment,
    /// End of the last visible glyph.
    visible: f64,
    /// End of the last glyph, spaces included.
    end: f64,
    space: bool,
    artifact: bool,
    last_size: f64,
}

impl Collector {
    pub(super) fn finish(mut self) -> Drawn {
        self.close();
        // A page that is marked as an artifact altogether still holds its text.
        let all_marked = self.drawn.segments.is_empty() && self.drawn.turned.is_empty();
        if all_marked {
            for (turn, segment) in std::mem::take(&mut self.artifacts) {
                self.keep(turn, segment);
            }
        }
        self.drawn
    }

    fn keep(&mut self, turn: i32, mut segment: Segment) {
        segment.place_words(turn);
        if turn == 0 {
            self.drawn.segments.push(segment);
        } else if let Some((_, group)) = self.drawn.turned.iter_mut().find(|(other, _)| *other == turn) {
            group.push(segment);
        } else {
            self.drawn.turned.push((turn, vec![segment]));
        }
    }

    fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        // What a mark stands for may be several words; they have one place.
        open.segment.words.iter_mut().filter(|word| word.text.contains(char::is_whitespace)).for_each(|word| {
            word.text = collapse(&word.text);
        });
        open.segment.words.retain(|word| !word.text.is_empty());
        if open.segment.words.is_empty() {
            return;
        }
        if open.artifact {
            self.artifacts.push((open.turn, open.segment));
        } else {
            self.keep(open.turn, open.segment);
        }
    }

    fn glyph(&mut self, glyph: &PositionedGlyph<'_>, transform: Affine, vertical: bool, bold: bool) {
        let placed = transform * glyph.transform();
        let [right_x, right_y, up_x, up_y, x, y] = placed.as_coeffs();
        let size = 1000.0 * up_x.hypot(up_y);
        let width = match &**glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(type3) => type3.advance_width(),
        };
        let width = f64::from(width.unwrap_or(500.0));
        let length = right_x.hypot(right_y);
        if !(size.is_finite() && x.is_finite() && y.is_finite() && width.is_finite()) || size < 0.5 || length == 0.0 {
            return;
        }
        let turn = if vertical { 90 } else { ((right_y.atan2(right_x).to_degrees() / 3.0).round() * 3.0) as i32 };
        let (cos, sin) = if vertical { (0.0, 1.0) } else { (right_x / length, right_y / length) };
        let (along, across) = (x * cos + y * sin, y * cos - x * sin);
        let extent = if vertical { size } else { width * length };
        let artifact = self.marks.iter().any(|mark| mark.artifact);
        let place = Place { turn, along, across, end: along + extent, size, bold, artifact };
        // The text that a mark stands for is given once, in place of its first glyph.
        if let Some(mark) = self.marks.iter_mut().rev().find(|mark| mark.actual.is_some()) {
            if let Some(actual) = mark.actual.as_mut().filter(|actual| !actual.is_empty()) {
                let actual = std::mem::take(actual);
                self.put(&place, &actual);
            } else {
                self.stretch(&place);
            }
            return;
        }
        match glyph.as_unicode() {
            Some(BfString::Char(c)) => self.put(&place, c.encode_utf8(&mut [0; 4])),
            Some(BfString::String(text)) => self.put(&place, &text),
            None => {
                self.drawn.unknown += 1;
                self.put(&place, "\u{fffd}");
            }
        }
    }

    fn stretch(&mut self, place: &Place) {
        if let Some(open) = &mut self.open
            && let Some(word) = open.segment.words.last_mut()
        {
            word.x1 = word.x1.max(place.end);
            open.visible = open.visible.max(place.end);
            open.end = open.end.max(place.end);
        }
    }

    fn put(&mut self, place: &Place, text: &str) {
        self.drawn.glyphs += 1;
        let blank = text.chars().all(|c| c.is_whitespace() || c == '\u{a0}' || c.is_control());
        if self.drawn.glyphs > MAX_GLYPHS || (!blank && self.is_shadow(place, text)) {
            return;
        }
        if !self.open.as_ref().is_some_and(|open| open.takes(place)) {
            if blank {
                return;
            }
            self.close();
            self.open = Some(Open::new(place));
        }
        let Some(open) = &mut self.open else { return };
        open.last_size = place.size;
        if blank {
            open.space = true;
            open.end = open.end.max(place.end);
            return;
        }
        let size = open.segment.size.max(place.size);
        let gap = place.along - open.end;
        if open.space || gap > SPACE_GAP * size || open.segment.words.is_empty() {
            open.segment.words.push(Word::new("", place.along, place.end));
        }
        if let Some(word) = open.segment.words.last_mut() {
            text.chars().for_each(|c| push_char(&mut word.text, c));
            word.x1 = word.x1.max(place.end);
        }
        if place.size > open.segment.size * 1.05 {
            (open.segment.size, open.segment.y) = (place.size, place.across);
        }
        open.segment.bold &= place.bold;
        open.space = false;
        open.visible = place.end;
        open.end = place.end;
    }

    /// Whether the same glyph was drawn in the same place before: false bold and shadows.
    fn is_shadow(&mut self, place: &Place, text: &str) -> bool {
        let code = text.chars().fold(u64::from(place.turn.unsigned_abs()), |code, c| {
            code.wrapping_mul(1_114_112).wrapping_add(u64::from(u32::from(c)))
        });
        let cell = place.size * 0.08;
        let (x, y) = ((place.along / cell).round() as i32, (place.across / cell).round() as i32);
        let near = [(0, 0), (-1, 0), (1, 0), (0, 1), (0, -1)];
        if near.iter().any(|&(dx, dy)| self.seen.contains(&(code, x.saturating_add(dx), y.saturating_add(dy)))) {
            return true;
        }
        self.seen.insert((code, x, y));
        false
    }

    fn rule(&mut self, transform: Affine, from: Point, to: Point) {
        if self.drawn.rules.len() >= MAX_RULES {
            return;
        }
        let (p, q) = (transform * from, transform * to);
        let (dx, dy) = ((q.x - p.x).abs(), (q.y - p.y).abs());
        if dx >= 4.0 && dy <= 1.5 {
            let (from, to) = (p.x.min(q.x), p.x.max(q.x));
            self.drawn.rules.push(Rule { horizontal: true, at: f64::midpoint(p.y, q.y), from, to });
        } else if dy >= 4.0 && dx <= 1.5 {
            let (from, to) = (p.y.min(q.y), p.y.max(q.y));
            self.drawn.rules.push(Rule { horizontal: false, at: f64::midpoint(p.x, q.x), from, to });
        }
    }

    fn rectangle(&mut self, rect: &Rect, transform: Affine, stroked: bool) {
        let corners = [(rect.x0, rect.y0), (rect.x1, rect.y0), (rect.x1, rect.y1), (rect.x0, rect.y1)].map(Point::from);
        let across = |from: Point, to: Point| (transform * from).distance(transform * to);
        let (width, height) = (across(corners[0], corners[1]), across(corners[1], corners[2]));
        let middle = |a: Point, b: Point| a.midpoint(b);
        if width <= 2.5 {
            self.rule(transform, middle(corners[0], corners[1]), middle(corners[2], corners[3]));
        } else if height <= 2.5 {
            self.rule(transform, middle(corners[1], corners[2]), middle(corners[3], corners[0]));
        } else if stroked {
            for side in 0..4 {
                self.rule(transform, corners[side], corners[(side + 1) % 4]);
            }
        }
    }
}

struct Place {
    turn: i32,
    along: f64,
    across: f64,
    end: f64,
    size: f64,
    bold: bool,
    artifact: bool,
}

impl Open {
    fn new(place: &Place) -> Self {
        Self {
            turn: place.turn,
            segment: Segment { words: Vec::new(), y: place.across, size: place.size, bold: true, table: None },
            visible: place.along,
            end: place.along,
            space: false,
            artifact: place.artifact,
            last_size: place.size,
        }
    }

    /// Whether a glyph goes on in this segment: the same line, and neither far on nor back.
    fn takes(&self, place: &Place) -> bool {
        let size = self.segment.size.max(place.size);
        self.turn == place.turn
            && self.artifact == place.artifact
            && (self.segment.y - place.across).abs() <= size * 0.45
            && place.along - self.visible <= size * CELL_GAP
            && place.along - self.visible >= -size.min(self.last_size) * 0.7
    }
}

/// Adds a character in the form that people type: ligatures apart, bullets of symbol fonts as
/// bullets, invisible marks left out.
fn push_char(out: &mut String, c: char) {
    match c {
        'ﬀ' => out.push_str("ff"),
        'ﬁ' => out.push_str("fi"),
        'ﬂ' => out.push_str("fl"),
        'ﬃ' => out.push_str("ffi"),
        'ﬄ' => out.push_str("ffl"),
        'ﬅ' | 'ﬆ' => out.push_str("st"),
        '\u{f0b7}' | '\u{f0a7}' | '\u{f06e}' | '\u{f0d8}' | '\u{f076}' | '\u{f0a8}' => out.push('•'),
        '\u{f0fc}' => out.push('✓'),
        '\u{f0e0}' => out.push('→'),
        '\u{f0b0}' => out.push('°'),
        '\u{f06d}' => out.push('µ'),
        '\u{ad}' => out.push('-'),
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => {}
        c if c.is_control() => {}
        c => out.push(c),
    }
}

fn is_bold(glyph: &Glyph<'_>) -> bool {
    let Glyph::Outline(outline) = glyph else { return false };
    outline.font_data().is_some_and(|font| {
        font.weight.is_some_and(|weight| weight >= 600)
            || font
                .postscript_name
                .is_some_and(|name| ["Bold", "bold", "Black", "Heavy"].iter().any(|word| name.contains(word)))
    })
}

impl<'a> Device<'a> for Collector {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        let Some(first) = run.glyphs().first() else { return };
        self.drawn.painted = true;
        let vertical = matches!(run.writing_mode(), WritingMode::Vertical);
        let bold = is_bold(first);
        for glyph in run.glyphs() {
            self.glyph(glyph, props.transform, vertical, bold);
        }
    }

    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.drawn.painted = true;
        let stroked = !matches!(mode, DrawMode::Fill(_));
        if !stroked {
            let bounds = path.bounding_box();
            if path.elements().len() <= 6 {
                self.rectangle(&bounds, props.transform, false);
            }
            return;
        }
        let (mut start, mut at) = (Point::ZERO, Point::ZERO);
        for element in path.elements().iter().take(MAX_RULES) {
            match *element {
                PathEl::MoveTo(to) => (start, at) = (to, to),
                PathEl::LineTo(to) => {
                    self.rule(props.transform, at, to);
                    at = to;
                }
                PathEl::QuadTo(_, to) | PathEl::CurveTo(_, _, to) => at = to,
                PathEl::ClosePath => {
                    self.rule(props.transform, at, start);
                    at = start;
                }
            }
        }
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, mode: &DrawMode) {
        self.rectangle(rect, props.transform, !matches!(mode, DrawMode::Fill(_)));
    }

    fn begin_marked_content(&mut self, tag: &[u8], properties: Option<&Dict<'_>>) {
        let pagination = properties
            .and_then(|dict| dict.get::<Name<'_>>(b"Type".as_slice()))
            .is_some_and(|kind| &*kind == b"Pagination".as_slice());
        let actual = properties
            .and_then(|dict| dict.get::<PdfString<'_>>(b"ActualText".as_slice()))
            .map(|text| text_string(text.as_bytes()));
        self.marks.push(Mark { artifact: tag == b"Artifact" && pagination, actual });
    }

    fn end_marked_content(&mut self) {
        self.marks.pop();
    }

    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_clip_rect(&mut self, _: &Rect) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.drawn.painted = true;
        let area = props.transform.determinant().abs() * f64::from(image.width()) * f64::from(image.height());
        self.drawn.covered += area;
    }

    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
