//! What voices say: read from what a model wrote, held against the passages, and of attackers put together and ranked.

use millwright_llm::{
    provider::OutputFormat,
    text::{Terms, terms},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::verify::{Checked, Statement, Verifier};

/// So many points of one voice count.
pub(super) const MOST_POINTS: usize = 6;
/// A longer point is cut off after a sentence.
const MAX_POINT_CHARS: usize = 500;
const MAX_PASSAGES: usize = 6;
/// Two findings with so large a share of their words in common are one.
const SAME: f32 = 0.5;
/// So many findings are told to who answers.
const MOST_FINDINGS: usize = 8;

/// What is asked for with each point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing else.
    Plain,
    /// What is wrong with what was proposed, and how bad that is, 1 to 5.
    Wrong,
    /// Which of these kinds it is.
    Kinds(&'static [&'static str]),
}

impl Form {
    /// The form as a model is told it.
    pub(super) fn told(self) -> String {
        let more = match self {
            Self::Plain => String::new(),
            Self::Wrong => r#", "wrong": "...", "weight": 1 to 5"#.to_owned(),
            Self::Kinds(kinds) => {
                let kinds: Vec<String> = kinds.iter().map(|kind| format!("\"{kind}\"")).collect();
                format!(", \"kind\": {}", kinds.join(" or "))
            }
        };
        format!("{{\"points\": [{{\"says\": \"...\", \"passages\": [1]{more}}}]}}")
    }

    /// The same for servers that hold a model to it.
    pub(super) fn schema(self) -> OutputFormat {
        let mut properties = json!({
            "says": { "type": "string", "minLength": 1, "maxLength": MAX_POINT_CHARS },
            "passages": { "type": "array", "items": { "type": "integer", "minimum": 1 }, "maxItems": MAX_PASSAGES },
        });
        let mut required = vec!["says", "passages"];
        match self {
            Self::Plain => {}
            Self::Wrong => {
                properties["wrong"] = json!({ "type": "string", "minLength": 1, "maxLength": MAX_POINT_CHARS });
                properties["weight"] = json!({ "type": "integer", "minimum": 1, "maximum": 5 });
                required.extend(["wrong", "weight"]);
            }
            Self::Kinds(kinds) => {
                properties["kind"] = json!({ "type": "string", "enum": kinds });
                required.push("kind");
            }
        }
        let point = json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        });
        let schema: Value = json!({
            "type": "object",
            "properties": { "points": { "type": "array", "items": point, "maxItems": MOST_POINTS } },
            "required": ["points"],
            "additionalProperties": false,
        });
        OutputFormat::JsonSchema { name: "points".to_owned(), schema, strict: true }
    }
}

/// A point of a voice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Point {
    /// With placeholders.
    pub(crate) says: String,
    /// The passages that say it, by their numbers in this run; those that it names where none does.
    pub(crate) passages: Vec<u32>,
    /// Whether a passage says it.
    pub(crate) supported: bool,
    /// What is wrong with what was proposed, in the voice's own words, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wrong: Option<String>,
    /// How bad, 1 to 5, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<u8>,
    /// Which kind, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
}

impl Point {
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// As others are told it.
    pub(super) fn told(&self) -> String {
        let wrong = self.wrong.as_ref().map_or(String::new(), |wrong| format!("{wrong} Instead: "));
        if self.supported {
            let markers: Vec<String> = self.passages.iter().map(|number| format!("[{number}]")).collect();
            format!("{wrong}{} {}", self.says, markers.concat())
        } else {
            format!("{wrong}{} (no passage says this)", self.says)
        }
    }
}

/// What one voice said in a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Said {
    /// The voice's name.
    pub(crate) who: &'static str,
    /// For readers: English and German.
    pub(crate) title: Title,
    /// Which model spoke.
    pub(crate) model: String,
    pub(crate) points: Vec<Point>,
    /// Why nothing was heard: `failed`, `unreadable`, `withheld`, `late` or `budget`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<&'static str>,
}

/// A title in the languages of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Title {
    pub(crate) en: &'static str,
    pub(crate) de: &'static str,
}

/// A point as a model wrote it; as it is kept, with placeholders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    pub(super) says: String,
    pub(super) wrong: Option<String>,
    passages: Vec<u32>,
    weight: Option<u8>,
    kind: Option<String>,
}

