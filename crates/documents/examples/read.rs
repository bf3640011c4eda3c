//! Reads files and prints what was found in them: `read [--text|--chunks] FILE…`.
#![allow(clippy::print_stdout, reason = "a tool for people")]

use std::time::Instant;

use millwright_documents::{BlockKind, ChunkSettings, Limits, Page, chunk, detect, parse};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = take(&mut arguments, "--text");
    let chunks = take(&mut arguments, "--chunks");
    let (mut pages_total, mut seconds_total, mut chunks_total) = (0, 0.0, 0);
    for path in &arguments {
        let bytes = std::fs::read(path)?;
        let started = Instant::now();
        let mut pages: Vec<Page> = Vec::new();
        let result = detect(&bytes, path).and_then(|format| {
            parse(format, &bytes, &Limits::default(), |page| {
                pages.push(page);
                Ok(())
            })
        });
        let cut = chunk(&pages, &ChunkSettings::default(), &|text: &str| text.len().div_ceil(4));
        let seconds = started.elapsed().as_secs_f64();
        match &result {
            Ok(summary) => {
                println!("{path}: {} pages, {} chunks, {:.1} ms", summary.page_count, cut.len(), seconds * 1e3);
                pages_total += pages.len();
                chunks_total += cut.len();
                seconds_total += seconds;
            }
            Err(error) => println!("{path}: {error}"),
        }
        if text {
            pages.iter().for_each(print_page);
        }
        if chunks {
            for chunk in &cut {
                println!(
                    "--- {} page {} {:?} {} tokens\n{}",
                    chunk.ordinal, chunk.page_number, chunk.heading_path, chunk.token_count, chunk.text
                );
            }
        }
    }
    println!(
        "{pages_total} pages, {chunks_total} chunks in {seconds_total:.2} s: {:.0} pages/s",
        pages_total as f64 / seconds_total
    );
    Ok(())
}

fn take(arguments: &mut Vec<String>, flag: &str) -> bool {
    let before = arguments.len();
    arguments.retain(|argument| argument != flag);
    arguments.len() < before
}

fn print_page(page: &Page) {
    println!("=== page {}", page.number);
    let chars: Vec<char> = page.text.chars().collect();
    for block in &page.blocks {
        let text: String = chars[block.start..block.end].iter().collect();
        let mark = match block.kind {
            BlockKind::Heading { level } => format!("H{level}"),
            BlockKind::Paragraph => "P".to_owned(),
            BlockKind::ListItem => "L".to_owned(),
            BlockKind::TableRow { header } => (if header { "TH" } else { "T" }).to_owned(),
            BlockKind::Code => "C".to_owned(),
        };
        println!("{mark:3}{text}");
    }
}
