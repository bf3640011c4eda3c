//! The labelled sample, and the harmless texts that lie beside it.

use std::{fs, path::Path};

use anyhow::Context;
use millwright_policy::injection::eval::Record;
use serde_json::Value;

/// All that is read from disk.
pub(super) struct Corpus {
    /// The labelled sample.
    pub(super) records: Vec<Record>,
    /// Examination questions and sums, as people type them.
    pub(super) prompts: Vec<String>,
    /// Paragraphs of technical prose with the folder they come from.
    pub(super) paragraphs: Vec<(String, String)>,
    /// Short questions of database users and of librarians.
    pub(super) queries: Vec<String>,
}

impl Corpus {
    pub(super) fn read(data: &Path) -> anyhow::Result<Self> {
        let records = lines(data)?
            .into_iter()
            .map(serde_json::from_value)
            .collect::<Result<Vec<Record>, _>>()
            .context("labelled rows")?;
        let root = data.parent().and_then(Path::parent).context("the data lie in a folder among others")?;
        let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let rows = |name: &str| lines(&root.join(name)).unwrap_or_default();
        let prompts = rows("llm-routing-routellm/prompts.jsonl")
            .iter()
            // The first turns of MT-Bench are among the labelled rows.
            .filter(|row| row.get("benchmark").and_then(Value::as_str) != Some("mt_bench"))
            .filter_map(|row| text(row, "prompt"))
            .collect();
        let mut paragraphs = Vec::new();
        for name in ["retrieval-cranfield", "retrieval-vaswani-npl"] {
            let rows = rows(&format!("{name}/corpus.jsonl"));
            paragraphs.extend(
                rows.iter()
                    .step_by(4)
                    .filter_map(|row| text(row, "text"))
                    .filter(|text| text.len() > 40)
                    .map(|text| (name.to_owned(), text)),
            );
        }
        for row in rows("pii-presidio-synth/records.jsonl") {
            paragraphs.extend(text(&row, "text").map(|text| ("pii-presidio-synth".to_owned(), text)));
        }
        for folder in ["klipper-md", "linuxcnc-adoc", "4diac-adoc"] {
            read_manuals(&root.join("industrial-documents").join(folder), folder, &mut paragraphs);
        }
        paragraphs.extend(work_orders(&root.join("industrial-records/nist-excavator-work-orders.csv")));
        let queries = ["retrieval-cranfield", "retrieval-vaswani-npl"]
            .iter()
            .flat_map(|name| rows(&format!("{name}/queries.jsonl")))
            .filter_map(|row| text(&row, "text"))
            .collect();
        Ok(Self { records, prompts, paragraphs, queries })
    }
}

fn lines(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = fs::read_to_string(path).with_context(|| format!("`{}`", path.display()))?;
    text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).context("a line")).collect()
}

/// Paragraphs of the manuals under this folder, in the order of their paths.
fn read_manuals(folder: &Path, name: &str, paragraphs: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            let below = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let name = if name.contains('/') { name.to_owned() } else { format!("{name}/{below}") };
            read_manuals(&path, &name, paragraphs);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let pieces = text.split("\n\n").map(str::trim).filter(|piece| (60..1_500).contains(&piece.len()));
            paragraphs.extend(pieces.map(|piece| (name.to_owned(), piece.to_owned())));
        }
    }
}

/// The short texts of the work orders: the third column.
fn work_orders(path: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let texts =
        text.lines().skip(1).filter_map(|line| line.split(',').nth(2)).map(|text| text.trim_matches('"').to_owned());
    texts.filter(|text| text.len() > 8).map(|text| ("nist-excavator-work-orders".to_owned(), text)).collect()
}
