//! PDF. The interpreter draws each page into a collector of glyphs and rules; lines, columns,
//! tables and headings are told from where these stand. A page that is a picture is drawn and read
//! by text recognition where that is installed; other images are never decoded. Scripts never run,
//! embedded files are never opened.

mod blocks;
mod glyphs;
mod layout;
mod outline;
mod profile;
mod scan;
mod table;
mod unruled;

use hayro_interpret::kurbo::Rect;
use hayro_interpret::util::TransformExt;
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, interpret_page};
use hayro_syntax::page::Page as PdfPage;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use crate::builder::{PageBuilder, check_characters, collapse};
use crate::ocr::PictureReader;
use crate::{DocumentError, Format, Limits, PARSER, Page, Summary, Unrecognized};
use glyphs::{Collector, Drawn};
use layout::Line;
use profile::Profile;

/// Readers look for the end of a PDF in its last kibibyte; some writers append a little.
const END_BYTES: usize = 2048;
/// How many pages are looked at beforehand to learn what the document looks like.
const SAMPLED_PAGES: usize = 16;
/// A page on which a picture covers this share and that has fewer characters than this beside it (a number, a stamp)
/// is a scan.
const SCAN_COVER: f64 = 0.5;
const SCAN_CHARACTERS: usize = 100;

/// Reads a PDF page by page, scans by `recognition` if there is one.
///
/// # Errors
/// `Unreadable`, `Encrypted`, `NeedsOcr` when no page has text, `LimitExceeded`.
pub(crate) fn read(
    bytes: &[u8],
    limits: &Limits,
    recognition: Option<&PictureReader<'_>>,
    on_page: &mut dyn FnMut(Page) -> Result<(), DocumentError>,
) -> Result<Summary, DocumentError> {
    let pdf = Pdf::new(bytes.to_vec()).map_err(load_error)?;
    let count = pdf.pages().len();
    if count == 0 {
        return Err(DocumentError::unreadable("no page can be found in it"));
    }
    if count > limits.max_pages as usize {
        return Err(DocumentError::limit(format!("{count} pages, more than {}", limits.max_pages)));
    }
    let reader = Reader { pdf: &pdf, cache: InterpreterCache::new() };
    let profile = reader.profile();
    let mut characters = 0_u64;
    let (mut without_text, mut recognized, mut out_of_time) = (Vec::new(), Vec::new(), Vec::new());
    let mut any_readable = false;
    for (at, pdf_page) in pdf.pages().iter().enumerate() {
        let number = at as u32 + 1;
        let (builder, read, in_time) = reader.page(pdf_page, &profile, recognition);
        if !in_time {
            out_of_time.push(number);
        }
        match read {
            Read::Text => any_readable = true,
            Read::Recognized => recognized.push(number),
            Read::Nothing => without_text.push(number),
        }
        characters += builder.length() as u64;
        check_characters(characters, limits)?;
        let page = builder.finish_printed(number, pdf_page.render_dimensions());
        on_page(Page { recognized: matches!(read, Read::Recognized), ..page })?;
    }
    // A file that was cut in transfer still lists its first pages, but their contents are gone. Half a manual must not
    // pass for a whole one.
    if !without_text.is_empty() && is_cut_off(bytes) {
        return Err(DocumentError::unreadable(
            "the PDF is cut off: its end and the contents of some pages are missing",
        ));
    }
    if !any_readable && recognized.is_empty() {
        return Err(match recognition {
            None => DocumentError::needs_ocr(without_text, Unrecognized::NotTried),
            Some(_) if out_of_time.is_empty() => DocumentError::needs_ocr(without_text, Unrecognized::NothingFound),
            Some(_) => DocumentError::needs_ocr(out_of_time, Unrecognized::OutOfTime),
        });
    }
    let title = pdf.metadata().title.as_deref().map(|title| collapse(&outline::text_string(title)));
    Ok(Summary {
        format: Format::Pdf,
        page_count: count as u32,
        paged: true,
        characters,
        title: title.filter(|title| !title.is_empty()),
        pages_without_text: without_text,
        recognition: None,
        pages_recognized: recognized,
        pages_out_of_time: out_of_time,
        parser: PARSER.to_owned(),
    })
}

/// The page that recognised lines make.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn page_of_lines(lines: Vec<crate::ocr::Line>) -> Page {
    const HEIGHT: f32 = 842.0;
    let mut builder = PageBuilder::default();
    scan::write(lines, 4.0, HEIGHT.into(), &Profile::default(), &mut builder);
    builder.finish_printed(1, (595.0, HEIGHT))
}

