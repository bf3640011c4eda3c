//! What a script says: turns, made from YAML or in Rust.

use std::{num::NonZeroU32, path::Path, str::FromStr, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{ScriptError, When, yaml};

/// A text is said so many characters at a time, as models say theirs, unless the script cuts it itself.
const PIECE_CHARS: usize = 6;

/// What a server plays.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// The name of the model in answers and in the list of models.
    pub(crate) model: Option<String>,
    pub(crate) turns: Vec<Turn>,
}

/// One answer, and to which requests it is given.
///
/// In YAML: `when` and `times` (how often it may be given; without it, always), and one of `fail`, `json`, `half_json`,
/// `repeat_instructions: true`, or any of `think`, `say`, `deltas` and `call`, which come in this order. `say` is a text, which goes out a few
/// characters at a time, or a list of pieces and `{ pause: 200ms }`; `arguments` of a call are an object, or a text that is
/// sent as it is written; `deltas` are sent as they are. `slowly: 20ms` is a pause after each piece, `then` what comes after
/// all that, `finish` the reason to stop that is told, and `usage: { prompt_tokens: 4, completion_tokens: 2 }` is told
/// where it is written.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    pub(crate) when: When,
    pub(crate) times: Option<NonZeroU32>,
    pub(crate) fail: Option<Fail>,
    pub(crate) parts: Vec<Part>,
    pub(crate) then: Then,
    /// The first of the parts that are said again where there is no end.
    pub(crate) again_from: usize,
    pub(crate) finish: Option<Finish>,
    pub(crate) usage: Option<Usage>,
    /// Where it stands in its file.
    pub(crate) line: Option<u64>,
}

/// Something that is said, in one event where not told otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Text(String),
    /// Reasoning.
    Thought(String),
    /// In two events: with the first and with the second half of the arguments.
    Call {
        name: String,
        arguments: String,
        id: Option<String>,
    },
    /// As it is.
    Delta(Value),
    /// The system message of the request, a few characters at a time.
    Instructions,
    Pause(Duration),
}

/// How an answer fails before it begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Fail {
    /// With a status.
    Status {
        /// The HTTP status.
        status: u16,
        /// What `retry-after` says, in seconds.
        retry_after: Option<u32>,
        /// A text, or an object that is sent as JSON.
        body: Value,
    },
    /// Never begins, and keeps the connection open.
    Hang,
    /// Closes the connection.
    Die,
}

/// What comes after all that is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The proper end.
    #[default]
    End,
    /// Nothing, while the connection stays open.
    Hang,
    /// The end of the connection, in the middle of the answer.
    Die,
    /// The same again, until the client leaves; calls are further calls.
    Endless,
}

/// The reason to stop that is told at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// All is said.
    Stop,
    /// The limit of tokens is reached.
    Length,
    /// Tools are called.
    ToolCalls,
    /// The server's filter cut it.
    ContentFilter,
}

impl Finish {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// What the server says it has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Of the request.
    pub prompt_tokens: u64,
    /// Of the answer.
    pub completion_tokens: u64,
}

impl Script {
    /// These turns, each for the requests that it fits, as often as it says.
    pub fn of(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self { model: None, turns: turns.into_iter().collect() }
    }

    /// These turns one after the other, each once.
    pub fn in_order(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self::of(turns.into_iter().map(|turn| turn.times(1)))
    }

    /// Reads a script; `name` stands for the file in errors.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str, name: &str) -> Result<Self, ScriptError> {
        yaml::read(text, name)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is no script.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| ScriptError::Unreadable { name: name.clone(), source })?;
        Self::parse(&text, &name)
    }
}

/// This turn, whatever is asked.
impl From<Turn> for Script {
    fn from(turn: Turn) -> Self {
        Self::of([turn])
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, "script")
    }
}

impl Turn {
    /// A text, a few characters at a time.
    pub fn say(text: &str) -> Self {
        Self::default().and_say(text)
    }

