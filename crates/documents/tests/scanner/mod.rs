//! Makes scans: pages of a PDF drawn as pictures in black and white, and a PDF that holds nothing but these.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};

const DOTS_PER_INCH: f32 = 200.0;

/// A page that is a picture.
#[derive(Clone)]
pub(crate) struct Scan {
    /// In points.
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Columns and rows of the picture.
    pub(crate) pixels: (u32, u32),
    /// One bit a pixel, 1 for white, rows filled up to whole bytes.
    pub(crate) bits: Vec<u8>,
    /// Real text at the foot of the page.
    pub(crate) stamp: Option<&'static str>,
}

/// Scans pages, counted from 0.
pub(crate) fn scans_of(pdf: &[u8], pages: &[usize]) -> Vec<Scan> {
    let pdf = Pdf::new(pdf.to_vec()).expect("a PDF");
    let cache = RenderCache::new();
    let scale = DOTS_PER_INCH / 72.0;
    let settings = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let scan = |&page: &usize| {
        let page = &pdf.pages()[page];
        let (width, height) = page.render_dimensions();
        let drawn = render(page, &cache, &InterpreterSettings::default(), &RenderSettings::default(), &settings);
        let columns = usize::from(drawn.width());
        let mut bits = Vec::new();
        for row in drawn.data().chunks(columns) {
            for byte in row.chunks(8) {
                let white = |at: usize| u8::from(byte.get(at).is_none_or(|pixel| pixel.g > 140)) << (7 - at);
                bits.push((0..8).map(white).sum());
            }
        }
        let pixels = (columns as u32, u32::from(drawn.height()));
        Scan { width: width.into(), height: height.into(), pixels, bits, stamp: None }
    };
    pages.iter().map(scan).collect()
}

/// A PDF of such pages.
pub(crate) fn pdf_of(scans: &[Scan]) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = Vec::new();
    let mut object = |out: &mut Vec<u8>, head: String, stream: Option<&[u8]>| {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n{head}\n", places.len()).bytes());
        if let Some(stream) = stream {
            out.extend(b"stream\n");
            out.extend(stream);
            out.extend(b"\nendstream\n");
        }
        out.extend(b"endobj\n");
    };
    let kids: Vec<String> = (0..scans.len()).map(|at| format!("{} 0 R", 4 + at * 3)).collect();
    object(&mut out, "<</Type/Catalog/Pages 2 0 R>>".to_owned(), None);
    object(&mut out, format!("<</Type/Pages/Kids[{}]/Count {}>>", kids.join(" "), scans.len()), None);
    object(&mut out, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(), None);
    for (at, scan) in scans.iter().enumerate() {
        let (page, (width, height)) = (4 + at * 3, (scan.width, scan.height));
        let resources = format!("<</XObject<</S {} 0 R>>/Font<</F 3 0 R>>>>", page + 2);
        let head = format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Resources {resources}/Contents {} 0 R>>",
            page + 1
        );
        object(&mut out, head, None);
        let stamp = scan.stamp.map(|text| format!(" BT /F 9 Tf 40 20 Td ({text}) Tj ET")).unwrap_or_default();
        let drawing = format!("q {width} 0 0 {height} 0 0 cm /S Do Q{stamp}");
        object(&mut out, format!("<</Length {}>>", drawing.len()), Some(drawing.as_bytes()));
        let (columns, rows) = scan.pixels;
        let head = format!(
            "<</Type/XObject/Subtype/Image/Width {columns}/Height {rows}/ColorSpace/DeviceGray/BitsPerComponent 1/Length {}>>",
            scan.bits.len()
        );
        object(&mut out, head, Some(&scan.bits));
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).bytes());
    for place in &places {
        out.extend(format!("{place:010} 00000 n \n").bytes());
    }
    out.extend(format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n", places.len() + 1).bytes());
    out
}
