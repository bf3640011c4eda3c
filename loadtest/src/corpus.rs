//! Texts to search: real documents, and as many variants of them as a measure needs.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use millwright_core::Classification;
use millwright_documents::{ChunkSettings, Limits, chunk, detect, parse, sentences};
use millwright_retrieval::embedding::Embedder;

/// Documents with fewer sentences borrow from all others when a variant is made.
const MIN_SENTENCES: usize = 20;

/// A document as it is.
pub(crate) struct BaseDocument {
    name: String,
    chunks: Vec<BaseChunk>,
    sentences: Vec<String>,
}

/// A chunk of it, cut as ingestion cuts.
pub(crate) struct BaseChunk {
    pub(crate) heading_path: Vec<String>,
    pub(crate) text: String,
    token_count: i32,
    sentences: Vec<String>,
}

/// What is put into the database as one document.
pub(crate) struct SeedDocument {
    pub(crate) name: String,
    pub(crate) classification: Classification,
    pub(crate) tags: Vec<String>,
    pub(crate) chunks: Vec<SeedChunk>,
}

impl SeedDocument {
    /// For everybody inside, without tags.
    pub(crate) fn new(name: String, chunks: Vec<SeedChunk>) -> Self {
        Self { name, classification: Classification::Internal, tags: Vec::new(), chunks }
    }
}

/// One of its chunks.
pub(crate) struct SeedChunk {
    pub(crate) heading_path: Vec<String>,
    pub(crate) text: String,
    pub(crate) token_count: i32,
    /// Which real chunk it is or comes from, counted over the whole corpus.
    pub(crate) base: usize,
}

/// Real documents and their headings.
pub(crate) struct Corpus {
    documents: Vec<BaseDocument>,
    headings: Vec<String>,
}

impl Corpus {
    /// Reads the Markdown and AsciiDoc below `folder`; every kind of document where `all` says so.
    pub(crate) fn read(folder: &Path, all: bool, embedder: &Embedder) -> anyhow::Result<Self> {
        let extensions: &[&str] = if all { &["md", "adoc", "pdf", "docx"] } else { &["md", "adoc"] };
        let (mut documents, mut headings) = (Vec::new(), Vec::new());
        for path in files(folder, extensions)? {
            let bytes = fs::read(&path)?;
            // With its folder: manuals have many an `index.adoc`.
            let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            headings.extend(headings_of(&String::from_utf8_lossy(&bytes), &name));
            if let Some(document) = base_document(name, &bytes, embedder) {
                headings.extend(document.chunks.iter().filter_map(|chunk| chunk.heading_path.last().cloned()));
                documents.push(document);
            }
        }
        anyhow::ensure!(!documents.is_empty(), "no documents below {}", folder.display());
        let mut seen = HashSet::new();
        headings.retain(|heading| is_question(heading) && seen.insert(heading.to_lowercase()));
        shuffle(&mut headings);
        Ok(Self { documents, headings })
    }

    /// All real chunks, in order.
    pub(crate) fn base_chunks(&self) -> Vec<&BaseChunk> {
        self.documents.iter().flat_map(|document| &document.chunks).collect()
    }

    /// `count` different questions made from headings, beginning with the `skip`th heading.
    pub(crate) fn questions(&self, skip: usize, count: usize, forms: &[&str]) -> Vec<String> {
        let take = |number: usize| {
            let heading = &self.headings[(skip + number) % self.headings.len()];
            // Where headings run out, the next round asks in another form, so that no question repeats.
            let round = (skip + number) / self.headings.len();
            let question = forms[(number + round) % forms.len()].replace("{}", heading);
            if round < forms.len() { question } else { format!("{question} ({round})") }
        };
        (0..count).map(take).collect()
    }

    /// Exactly `chunks` chunks: every document as it is, then edition after edition in which about half of the
    /// sentences give way to others of the same document, so that no two chunks have the same text. Others with
    /// another `seed`.
    pub(crate) fn editions(&self, chunks: usize, seed: u64) -> Vec<SeedDocument> {
        let all: Vec<&str> =
            self.documents.iter().flat_map(|document| &document.sentences).map(String::as_str).collect();
        let mut random = Random(20_260_101 + seed);
        let (mut made, mut left) = (Vec::new(), chunks);
        for edition in 1.. {
            let mut base = 0;
            for document in &self.documents {
                if left == 0 {
                    return made;
                }
                let take = document.chunks.len().min(left);
                let own: Vec<&str> = document.sentences.iter().map(String::as_str).collect();
                let pool = if own.len() < MIN_SENTENCES { &all } else { &own };
                let chunks = document.chunks[..take].iter().enumerate().map(|(index, chunk)| SeedChunk {
                    heading_path: chunk.heading_path.clone(),
                    text: if edition == 1 { chunk.text.clone() } else { chunk.varied(pool, &mut random) },
                    token_count: chunk.token_count,
                    base: base + index,
                });
                let name = format!("{} (edition {edition})", document.name);
                made.push(SeedDocument::new(name, chunks.collect()));
                base += document.chunks.len();
                left -= take;
            }
        }
        made
    }
}

impl BaseChunk {
    fn varied(&self, pool: &[&str], random: &mut Random) -> String {
        let mut parts: Vec<&str> = self.sentences.iter().map(String::as_str).collect();
        for part in &mut parts {
            if random.next().is_multiple_of(2) {
                *part = random.pick(pool);
            }
        }
        // A chunk of one sentence that stayed would repeat the real one.
        parts.push(random.pick(pool));
        parts.join(" ")
    }
}

