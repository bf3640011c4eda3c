//! Scripts as they are written.

use std::{fmt, num::NonZeroU32, time::Duration};

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::{
    Fail, Finish, Script, Then, Turn, Usage, When,
    script::{Part, cut},
};

/// Why a text is no script.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It cannot be read.
    #[error("cannot read `{name}`")]
    Unreadable {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not YAML of this form.
    #[error("{name}:{line}:{column}: {message}")]
    Malformed {
        /// The file.
        name: String,
        /// From 1; 0 where it is not known.
        line: u64,
        /// From 1; 0 where it is not known.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// It has a turn that makes no sense.
    #[error("{name}:{line}: turn {number}: {message}")]
    Senseless {
        /// The file.
        name: String,
        /// Where the turn begins.
        line: u64,
        /// Which one, from 1.
        number: usize,
        /// What is wrong, and what would be right.
        message: String,
    },
}

/// One text or several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub(crate) Vec<String>);

impl<T: Into<String>> From<T> for Texts {
    fn from(text: T) -> Self {
        Self(vec![text.into()])
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptForm {
    model: Option<String>,
    turns: Vec<Spanned<TurnForm>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnForm {
    #[serde(default)]
    when: When,
    times: Option<NonZeroU32>,
    think: Option<String>,
    say: Option<Saying>,
    deltas: Option<Vec<Value>>,
    call: Option<Vec<CallForm>>,
    json: Option<Value>,
    half_json: Option<Value>,
    #[serde(default)]
    repeat_instructions: bool,
    fail: Option<FailForm>,
    slowly: Option<Time>,
    then: Option<Then>,
    finish: Option<Finish>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a text, or a list of texts and `{ pause: 200ms }` (a number and a yes in quotes)"
)]
enum Saying {
    Text(String),
    Pieces(Vec<Piece>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or `{ pause: 200ms }` (a number and a yes in quotes)")]
enum Piece {
    Text(String),
    Pause(Pause),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    pause: Time,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallForm {
    name: String,
    arguments: Option<Value>,
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected `hang`, `die` or `{ status: 503 }` with `retry_after` and `body`")]
enum FailForm {
    Word(FailWord),
    Status(StatusForm),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FailWord {
    Hang,
    Die,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusForm {
    status: u16,
    retry_after: Option<u32>,
    #[serde(default)]
    body: Value,
}

/// As it is written: `200ms`, `2s`.
struct Time(Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = |unit| text.strip_suffix(unit).and_then(|number| number.trim().parse::<u32>().ok());
        let time = number("ms").map(|millis| Duration::from_millis(millis.into()));
        let time = time.or_else(|| number("s").map(|seconds| Duration::from_secs(seconds.into())));
        time.map(Self).ok_or_else(|| de::Error::custom(format!("`{text}` is no time; write `200ms` or `2s`")))
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> de::Visitor<'de> for OneOrMany {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts (a number and a yes in quotes)")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts, E> {
                Ok(text.into())
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut texts: A) -> Result<Texts, A::Error> {
                let mut list = Vec::new();
                while let Some(text) = texts.next_element()? {
                    list.push(text);
                }
                Ok(Texts(list))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

/// Reads a script and checks that each of its turns makes sense.
pub(crate) fn read(text: &str, name: &str) -> Result<Script, ScriptError> {
    let form: ScriptForm = serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location();
        let whole = error.without_snippet().to_string();
        let first = whole.lines().next().unwrap_or_default();
        let message = first.rsplit_once(" at line ").map_or(first, |(message, _)| message).to_owned();
        let (line, column) = place.map_or((0, 0), |place| (place.line(), place.column()));
        ScriptError::Malformed { name: name.to_owned(), line, column, message }
    })?;
    let mut turns: Vec<Turn> = Vec::new();
    for (index, Spanned { value, referenced, .. }) in form.turns.into_iter().enumerate() {
        let line = referenced.line();
        let senseless =
            |message: String| ScriptError::Senseless { name: name.to_owned(), line, number: index + 1, message };
        let mut turn = value.turn().map_err(|message| senseless(message.to_owned()))?;
        turn.line = Some(line);
        let before = turns.iter().position(|before| before.when.is_anything() && before.times.is_none());
        if let Some(before) = before {
            let message = "no request reaches it, because turn";
            return Err(senseless(format!("{message} {} answers all; give that a `when` or `times`", before + 1)));
        }
        turns.push(turn);
    }
    if turns.is_empty() {
        let message = "a script has at least one turn".to_owned();
        return Err(ScriptError::Malformed { name: name.to_owned(), line: 1, column: 1, message });
    }
    Ok(Script { model: form.model, turns })
}

impl TurnForm {
    fn turn(self) -> Result<Turn, &'static str> {
        if self.when.texts().any(String::is_empty) {
            return Err("an empty text stands in everything; leave it out");
        }
        let says = self.think.is_some() || self.say.is_some() || self.deltas.is_some() || self.call.is_some();
        let kinds = [says, self.json.is_some(), self.half_json.is_some(), self.repeat_instructions];
        let kinds = kinds.into_iter().filter(|is_there| *is_there).count();
        let is_told = self.then.is_some() || self.finish.is_some() || self.usage.is_some() || self.slowly.is_some();
        if self.fail.is_some() && (kinds > 0 || is_told) {
            return Err("what fails from the beginning says nothing; for a failure in the middle, write `then`");
        }
        if kinds > 1 {
            return Err("it says more than one thing; keep one of `say` (with `think`, `deltas`, `call`), `json`, \
                        `half_json`, `repeat_instructions`");
        }
        if kinds == 0 && self.fail.is_none() && self.then.is_none() {
            return Err("it says nothing; write `say`, `call`, `json`, `half_json`, `think`, `deltas`, \
                        `repeat_instructions`, `fail` or `then`, and for an empty answer `say: \"\"`");
        }
        if self.then.is_some_and(|then| then != Then::End) && (self.finish.is_some() || self.usage.is_some()) {
            return Err("an answer without a proper end tells neither `finish` nor `usage`");
        }
        let turn = Turn {
            fail: self.fail.map(FailForm::fail),
            times: self.times,
            then: self.then.unwrap_or_default(),
            finish: self.finish,
            usage: self.usage,
            ..Turn::default().when(self.when)
        };
        let mut parts: Vec<Part> = self.think.into_iter().map(Part::Thought).collect();
        match self.say {
            Some(Saying::Text(text)) => parts.extend(cut(&text).map(Part::Text)),
            Some(Saying::Pieces(pieces)) => parts.extend(pieces.into_iter().map(|piece| match piece {
                Piece::Text(text) => Part::Text(text),
                Piece::Pause(Pause { pause: Time(time) }) => Part::Pause(time),
            })),
            None => {}
        }
        parts.extend(self.deltas.into_iter().flatten().map(Part::Delta));
        parts.extend(self.call.into_iter().flatten().map(CallForm::part));
        if let Some(value) = self.json {
            parts.extend(cut(&value.to_string()).map(Part::Text));
        }
        if let Some(value) = self.half_json {
            let text = value.to_string();
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            parts.extend(cut(&half).map(Part::Text));
        }
        if self.repeat_instructions {
            parts.push(Part::Instructions);
        }
        if turn.then == Then::Endless && !parts.iter().any(|part| !matches!(part, Part::Pause(_))) {
            return Err("nothing cannot be said for ever; write `say`, `think`, `deltas` or `call`, or `then: hang`");
        }
        let turn = Turn { parts, ..turn };
        Ok(match self.slowly {
            Some(Time(pause)) => turn.slowly(pause),
            None => turn,
        })
    }
}

impl CallForm {
    fn part(self) -> Part {
        let arguments = match self.arguments {
            None => "{}".to_owned(),
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
        };
        Part::Call { name: self.name, arguments, id: self.id }
    }
}

impl FailForm {
    fn fail(self) -> Fail {
        match self {
            Self::Word(FailWord::Hang) => Fail::Hang,
            Self::Word(FailWord::Die) => Fail::Die,
            Self::Status(StatusForm { status, retry_after, body }) => Fail::Status { status, retry_after, body },
        }
    }
}