/// The points in what a model wrote, which may have words around it or be broken off, where those that are whole count. `None`
/// where there are none.
pub(super) fn read(text: &str, form: Form) -> Option<Vec<Written>> {
    #[derive(Deserialize)]
    struct Whole {
        points: Vec<Value>,
    }
    let (from, to) = (text.find('{')?, text.rfind('}')?);
    let whole = text.get(from..=to).and_then(|object| serde_json::from_str::<Whole>(object).ok());
    let points = whole.map(|whole| whole.points).or_else(|| broken_off(&text[from..]))?;
    let point = |value: &Value| {
        let says = sentences(value["says"].as_str()?);
        let wrong = value["wrong"].as_str().filter(|_| form == Form::Wrong).map(sentences);
        let named = value["passages"].as_array().map_or(&[][..], Vec::as_slice);
        let mut passages: Vec<u32> = named.iter().filter_map(|number| number.as_u64()?.try_into().ok()).collect();
        passages.retain(|number| *number > 0);
        passages.truncate(MAX_PASSAGES);
        let weight = value["weight"].as_u64().and_then(|weight| u8::try_from(weight).ok());
        let kind = match form {
            Form::Kinds(kinds) => kinds.iter().find(|kind| value["kind"] == **kind).map(|kind| (*kind).to_owned()),
            _ => None,
        };
        let weight = weight.filter(|_| form == Form::Wrong).map(|weight| weight.clamp(1, 5));
        let wrong = wrong.filter(|wrong| !wrong.is_empty());
        (!says.is_empty()).then_some(Written { says, wrong, passages, weight, kind })
    };
    Some(points.iter().filter_map(point).take(MOST_POINTS).collect())
}

/// The points before the one in which a model was broken off.
fn broken_off(text: &str) -> Option<Vec<Value>> {
    let named = text.find("\"points\"")?;
    let mut rest = text[named..].split_once('[')?.1;
    let mut points = Vec::new();
    while points.len() < MOST_POINTS {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(value @ Value::Object(_))) = values.next() else { break };
        points.push(value);
        rest = &rest[values.byte_offset()..];
    }
    Some(points).filter(|points| !points.is_empty())
}

/// A text on one line; of a long one as many whole sentences as there is room for. Half of one may lack the condition it hangs on.
fn sentences(text: &str) -> String {
    let text = text.replace('\0', "").split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MAX_POINT_CHARS) {
        Some((end, _)) => text[..end].rfind(['.', '!', '?']).map_or(String::new(), |at| text[..=at].to_owned()),
        None => text,
    }
}

impl Written {
    /// Held against the passages; `restored` is what it says with personal data as it is.
    pub(super) fn checked(&self, verifier: &Verifier, restored: String) -> Point {
        let Self { says, wrong, mut passages, weight, kind } = self.clone();
        let statement = Statement { gap: String::new(), body: restored, markers: passages.clone() };
        let checked = if passages.is_empty() { Vec::new() } else { verifier.check(&statement) };
        let holds = |checked: &Checked| matches!(checked, Checked::Supported { .. });
        let passes = |checked: &Checked| holds(checked) || matches!(checked, Checked::Connective { .. });
        let supported = checked.iter().any(holds) && checked.iter().all(passes);
        if supported {
            // Which may be others than those that were named.
            passages.clear();
            for checked in &checked {
                let Checked::Supported { supports, .. } = checked else { continue };
                let numbers = supports.iter().filter_map(|support| u32::try_from(support.passage + 1).ok());
                passages.extend(numbers);
            }
            passages.sort_unstable();
            passages.dedup();
        }
        Point { says, passages, supported, wrong, weight, kind }
    }
}

/// What attackers found, each once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Finding {
    pub(crate) point: Point,
    /// Who found it.
    pub(crate) by: Vec<&'static str>,
}

/// What attackers found: the same put together, the worst first, what passages say before what they do not.
pub(super) fn findings(said: &[Said]) -> Vec<Finding> {
    let mut found: Vec<(Terms, Finding)> = Vec::new();
    for (who, point) in said.iter().flat_map(|said| said.points.iter().map(move |point| (said.who, point))) {
        let said = terms(&point.says);
        match found.iter_mut().find(|(known, _)| is_same(known, &said)) {
            Some((_, known)) => {
                if !known.by.contains(&who) {
                    known.by.push(who);
                }
                let better = (point.supported, point.weight) > (known.point.supported, known.point.weight);
                let weight = known.point.weight.max(point.weight);
                if better {
                    known.point = point.clone();
                }
                known.point.weight = weight;
            }
            None => found.push((said, Finding { point: point.clone(), by: vec![who] })),
        }
    }
    let mut found: Vec<Finding> = found.into_iter().map(|(_, finding)| finding).collect();
    found.sort_by_key(|Finding { point, by }| std::cmp::Reverse((point.weight, point.supported, by.len())));
    found.truncate(MOST_FINDINGS);
    found
}