    /// A text in these pieces, each in one event.
    pub fn pieces<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Self {
        let parts = pieces.into_iter().map(|piece| Part::Text(piece.to_owned())).collect();
        Self { parts, ..Self::default() }
    }

    /// Reasoning, in one piece.
    pub fn think(text: &str) -> Self {
        Self { parts: vec![Part::Thought(text.to_owned())], ..Self::default() }
    }

    /// A call of a tool. The arguments are sent as they are written.
    pub fn call(name: &str, arguments: &str) -> Self {
        Self::default().and_call(name, arguments)
    }

    /// Calls of tools, each with its arguments.
    pub fn calls<'a>(calls: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        calls.into_iter().fold(Self::default(), |turn, (name, arguments)| turn.and_call(name, arguments))
    }

    /// A value as JSON text.
    pub fn json(value: &Value) -> Self {
        Self::say(&value.to_string())
    }

    /// What stands in `choices[0].delta` of each event of a stream.
    pub fn deltas(deltas: impl IntoIterator<Item = Value>) -> Self {
        Self { parts: deltas.into_iter().map(Part::Delta).collect(), ..Self::default() }
    }

    /// The system message that came with the request.
    pub fn repeat_instructions() -> Self {
        Self { parts: vec![Part::Instructions], ..Self::default() }
    }

    /// A failure before the answer begins.
    pub fn fail(fail: Fail) -> Self {
        Self { fail: Some(fail), ..Self::default() }
    }

    /// This status, and these words in the form in which OpenAI sends errors.
    pub fn refuse(status: u16, message: &str) -> Self {
        let body = json!({ "error": { "message": message, "type": "invalid_request_error" } });
        Self::fail(Fail::Status { status, retry_after: None, body })
    }

    /// Nothing.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// More text.
    #[must_use]
    pub fn and_say(mut self, text: &str) -> Self {
        self.parts.extend(cut(text).map(Part::Text));
        self
    }

    /// Another call.
    #[must_use]
    pub fn and_call(mut self, name: &str, arguments: &str) -> Self {
        self.parts.push(Part::Call { name: name.to_owned(), arguments: arguments.to_owned(), id: None });
        self
    }

    /// A pause.
    #[must_use]
    pub fn and_pause(mut self, time: Duration) -> Self {
        self.parts.push(Part::Pause(time));
        self
    }

    /// A pause after each piece of what it says so far.
    #[must_use]
    pub fn slowly(mut self, pause: Duration) -> Self {
        self.parts = self
            .parts
            .into_iter()
            .flat_map(|part| {
                let pause = (!matches!(part, Part::Pause(_))).then_some(Part::Pause(pause));
                std::iter::once(part).chain(pause)
            })
            .collect();
        self
    }

    /// And then all of this, with its end; an endless one says itself again, and not what came before it.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let again_from = self.parts.len() + other.again_from;
        self.parts.extend(other.parts);
        Self { then: other.then, again_from, finish: other.finish, usage: other.usage, ..self }
    }

    /// Only to requests like these.
    #[must_use]
    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    /// So often and no more; 0 is taken for once.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN)), ..self }
    }

    /// What comes after it.
    #[must_use]
    pub fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    /// The reason to stop.
    #[must_use]
    pub fn finish(self, finish: Finish) -> Self {
        Self { finish: Some(finish), ..self }
    }

    /// What was counted.
    #[must_use]
    pub fn usage(self, prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self { usage: Some(Usage { prompt_tokens, completion_tokens }), ..self }
    }

    /// The reason to stop that is told.
    pub(crate) fn told_finish(&self) -> &'static str {
        let calls = self.parts.iter().any(|part| matches!(part, Part::Call { .. }));
        self.finish.unwrap_or(if calls { Finish::ToolCalls } else { Finish::Stop }).as_str()
    }
}

/// A few characters at a time.
pub(crate) fn cut(text: &str) -> impl Iterator<Item = String> {
    let characters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = characters.chunks(PIECE_CHARS).map(|piece| piece.iter().collect()).collect();
    pieces.into_iter()
}
