//! One turn, on the wire.

use serde_json::{Map, Value, json};

use crate::{
    Fail, Request, Then, Turn, Usage,
    http::{Gone, Wire},
    script::{Part, cut},
};

/// The events of an answer name no time and no chance.
const ID: &str = "chatcmpl-scripted";
const CREATED: u64 = 1_763_683_200;

/// Plays a turn to the one who asked.
pub(crate) fn play(wire: &mut Wire<'_>, turn: &Turn, model: &str, request: &Request) -> Result<(), Gone> {
    match &turn.fail {
        Some(fail) => fail_with(wire, fail),
        None if request.is_streamed() => Streamed { wire, turn, model, request, calls: 0 }.play(),
        None => whole(wire, turn, model, request),
    }
}

/// An error of this server in the form of OpenAI's.
pub(crate) fn refuse(wire: &mut Wire<'_>, status: u16, message: &str) -> Result<(), Gone> {
    let body = json!({ "error": { "message": message, "type": "invalid_request_error" } });
    wire.whole(status, "", "application/json", body.to_string().as_bytes())
}

fn fail_with(wire: &mut Wire<'_>, fail: &Fail) -> Result<(), Gone> {
    match fail {
        Fail::Hang => Err(wire.hang()),
        Fail::Die => wire.die(),
        Fail::Status { status, retry_after, body } => {
            let more = retry_after.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
            match body {
                Value::Null => wire.whole(*status, &more, "text/plain", b""),
                Value::String(text) => wire.whole(*status, &more, "text/plain", text.as_bytes()),
                value => wire.whole(*status, &more, "application/json", value.to_string().as_bytes()),
            }
        }
    }
}

struct Streamed<'a, 'b> {
    wire: &'a mut Wire<'b>,
    turn: &'a Turn,
    model: &'a str,
    request: &'a Request,
    /// So many calls so far.
    calls: usize,
}

impl Streamed<'_, '_> {
    fn play(&mut self) -> Result<(), Gone> {
        self.wire.begin("text/event-stream")?;
        let mut parts = self.turn.parts.as_slice();
        loop {
            for part in parts {
                self.part(part)?;
            }
            match self.turn.then {
                Then::End => break,
                Then::Hang => return Err(self.wire.hang()),
                Then::Die => return self.wire.die(),
                // Who has nothing to say can say it for ever without a word.
                Then::Endless if parts.is_empty() => return Err(self.wire.hang()),
                Then::Endless => parts = &self.turn.parts[self.turn.again_from..],
            }
        }
        let finish = self.turn.told_finish();
        self.event(&json!([{ "index": 0, "delta": {}, "finish_reason": finish }]), None)?;
        if let Some(usage) = self.turn.usage {
            self.event(&json!([]), Some(usage))?;
        }
        self.wire.piece("data: [DONE]\n\n")?;
        self.wire.end()
    }

    fn part(&mut self, part: &Part) -> Result<(), Gone> {
        match part {
            Part::Text(text) => self.delta(&json!({ "content": text })),
            Part::Thought(text) => self.delta(&json!({ "reasoning_content": text })),
            Part::Delta(delta) => self.delta(delta),
            Part::Pause(time) => self.wire.pause(*time),
            Part::Instructions => {
                let instructions = self.request.system();
                self.delta(&json!({ "content": "" }))?;
                cut(&instructions).try_for_each(|piece| self.delta(&json!({ "content": piece })))
            }
            Part::Call { name, arguments, id } => {
                let (index, middle) = (self.calls, middle(arguments));
                self.calls += 1;
                let (first, second) = arguments.split_at(middle);
                let call = call(id.as_deref(), index, name, first);
                self.delta(&json!({ "tool_calls": [call] }))?;
                let rest = json!({ "index": index, "function": { "arguments": second } });
                self.delta(&json!({ "tool_calls": [rest] }))
            }
        }
    }

    fn delta(&mut self, delta: &Value) -> Result<(), Gone> {
        self.event(&json!([{ "index": 0, "delta": delta, "finish_reason": null }]), None)
    }

    fn event(&mut self, choices: &Value, usage: Option<Usage>) -> Result<(), Gone> {
        let event = answer("chat.completion.chunk", self.model, choices, usage);
        self.wire.piece(&format!("data: {event}\n\n"))
    }
}

/// All that a turn says, in one piece; its failures in the middle of it.
fn whole(wire: &mut Wire<'_>, turn: &Turn, model: &str, request: &Request) -> Result<(), Gone> {
    let (mut text, mut thought, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &turn.parts {
        match part {
            Part::Text(piece) => text.push_str(piece),
            Part::Thought(piece) => thought.push_str(piece),
            Part::Instructions => text.push_str(&request.system()),
            Part::Pause(time) => wire.pause(*time)?,
            Part::Call { name, arguments, id } => calls.push(call(id.as_deref(), calls.len(), name, arguments)),
            Part::Delta(_) => {
                return refuse(
                    wire,
                    400,
                    "this turn says `deltas`, which only a streamed answer has; ask with `stream`",
                );
            }
        }
    }
    let mut message = Map::from_iter([("role".to_owned(), json!("assistant")), ("content".to_owned(), json!(text))]);
    if !thought.is_empty() {
        message.insert("reasoning_content".to_owned(), json!(thought));
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), json!(calls));
    }
    let choices = json!([{ "index": 0, "message": message, "finish_reason": turn.told_finish() }]);
    let body = answer("chat.completion", model, &choices, turn.usage).to_string();
    if turn.then == Then::End {
        return wire.whole(200, "", "application/json", body.as_bytes());
    }
    wire.begin("application/json")?;
    wire.piece(&body[..middle(&body)])?;
    match turn.then {
        Then::Die => wire.die(),
        Then::Hang | Then::End => Err(wire.hang()),
        // Valid wherever the first half ends inside of a text, and without an end in any case.
        Then::Endless => loop {
            wire.piece(" and so on")?;
        },
    }
}

fn answer(object: &str, model: &str, choices: &Value, usage: Option<Usage>) -> Value {
    let mut answer = json!({ "id": ID, "object": object, "created": CREATED, "model": model, "choices": choices });
    if let Some(Usage { prompt_tokens, completion_tokens }) = usage {
        let total_tokens = prompt_tokens + completion_tokens;
        answer["usage"] = json!({
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": total_tokens,
        });
    }
    answer
}

fn call(id: Option<&str>, index: usize, name: &str, arguments: &str) -> Value {
    let id = id.map_or_else(|| format!("call-{index}"), str::to_owned);
    let function = json!({ "name": name, "arguments": arguments });
    json!({ "index": index, "id": id, "type": "function", "function": function })
}

/// Where a text is cut in two, between two characters.
fn middle(text: &str) -> usize {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle += 1;
    }
    middle
}
