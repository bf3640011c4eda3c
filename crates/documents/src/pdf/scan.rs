//! Pages that are pictures: drawn, and read by text recognition.

use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use hayro_interpret::InterpreterSettings;
use hayro_syntax::page::Page as PdfPage;

use super::blocks;
use super::glyphs::{Segment, Word};
use super::layout;
use super::profile::Profile;
use crate::builder::PageBuilder;
use crate::ocr::{Line, Picture, PictureReader, Reading};

/// What text recognition is made for.
const DOTS_PER_INCH: f64 = 300.0;
const POINTS_PER_INCH: f64 = 72.0;
/// The most that is drawn: an A3 page at 300 dots per inch. Larger pages are drawn coarser.
const MOST_PIXELS: f64 = 18e6;
/// The longest side that tesseract takes is 32,767.
const LONGEST_SIDE: f64 = 30_000.0;
/// A gap of this many font sizes parts columns or cells: spaces on scans are wider than in fonts.
const CELL_GAP: f64 = 1.5;
/// Sizes that differ by less than this share are one size: measured from pictures, they are never quite the same.
const SAME_SIZE: f64 = 0.2;

/// Reads a page by recognition. False when the time for that was up.
pub(super) fn read<'p>(
    page: &'p PdfPage<'p>,
    recognition: &PictureReader<'_>,
    profile: &Profile,
    builder: &mut PageBuilder,
) -> bool {
    let (width, height) = page.render_dimensions();
    let Some(scale) = scale(f64::from(width), f64::from(height)) else { return true };
    match recognition.read(|| draw(page, scale).filter(|picture| !picture.is_plain())) {
        Reading::Lines(lines) => write(lines, scale, f64::from(height), profile, builder),
        Reading::OutOfTime => return false,
    }
    true
}

/// Writes recognised lines as blocks.
pub(super) fn write(lines: Vec<Line>, scale: f64, height: f64, profile: &Profile, builder: &mut PageBuilder) {
    let regions = layout::regions(segments(lines, scale));
    let all: Vec<layout::Line> = regions.iter().flatten().cloned().collect();
    let own = Profile::learn(&[(all, height)], profile.outline.clone());
    for lines in regions {
        blocks::of_region(&lines, &[], &own, builder);
    }
}

/// Pixels for a point; nothing for a page that has no size.
fn scale(width: f64, height: f64) -> Option<f64> {
    let wanted = DOTS_PER_INCH / POINTS_PER_INCH;
    let fits = (MOST_PIXELS / (width * height)).sqrt().min(LONGEST_SIDE / width.max(height));
    let scale = wanted.min(fits);
    (scale.is_finite() && width * scale >= 1.0 && height * scale >= 1.0).then_some(scale)
}

fn draw<'p>(page: &'p PdfPage<'p>, scale: f64) -> Option<Picture> {
    // A cache for each page: what one scan needs no other does, and it would only grow.
    let cache = RenderCache::new();
    let scale_32 = scale as f32;
    let settings = PixmapSettings { x_scale: scale_32, y_scale: scale_32, bg_color: WHITE };
    let pixels = render(page, &cache, &InterpreterSettings::default(), &RenderSettings::default(), &settings);
    let (width, height) = (u32::from(pixels.width()), u32::from(pixels.height()));
    // The weights of ITU-R BT.601, in 256ths.
    let luma = |r: u8, g: u8, b: u8| (u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29) >> 8;
    let grey: Vec<u8> = pixels.data().iter().map(|pixel| luma(pixel.r, pixel.g, pixel.b) as u8).collect();
    let dots_per_inch = (scale * POINTS_PER_INCH).round().max(70.0) as u32;
    (width > 0 && height > 0).then_some(Picture { width, height, dots_per_inch, grey })
}

/// Recognised lines as segments in points, parted where a gap is wide, in as few sizes as there are.
fn segments(lines: Vec<Line>, scale: f64) -> Vec<Segment> {
    let body = body_size(&lines);
    let mut out: Vec<Segment> = Vec::new();
    for line in lines {
        let size = if (line.size / body - 1.0).abs() < SAME_SIZE { body } else { line.size } / scale;
        let y = line.baseline / scale;
        let mut end = f64::NEG_INFINITY;
        for word in line.words {
            let (x0, x1) = (word.x0 / scale, word.x1 / scale);
            let word = Word::new(&word.text, x0, x1);
            match out.last_mut() {
                Some(segment) if end.is_finite() && x0 - end <= size * CELL_GAP => segment.words.push(word),
                _ => out.push(Segment { words: vec![word], y, size, bold: false, table: None }),
            }
            end = x1;
        }
    }
    for segment in &mut out {
        segment.place_words(0);
    }
    out
}

/// The size of most letters.
fn body_size(lines: &[Line]) -> f64 {
    let letters = |line: &Line| line.words.iter().map(|word| word.text.chars().count()).sum::<usize>();
    let mut sizes: Vec<(f64, usize)> = lines.iter().map(|line| (line.size, letters(line))).collect();
    sizes.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let half = sizes.iter().map(|(_, letters)| letters).sum::<usize>() / 2;
    let mut seen = 0;
    sizes
        .into_iter()
        .find_map(|(size, letters)| {
            seen += letters;
            (seen > half).then_some(size)
        })
        .unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_is_drawn_larger_than_a_picture_may_be() {
        let pixels = |width: f64, height: f64| scale(width, height).map(|scale| (width * scale, height * scale));
        let (width, height) = pixels(595.0, 842.0).unwrap();
        assert!((width - 2479.2).abs() < 1.0 && (height - 3508.3).abs() < 1.0, "{width} {height}");
        for (width, height) in [(14_400.0, 14_400.0), (1e7, 1e9), (200_000.0, 1.0), (f64::from(f32::MAX), 1.0)] {
            let drawn = pixels(width, height);
            assert!(
                drawn.is_none_or(|(w, h)| w * h <= 1.001 * MOST_PIXELS && w.max(h) <= 1.001 * LONGEST_SIDE),
                "{drawn:?}"
            );
        }
        for (width, height) in [(0.0, 0.0), (f64::NAN, 5.0), (f64::INFINITY, 5.0), (0.001, 0.001)] {
            assert_eq!(scale(width, height), None, "{width} {height}");
        }
    }
}