/// Whether neither of the marks that end every PDF stands near the end of the file.
fn is_cut_off(bytes: &[u8]) -> bool {
    let end = &bytes[bytes.len().saturating_sub(END_BYTES)..];
    let has = |mark: &[u8]| end.windows(mark.len()).any(|window| window == mark);
    !has(b"%%EOF") && !has(b"startxref")
}

fn load_error(error: LoadPdfError) -> DocumentError {
    match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            DocumentError::encrypted("it opens only with a password")
        }
        LoadPdfError::Decryption(_) => DocumentError::encrypted("it uses an encryption that is not known here"),
        LoadPdfError::Invalid => DocumentError::unreadable("the PDF is damaged or cut off"),
    }
}

/// Where the text of a page came from.
enum Read {
    Text,
    Recognized,
    Nothing,
}

struct Reader<'p> {
    pdf: &'p Pdf,
    cache: InterpreterCache<'p>,
}

impl<'p> Reader<'p> {
    fn draw(&self, page: &PdfPage<'p>) -> Drawn {
        let transform = page.initial_transform(true).to_kurbo();
        let (width, height) = page.render_dimensions();
        let bounds = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let mut context = Context::new(transform, bounds, &self.cache, self.pdf.xref(), InterpreterSettings::default());
        let mut collector = Collector::default();
        interpret_page(page, &mut context, &mut collector);
        collector.finish()
    }

    /// The text of a page, where it came from, and whether there was time to read all of it.
    fn page(
        &self,
        page: &'p PdfPage<'p>,
        profile: &Profile,
        recognition: Option<&PictureReader<'_>>,
    ) -> (PageBuilder, Read, bool) {
        let (width, height) = page.render_dimensions();
        let mut builder = PageBuilder::default();
        let drawn = self.draw(page);
        let covered = drawn.covered / (f64::from(width) * f64::from(height)).max(1.0);
        // Glyphs without a known character say nothing to a reader.
        let any = !drawn.segments.is_empty() || !drawn.turned.is_empty();
        let readable = any && drawn.glyphs > drawn.unknown * 2;
        let painted = drawn.painted;
        if readable {
            write_page(drawn, f64::from(height), profile, &mut builder);
        }
        let has_text = builder.length() > 0;
        let scan = !has_text || (covered >= SCAN_COVER && builder.length() < SCAN_CHARACTERS);
        let mut in_time = true;
        if let Some(recognition) = recognition.filter(|_| painted && scan) {
            let mut scanned = PageBuilder::default();
            in_time = recognition.may_go_on() && scan::read(page, recognition, profile, &mut scanned);
            // What little text there is stands on the picture too.
            if scanned.length() > builder.length() {
                return (scanned, Read::Recognized, in_time);
            }
        }
        (builder, if readable { Read::Text } else { Read::Nothing }, in_time)
    }

    /// Learns from pages spread over the document, odd and even ones.
    fn profile(&self) -> Profile {
        let pages = self.pdf.pages();
        let step = pages.len().div_ceil(SAMPLED_PAGES).max(1);
        let mut sample = Vec::new();
        for (at, start) in (0..pages.len()).step_by(step).enumerate() {
            let index = if step > 1 { start + at % 2 } else { start };
            let Some(page) = pages.get(index) else { continue };
            let lines: Vec<Line> = layout::regions(self.draw(page).segments).into_iter().flatten().collect();
            sample.push((lines, f64::from(page.render_dimensions().1)));
        }
        Profile::learn(&sample, outline::titles(self.pdf))
    }
}

fn write_page(mut drawn: Drawn, height: f64, profile: &Profile, page: &mut PageBuilder) {
    let mut tables = Vec::new();
    for grid in table::grids(&drawn.rules) {
        let rows = grid.rows(&mut drawn.segments);
        if !rows.is_empty() {
            drawn.segments.push(grid.placeholder(tables.len()));
            tables.push(rows);
        }
    }
    for mut lines in layout::regions(drawn.segments) {
        lines.retain(|line| !profile.is_furniture(line, height));
        blocks::of_region(&lines, &tables, profile, page);
    }
    for (_, segments) in drawn.turned {
        for lines in layout::regions(segments) {
            blocks::of_region(&lines, &[], profile, page);
        }
    }
}
