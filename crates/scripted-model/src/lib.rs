//! Models whose every word is written down: a server on loopback with the interface of OpenAI's chat API that plays a script.
//!
//! A script is a list of turns. The first turn whose `when` fits a request, and that was not played as often as its `times`
//! allows, answers it; a request that none fits gets status 400 and a sentence on what came in and what each turn wanted. The same
//! requests in the same order get the same answers, so runs that call tools, repair their drafts or meet a failing model
//! server can be tested without a model and without luck.
//!
//! ```yaml
//! turns:
//!   - when: { last_user_contains: grease, has_tools: true, has_tool_result: false }
//!     call: [{ name: search_documents, arguments: { query: grease } }]
//!   - when: { last_user_contains: grease, has_tool_result: further passage }
//!     say: ["Use 25 g ", { pause: 200ms }, "for each bearing [1]."]
//!   - when: { response_format: json_schema, schema: plan, nth: 1 }
//!     half_json: { steps: [look, decide] } # half of its text, and then an end
//!   - when: { response_format: json_schema, schema: plan }
//!     json: { steps: [look, decide] }
//!   - when: { model: overloaded }
//!     fail: { status: 503, retry_after: 1, body: "busy" } # or `hang` (never answers), or `die` (closes the connection)
//!   - when: { system_contains: patience }
//!     think: "hm. "
//!     then: endless # says it again until the client leaves; or `hang`, `die` in the middle
//! ```
//!
//! [`When`] and [`Turn`] say what else there is. Unknown words are refused with file, line and turn, and so is a turn that no
//! request can reach. [`ScriptedModel`] is the server as tests use it, from YAML or from turns made in Rust; [`Recorder`] stands
//! before a real server and writes what it hears as a script. The binary `scripted-model` does both, for browser tests and by hand.
//!
//! It is no part of the product: nothing that ships depends on it, and it proves nothing about real models.
//!
//! Invariants:
//! * Nothing depends on time or chance but what a script says of pauses.
//! * A failure is one on the wire: a connection that dies is closed in the middle of a chunk's encoding, one that hangs stays open.
//! * It listens on loopback alone, and ends with the value that holds it.

mod http;
mod matching;
mod play;
mod record;
mod request;
mod script;
mod server;
mod yaml;

pub use matching::{ResponseFormat, ToolResult, When};
pub use record::{RecordError, Recorder};
pub use request::Request;
pub use script::{Fail, Finish, Script, Then, Turn, Usage};
pub use server::{ScriptedModel, TurnUse};
pub use yaml::ScriptError;