/// All files below a folder with one of these extensions, in order of their paths.
pub(crate) fn files(folder: &Path, extensions: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for path in entries.map(|entry| entry.map(|entry| entry.path())) {
        let path = path?;
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if path.is_dir() {
            found.extend(files(&path, extensions)?);
        } else if extensions.contains(&extension.to_lowercase().as_str()) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn base_document(name: String, bytes: &[u8], embedder: &Embedder) -> Option<BaseDocument> {
    let format = detect(bytes, &name).ok()?;
    let mut pages = Vec::new();
    let read = parse(format, bytes, &Limits::default(), |page| {
        pages.push(page);
        Ok(())
    });
    read.ok()?;
    let count = |text: &str| embedder.count_text_tokens(text);
    let chunks: Vec<BaseChunk> = chunk(&pages, &ChunkSettings::default(), &count)
        .into_iter()
        .map(|chunk| BaseChunk {
            sentences: sentences_of(&chunk.text),
            heading_path: chunk.heading_path,
            token_count: i32::try_from(chunk.token_count).unwrap_or(i32::MAX),
            text: chunk.text,
        })
        .collect();
    let sentences: Vec<String> = chunks.iter().flat_map(|chunk| chunk.sentences.clone()).collect();
    (!sentences.is_empty()).then_some(BaseDocument { name, chunks, sentences })
}

fn sentences_of(text: &str) -> Vec<String> {
    let starts: Vec<usize> = text.char_indices().map(|(index, _)| index).chain([text.len()]).collect();
    sentences(text).into_iter().map(|(start, end)| text[starts[start]..starts[end]].to_owned()).collect()
}

/// The headings of Markdown or AsciiDoc, as they stand in the source. Listings have lines that look like them.
fn headings_of(text: &str, name: &str) -> Vec<String> {
    let is_asciidoc = Path::new(name).extension().is_some_and(|extension| extension == "adoc");
    let (mark, fence) = if is_asciidoc { ('=', "----") } else { ('#', "```") };
    let mut in_listing = false;
    let mut found = Vec::new();
    for line in text.lines() {
        in_listing ^= line.trim_start().starts_with(fence);
        if !in_listing {
            found.extend(heading(line, mark));
        }
    }
    found
}

/// The words of a heading line.
fn heading(line: &str, mark: char) -> Option<String> {
    let rest = line.trim_start_matches(mark);
    let marks = line.len() - rest.len();
    ((1..=6).contains(&marks) && rest.starts_with(' ')).then(|| {
        let plain: String = rest.chars().map(|c| if "`*_[]{}<>|\"".contains(c) { ' ' } else { c }).collect();
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

/// Whether somebody might ask for it: words, and neither one letter nor a paragraph.
fn is_question(heading: &str) -> bool {
    let letters = heading.chars().filter(|c| c.is_alphabetic()).count();
    letters >= 5 && letters * 2 > heading.chars().count() && heading.chars().count() <= 80
}

/// The same in every run, so that runs can be compared.
fn shuffle(texts: &mut [String]) {
    let mut random = Random(7);
    for last in (1..texts.len()).rev() {
        texts.swap(last, random.next() as usize % (last + 1));
    }
}

/// SplitMix64: repeatable, and good enough to choose sentences and to make noise.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn pick<'t>(&mut self, pool: &[&'t str]) -> &'t str {
        pool[self.next() as usize % pool.len()]
    }

    /// About normally distributed around 0: the sum of twelve uniform numbers.
    pub(crate) fn normal(&mut self) -> f32 {
        (0..12).map(|_| (self.next() >> 40) as f32 / (1_u64 << 24) as f32).sum::<f32>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus() -> Corpus {
        let sentences = |words: &str| words.split(' ').map(|word| format!("The {word} is tight.")).collect::<Vec<_>>();
        let document = |name: &str, words: &str| {
            let sentences = sentences(words);
            let chunks = sentences.iter().map(|sentence| BaseChunk {
                heading_path: vec![],
                text: sentence.clone(),
                token_count: 5,
                sentences: vec![sentence.clone()],
            });
            BaseDocument { name: name.to_owned(), chunks: chunks.collect(), sentences }
        };
        Corpus {
            documents: vec![document("pump", "seal valve bolt"), document("press", "ram die")],
            headings: vec!["Seals".to_owned(), "Valves".to_owned()],
        }
    }

    #[test]
    fn editions_are_as_many_chunks_as_asked_for() {
        let made = corpus().editions(12, 0);
        let chunks: Vec<&SeedChunk> = made.iter().flat_map(|document| &document.chunks).collect();
        assert_eq!(chunks.len(), 12);
        assert_eq!(chunks.iter().map(|chunk| chunk.base).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]);
        assert_eq!(chunks[4].text, "The die is tight.");
        assert!(chunks[5].text.matches("tight").count() == 2, "{}", chunks[5].text);
        let names: HashSet<&str> = made.iter().map(|document| document.name.as_str()).collect();
        assert_eq!(names.len(), made.len());
    }

    #[test]
    fn questions_never_repeat() {
        let questions = corpus().questions(1, 20, &["{}", "What about {}?"]);
        assert_eq!(questions[0], "Valves");
        assert_eq!(questions.iter().collect::<HashSet<_>>().len(), 20, "{questions:?}");
    }

    #[test]
    fn headings_are_marked_lines_outside_of_listings() {
        let markdown = "# Bed `mesh`\ntext\n```\n# a comment\n```\n## Spindle speed\n=== no heading here\n#!/bin/sh\n";
        assert_eq!(headings_of(markdown, "a.md"), ["Bed mesh", "Spindle speed"]);
        assert_eq!(headings_of("== Spindle\n----\n== a\n----\n=== Probe\n", "a.adoc"), ["Spindle", "Probe"]);
    }
}
