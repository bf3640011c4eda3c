use proptest::prelude::*;

use super::*;

/// Sentences written by hand, none made by the generator that the model was trained with: `[KIND:value]`.
const HANDWRITTEN: &str = include_str!("handwritten.txt");

fn unmark(line: &str) -> (String, Vec<(usize, usize, TaggedKind)>) {
    let (mut text, mut spans, mut rest) = (String::new(), Vec::new(), line);
    while let Some((before, after)) = rest.split_once('[') {
        let (marked, after) = after.split_once(']').unwrap();
        let (kind, value) = marked.split_once(':').unwrap();
        text.push_str(before);
        let kind = serde_json::from_value(kind.into()).unwrap();
        spans.push((text.len(), text.len() + value.len(), kind));
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    (text, spans)
}

fn matches(span: &(usize, usize, TaggedKind), tagged: &Tagged) -> bool {
    let shared = span.1.min(tagged.end).saturating_sub(span.0.max(tagged.start));
    span.2 == tagged.kind && shared * 2 >= (span.1 - span.0).max(tagged.end - tagged.start)
}

/// Gold, predicted and right spans of one kind.
fn counts(kind: TaggedKind) -> (usize, usize, usize) {
    let mut counts = (0, 0, 0);
    for line in HANDWRITTEN.lines() {
        let (text, spans) = unmark(line);
        let found = tag(&text);
        let right = |span: &&(usize, usize, TaggedKind)| found.iter().any(|tagged| matches(span, tagged));
        counts.0 += spans.iter().filter(|span| span.2 == kind).count();
        counts.1 += found.iter().filter(|tagged| tagged.kind == kind).count();
        counts.2 += spans.iter().filter(|span| span.2 == kind).filter(right).count();
    }
    counts
}

fn f1(kind: TaggedKind) -> f64 {
    let (gold, predicted, right) = counts(kind);
    2.0 * right as f64 / (gold + predicted) as f64
}

#[test]
fn handwritten_sentences_are_mostly_tagged() {
    for kind in TaggedKind::ALL {
        println!("{kind:?}: (labelled, found, right) = {:?}", counts(kind));
    }
    let people = f1(TaggedKind::Person);
    assert!(people >= 0.8, "{people}");
    let addresses = f1(TaggedKind::StreetAddress);
    assert!(addresses >= 0.75, "{addresses}");
}

#[test]
fn handwritten_sentences_of_the_shop_floor_name_nobody() {
    let plain = HANDWRITTEN.lines().filter(|line| !line.contains('['));
    let hits: Vec<_> = plain.flat_map(|line| tag(line).into_iter().map(|hit| &line[hit.start..hit.end])).collect();
    assert!(hits.len() <= 1, "{hits:?}");
}

#[test]
fn names_of_files_are_no_addresses() {
    assert!(is_path("6sl/rv-6sl-014") && is_path("conf_12"));
    assert!(!is_path("Nádražní 12/3") && !is_path("27/4") && !is_path("Ringstr.12"));
}

#[test]
fn spans_have_their_place_in_long_texts() {
    let line = "Please ask Martin Novak to call me back.\n";
    let padding = "The pump runs at 400 rpm.\n".repeat(2_000);
    let text = format!("{padding}{line}{padding}{line}");
    let found = tag(&text);
    let values: Vec<_> = found.iter().map(|tagged| &text[tagged.start..tagged.end]).collect();
    assert_eq!(values, ["Martin Novak", "Martin Novak"]);
}

#[test]
fn hostile_texts_take_about_as_long_as_others() {
    let length = 200_000;
    let time = |shape: &str| {
        let text = shape.repeat(length / shape.len());
        let started = std::time::Instant::now();
        check(&text, &tag(&text));
        started.elapsed()
    };
    let ordinary = time("Please ask Martin Novak in Leeds to call me back about pump P-7. ");
    let shapes = ["a", "A ", "\n", "'", "O'", "\u{301}", "Anna Meier, ", "12 ", "ß", "\u{1F600}", "_", "\r\n\t"];
    for shape in shapes {
        // Quadratic work would be thousands of times as much.
        let hostile = time(shape);
        assert!(hostile < ordinary * 100, "{shape:?}: {hostile:?} against {ordinary:?}");
    }
}

fn check(text: &str, found: &[Tagged]) {
    let mut end = 0;
    for tagged in found {
        assert!(end <= tagged.start && tagged.start < tagged.end);
        assert!(text.get(tagged.start..tagged.end).is_some());
        assert!((0.0..=1.0).contains(&tagged.score));
        end = tagged.end;
    }
}

proptest! {
    #[test]
    fn any_text_is_tagged_in_order(text in any::<String>()) {
        check(&text, &tag(&text));
    }

    #[test]
    fn any_mix_of_names_and_punctuation_is_tagged_in_order(
        words in proptest::collection::vec("(Anna|Meier|12|Hauptstraße|\\n|\\n\\n|,|'|O'|_|É|\u{301}|ß|Berlin| |\u{a0}|-|GmbH)", 0..80),
        joint in " ?"
    ) {
        let text = words.join(&joint);
        check(&text, &tag(&text));
    }

    #[test]
    fn no_bytes_make_the_model_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        if let Some(model) = Model::parse(&bytes) {
            check("Anna Meier", &tag_with(&model, "Anna Meier"));
        }
    }
}

/// Manuals as they lie beside the repository; `None`, and a word about it, where they are missing.
fn manuals() -> Option<Vec<String>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/industrial-documents");
    let mut folders: Vec<_> =
        ["klipper-md", "linuxcnc-adoc", "4diac-adoc"].iter().map(|name| root.join(name)).collect();
    if !folders.iter().all(|folder| folder.is_dir()) {
        println!("SKIPPED: no manuals at {}", root.display());
        return None;
    }
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(path) {
                texts.push(text);
            }
        }
    }
    Some(texts)
}

#[test]
fn manuals_hardly_name_anybody() {
    let Some(texts) = manuals() else { return };
    let words: usize = texts.iter().map(|text| text.split_whitespace().count()).sum();
    let bytes: usize = texts.iter().map(String::len).sum();
    let started = std::time::Instant::now();
    let hits: usize = texts.iter().map(|text| tag(text).len()).sum();
    let speed = bytes as f64 / 1e6 / started.elapsed().as_secs_f64();
    println!("{hits} hits in {words} words, {speed:.1} MB/s");
    assert!(hits * 4_000 < words, "{hits} hits in {words} words");
}