/// Whether two say the same: with the same figures and names, both or neither denying, and in much the same words.
fn is_same(a: &Terms, b: &Terms) -> bool {
    let (common, all) = (a.words.intersection(&b.words).count(), a.words.union(&b.words).count());
    let is_like = common as f32 >= SAME * all as f32;
    is_like && a.negated == b.negated && a.measures == b.measures && a.codes == b.codes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(says: &str, weight: u8, supported: bool) -> Point {
        Point { says: says.to_owned(), passages: vec![1], supported, wrong: None, weight: Some(weight), kind: None }
    }

    fn said(who: &'static str, points: Vec<Point>) -> Said {
        Said { who, title: Title { en: who, de: who }, model: "m".to_owned(), points, failed: None }
    }

    #[test]
    fn points_are_read_whatever_stands_around_them_and_what_is_none_is_left_out() {
        let text = "Sure:\n```json\n{\"points\": [{\"says\": \" Lock  it\\nout \", \"passages\": [2, 0, -1, \"3\"], \"weight\": 9}, \
                    {\"says\": \"\"}, 7, {\"says\": \"No.\", \"kind\": \"known\"}]}\n```";
        let read = read(text, Form::Wrong).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].says.as_str(), &read[0].passages[..], read[0].weight), ("Lock it out", &[2][..], Some(5)));
        assert_eq!((read[1].passages.len(), read[1].weight, &read[1].kind), (0, None, &None));
        let kinds = Form::Kinds(&["known", "assumed"]);
        assert_eq!(super::read(text, kinds).unwrap()[1].kind.as_deref(), Some("known"));
        for nothing in ["", "no", "{", "}{", "{\"points\": 3}", "[]"] {
            assert_eq!(super::read(nothing, Form::Plain), None, "{nothing}");
        }
        assert!(kinds.told().contains("\"known\" or \"assumed\""));
    }

    #[test]
    fn of_a_voice_that_is_broken_off_the_whole_points_are_heard() {
        let whole = r#"{"points": [{"says": "Lock it out. {1} ], too.", "passages": [1]}, {"says": "Wait.", "passages": []}, {"says": "Then op"#;
        let says = |text: &str| {
            read(text, Form::Plain).map(|points| points.into_iter().map(|point| point.says).collect::<Vec<_>>())
        };
        assert_eq!(says(whole), Some(vec!["Lock it out. {1} ], too.".to_owned(), "Wait.".to_owned()]));
        for length in (0..whole.len()).filter(|length| whole.is_char_boundary(*length)) {
            let heard = says(&whole[..length]).unwrap_or_default();
            assert!(heard.len() <= 2 && heard.iter().all(|point| point.ends_with('.')), "{heard:?}");
        }
    }

    #[test]
    fn what_several_attackers_found_counts_once_and_the_worst_comes_first() {
        let found = findings(&[
            said("figure", vec![point("The torque is 25 Nm and not 35 Nm.", 3, false)]),
            said("unit", vec![point("Torque is 25 Nm, not 35 Nm", 4, true), point("Nothing else.", 1, true)]),
            said("warning", vec![point("The motor must be locked out before the work.", 5, true)]),
        ]);
        let told: Vec<_> = found.iter().map(|finding| (finding.point.weight, finding.by.clone())).collect();
        assert_eq!(
            told,
            [(Some(5), vec!["warning"]), (Some(4), vec!["figure", "unit"]), (Some(1), vec!["unit"])],
            "{found:?}"
        );
        assert!(found[1].point.supported);
    }

    #[test]
    fn findings_with_other_figures_or_the_opposite_are_not_the_same() {
        let pairs = [
            ("Grease the bearings every 2,000 hours.", "Grease the bearings every 3,000 hours."),
            ("The valve must be opened.", "The valve must not be opened."),
        ];
        for (one, other) in pairs {
            let found =
                findings(&[said("figure", vec![point(one, 4, true)]), said("negation", vec![point(other, 4, true)])]);
            assert_eq!(found.len(), 2, "{found:?}");
        }
    }

    #[test]
    fn of_a_long_point_whole_sentences_stay_or_nothing() {
        let long = format!("Open the valve. {} only if it is cold.", "Then wait ".repeat(60));
        assert_eq!(sentences(&long), "Open the valve.");
        assert_eq!(sentences(&"never ends ".repeat(90)), "");
    }
}
