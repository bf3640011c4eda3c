//! Text without personal data, to learn what is none: manuals, work orders, questions; and sentences about people that
//! can be labelled by their first word.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::Context;
use millwright_policy::pii::tagger::{
    TaggedKind,
    lexicon::{Lexicon, class},
    token::{self, Token, shape},
};

use super::example::{Example, Span};

/// A file of a manual, or all work orders.
pub(crate) struct Document {
    /// Path below the folder of documents.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Bytes of a piece of a document that is learned at once.
const PIECE: usize = 700;

/// The manuals and work orders that lie beside the records.
pub(crate) fn documents(shared: &Path) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    let root = shared.join("industrial-documents");
    for folder in ["klipper-md", "linuxcnc-adoc", "4diac-adoc"] {
        walk(&root, &root.join(folder), &mut documents)?;
    }
    let orders = fs::read_to_string(shared.join("industrial-records/nist-excavator-work-orders.csv"))?;
    let texts: Vec<&str> = orders.lines().skip(1).filter_map(|line| line.split(',').nth(2)).collect();
    for (number, texts) in texts.chunks(500).enumerate() {
        documents.push(Document { name: format!("work-orders/{number}"), text: texts.join("\n") });
    }
    Ok(documents)
}

fn walk(root: &Path, folder: &Path, documents: &mut Vec<Document>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(root, &path, documents)?;
        } else if path.extension().is_some_and(|extension| extension == "md" || extension == "adoc") {
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            documents.push(Document { name, text: String::from_utf8_lossy(&fs::read(&path)?).into_owned() });
        }
    }
    Ok(())
}

/// The prompts of the routing and injection samples: everyday English.
pub(crate) fn prompts(shared: &Path) -> anyhow::Result<Vec<String>> {
    let mut prompts = Vec::new();
    for (file, field) in [("llm-routing-routellm/prompts.jsonl", "prompt"), ("prompt-injection/prompts.jsonl", "text")]
    {
        for line in fs::read_to_string(shared.join(file))?.lines() {
            let value: serde_json::Value = serde_json::from_str(line)?;
            if let Some(text) = value.get(field).and_then(|text| text.as_str()) {
                prompts.push(text.to_owned());
            }
        }
    }
    Ok(prompts)
}

/// Abstracts in lower case, without any capital.
pub(crate) fn abstracts(shared: &Path) -> anyhow::Result<Vec<String>> {
    let mut abstracts = Vec::new();
    for file in ["retrieval-cranfield/corpus.jsonl", "retrieval-vaswani-npl/corpus.jsonl"] {
        for line in fs::read_to_string(shared.join(file))?.lines() {
            let value: serde_json::Value = serde_json::from_str(line)?;
            if let Some(text) = value.get("text").and_then(|text| text.as_str()) {
                abstracts.push(text.to_lowercase());
            }
        }
    }
    Ok(abstracts)
}

/// Words of these texts that are plain and no name.
pub(crate) fn vocabulary(texts: &[String], lexicon: &Lexicon<'_>) -> Vec<String> {
    let mut words = BTreeSet::new();
    for text in texts {
        let plain = tokens(text, lexicon).into_iter().filter(|token| token.lexicon == class::PLAIN);
        words.extend(plain.filter_map(|token| text.get(token.start as usize..token.end as usize)));
    }
    words.into_iter().filter(|word| word.len() > 2).map(str::to_owned).collect()
}

/// Pieces of a document, without those that seem to name people.
pub(crate) fn pieces(document: &Document, lexicon: &Lexicon<'_>) -> Vec<Example> {
    let mut pieces = vec![String::new()];
    for line in document.text.split_inclusive('\n') {
        if let Some(last) = pieces.last_mut()
            && last.len() < PIECE
        {
            last.push_str(line);
        } else {
            pieces.push(line.to_owned());
        }
    }
    pieces.retain(|piece| !names_people(piece, lexicon));
    pieces.into_iter().map(|text| Example { text, spans: Vec::new() }).collect()
}

fn names_people(text: &str, lexicon: &Lexicon<'_>) -> bool {
    let lower = text.to_lowercase();
    if ["@", "copyright", "author", "(c)", "written by", "contributed", "thanks to", "maintained by"]
        .iter()
        .any(|mark| lower.contains(mark))
    {
        return true;
    }
    let tokens = tokens(text, lexicon);
    let name = |token: &Token, classes: u8| {
        token.shape == shape::TITLE && token.lexicon & classes != 0 && token.lexicon & class::PLAIN == 0
    };
    tokens
        .array_windows()
        .any(|[one, two]| name(one, class::GIVEN) && two.shape == shape::TITLE && two.lexicon & class::PLAIN == 0)
        || tokens.iter().any(|token| name(token, class::COUNTRY))
}

fn tokens(text: &str, lexicon: &Lexicon<'_>) -> Vec<Token> {
    let mut tokens = Vec::new();
    token::tokenise(text, lexicon, &mut tokens);
    tokens
}

/// Sentences of a prompt without capitals beyond the first word, and those whose only names are in the lists.
pub(crate) fn sentences(prompt: &str, lexicon: &Lexicon<'_>) -> Vec<Example> {
    let mut result = Vec::new();
    let mut piece = Example::default();
    for sentence in prompt.split_inclusive(['.', '\n', '?', '!']) {
        let Some(spans) = people(sentence, lexicon) else {
            result.push(std::mem::take(&mut piece));
            continue;
        };
        let offset = piece.text.len();
        piece.push(sentence);
        piece.spans.extend(spans.into_iter().map(|mut span| {
            span.start += offset;
            span.end += offset;
            span
        }));
    }
    result.push(piece);
    result.retain(|piece| piece.text.len() > 20 && piece.text.len() < 2_000);
    result
}

/// The names in a sentence that the lists know; `None` when it has capitals that may be other names.
fn people(sentence: &str, lexicon: &Lexicon<'_>) -> Option<Vec<Span>> {
    let mut spans: Vec<Span> = Vec::new();
    let tokens = tokens(sentence, lexicon);
    let mut last = usize::MAX;
    for (at, token) in tokens.iter().enumerate() {
        let plain = token.lexicon & class::PLAIN != 0;
        let has = |classes: u8| token.lexicon & classes != 0;
        let adjacent = at > 0 && last == at - 1;
        let kind = match token.shape {
            shape::TITLE if plain && (at == 0 || (token.lexicon == class::PLAIN && !adjacent)) => continue,
            shape::TITLE if plain => return None,
            shape::TITLE if adjacent && spans.last().is_some_and(|span| span.kind == TaggedKind::Person) => {
                if let Some(span) = spans.last_mut() {
                    span.end = token.end as usize;
                }
                last = at;
                continue;
            }
            _ if adjacent && token.shape <= shape::MIXED && token.shape != shape::LOWER => return None,
            shape::TITLE if token.lexicon & class::GROUP == class::GROUP => TaggedKind::Nrp,
            shape::TITLE if has(class::COUNTRY) || has(class::CITY) && !has(class::GIVEN | class::SURNAME) => {
                TaggedKind::Gpe
            }
            shape::TITLE if has(class::GIVEN) && !has(class::CITY) => TaggedKind::Person,
            shape::TITLE | shape::MIXED | shape::UPPER => return None,
            shape::LOWER if !plain && has(class::GIVEN | class::SURNAME | class::CITY | class::COUNTRY) => return None,
            _ => continue,
        };
        last = at;
        spans.push(Span { start: token.start as usize, end: token.end as usize, kind });
    }
    Some(spans)
}
