use std::collections::{HashMap, HashSet};

use super::layout::Line;
use super::outline;

/// What is the same all over a document: its body size, the sizes of its headings, the titles of
/// its outline and the lines that are repeated at the edge of pages. Told from a sample.
#[derive(Debug, Default)]
pub(super) struct Profile {
    /// Font size of most text.
    pub(super) body: f64,
    /// Distance of baselines in font sizes, inside a paragraph.
    pub(super) leading: f64,
    /// Sizes clearly above the body's, largest first.
    pub(super) heading_sizes: Vec<f64>,
    /// Level by title, see [`outline::key`].
    pub(super) outline: HashMap<String, u8>,
    furniture: HashSet<(String, i32)>,
}

/// The outer part of a page in which headers and footers stand.
const EDGE: f64 = 0.1;

impl Profile {
    /// Learns from sampled pages: the lines and the height of each.
    pub(super) fn learn(pages: &[(Vec<Line>, f64)], outline: HashMap<String, u8>) -> Self {
        let mut by_size: HashMap<i32, usize> = HashMap::new();
        let mut leadings: Vec<f64> = Vec::new();
        let mut repeated: HashMap<(String, i32), usize> = HashMap::new();
        for (lines, height) in pages {
            let mut on_page = HashSet::new();
            for line in lines {
                *by_size.entry((line.size * 2.0).round() as i32).or_default() += line.text().chars().count();
                if let Some(key) = furniture_key(line, *height) {
                    on_page.insert(key);
                }
            }
            for pair in lines.windows(2) {
                let ratio = (pair[1].y - pair[0].y) / pair[0].size.max(1.0);
                if (pair[0].size - pair[1].size).abs() < 0.6 && (0.9..2.2).contains(&ratio) {
                    leadings.push(ratio);
                }
            }
            for key in on_page {
                *repeated.entry(key).or_default() += 1;
            }
        }
        let total: usize = by_size.values().sum();
        let body = by_size
            .iter()
            .max_by_key(|(size, chars)| (**chars, **size))
            .map_or(10.0, |(size, _)| f64::from(*size) / 2.0);
        leadings.sort_by(f64::total_cmp);
        let mut heading_sizes: Vec<f64> = by_size
            .iter()
            .filter(|(size, chars)| f64::from(**size) / 2.0 >= body * 1.12 && **chars * 6 < total.max(1))
            .map(|(size, _)| f64::from(*size) / 2.0)
            .collect();
        heading_sizes.sort_by(|a, b| b.total_cmp(a));
        let often = (pages.len() * 2).div_ceil(5).max(3);
        Self {
            body,
            leading: leadings.get(leadings.len() / 2).copied().unwrap_or(1.2),
            heading_sizes,
            outline,
            furniture: repeated.into_iter().filter(|(_, count)| *count >= often).map(|(key, _)| key).collect(),
        }
    }

    /// Whether a line is a running header, footer or page number.
    pub(super) fn is_furniture(&self, line: &Line, height: f64) -> bool {
        !self.furniture.is_empty() && furniture_key(line, height).is_some_and(|key| self.furniture.contains(&key))
    }

    /// The level that a size above the body's stands for, 1 for the largest.
    pub(super) fn level_of_size(&self, size: f64) -> Option<u8> {
        let rank = self.heading_sizes.iter().position(|heading| (heading - size).abs() <= 0.3)?;
        Some((rank + 1).min(6) as u8)
    }

    /// The level of a line that is a title in the outline.
    pub(super) fn level_of_title(&self, text: &str) -> Option<u8> {
        if self.outline.is_empty() || text.len() > 300 {
            return None;
        }
        let unnumbered = || {
            let (number, title) = text.split_once(char::is_whitespace)?;
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            self.outline.get(&outline::key(title)).filter(|_| is_number)
        };
        self.outline.get(&outline::key(text)).or_else(unnumbered).copied()
    }
}

/// A line at the edge with its numbers made equal, and its place; `None` elsewhere.
fn furniture_key(line: &Line, height: f64) -> Option<(String, i32)> {
    let at_edge = line.y < height * EDGE || line.y > height * (1.0 - EDGE);
    if !at_edge || line.table.is_some() {
        return None;
    }
    let mut text = String::new();
    for c in line.text().chars().take(200) {
        if c.is_ascii_digit() {
            if !text.ends_with('#') {
                text.push('#');
            }
        } else if !c.is_whitespace() {
            text.push(c);
        }
    }
    Some((text, (line.y / 6.0).round() as i32))
}
