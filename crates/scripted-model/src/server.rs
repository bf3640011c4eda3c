//! The server: takes requests, finds the turn for each, and keeps what came in.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde::Serialize;
use serde_json::json;

use crate::{
    Request, Script, Turn,
    http::{Gone, Incoming, Wire},
    play::{play, refuse},
};

/// The name of the model where the script gives none.
const MODEL: &str = "scripted";

/// A running server. It ends when this is dropped, and its connections with it.
#[derive(Debug)]
pub struct ScriptedModel {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// How often a turn was played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnUse {
    /// Which turn of the script, from 1.
    pub turn: usize,
    /// Where it stands in its file.
    pub line: Option<u64>,
    /// So many requests it has answered.
    pub answered: usize,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Told of each request, and of each client that leaves.
    changed: Condvar,
    ended: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    script: Arc<Script>,
    /// Of each turn: how many requests it fits, `nth` and `times` aside, and how many it has answered.
    counts: Vec<(u32, usize)>,
    requests: Vec<Request>,
    refused: Vec<String>,
    left: usize,
}

impl ScriptedModel {
    /// Plays a script on a free port of loopback.
    ///
    /// # Errors
    /// When there is none.
    pub fn start(script: impl Into<Script>) -> io::Result<Self> {
        Self::start_on(0, script)
    }

    /// Plays a script on this port of loopback.
    ///
    /// # Errors
    /// When it is taken.
    pub fn start_on(port: u16, script: impl Into<Script>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let server = Self { address: listener.local_addr()?, shared: Arc::default() };
        server.play(script);
        let shared = Arc::clone(&server.shared);
        accept(listener, move |stream| shared.serve(stream), &server.shared);
        Ok(server)
    }

    /// The address of a server that is not there.
    ///
    /// # Errors
    /// When no port is free.
    pub fn absent() -> io::Result<String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(format!("http://{}/v1", listener.local_addr()?))
    }

    /// Its address, up to and with `/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Plays another script from now on; what is being answered goes on as it began. Requests are kept.
    pub fn play(&self, script: impl Into<Script>) {
        let script = script.into();
        let mut state = self.shared.state();
        state.counts = vec![(0, 0); script.turns.len()];
        state.script = Arc::new(script);
    }

    /// The requests for an answer, oldest first, those that no turn fitted too.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// The same, and forgets them: who asks for hours need not keep all that was asked.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.state().requests)
    }

    /// The last one.
    pub fn last_request(&self) -> Option<Request> {
        self.shared.state().requests.last().cloned()
    }

    /// The body of the last one as it came; empty where none did.
    pub fn last_body(&self) -> String {
        self.last_request().map(|request| request.body).unwrap_or_default()
    }

    /// How many came.
    pub fn count(&self) -> usize {
        self.shared.state().requests.len()
    }

    /// How often each turn of the script was played.
    pub fn turns(&self) -> Vec<TurnUse> {
        self.shared.state().turns()
    }

    /// The turns that were never played.
    pub fn unused(&self) -> Vec<TurnUse> {
        self.turns().into_iter().filter(|turn| turn.answered == 0).collect()
    }

    /// What was said to each request that no turn fitted.
    pub fn refused(&self) -> Vec<String> {
        self.shared.state().refused.clone()
    }

    /// How many clients left before their answer was whole.
    pub fn clients_left(&self) -> usize {
        self.shared.state().left
    }

    /// Waits until so many requests have come; false when they have not within this time.
    pub fn wait_for_requests(&self, requests: usize, within: Duration) -> bool {
        let state = self.shared.state();
        let waited = self.shared.changed.wait_timeout_while(state, within, |state| state.requests.len() < requests);
        waited.unwrap_or_else(PoisonError::into_inner).0.requests.len() >= requests
    }

    /// Waits until so many clients have left before their answer was whole; false when they have not within this time.
    pub fn wait_until_left(&self, clients: usize, within: Duration) -> bool {
        let state = self.shared.state();
        let waited = self.shared.changed.wait_timeout_while(state, within, |state| state.left < clients);
        waited.unwrap_or_else(PoisonError::into_inner).0.left >= clients
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        end(self.address, &self.shared.ended);
    }
}

/// Has each connection served by a thread of its own, until `ended` says otherwise.
pub(crate) fn accept<S: AsRef<AtomicBool> + Send + Sync + 'static>(
    listener: TcpListener,
    serve: impl Fn(TcpStream) + Clone + Send + 'static,
    ended: &Arc<S>,
) {
    let ended = Arc::clone(ended);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if (*ended).as_ref().load(Ordering::Relaxed) {
                return;
            }
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
}

/// Ends the thread that accepts at this address.
pub(crate) fn end(address: SocketAddr, ended: &AtomicBool) {
    ended.store(true, Ordering::Relaxed);
    // Wakes it.
    let _ = TcpStream::connect(address);
}

impl AsRef<AtomicBool> for Shared {
    fn as_ref(&self) -> &AtomicBool {
        &self.ended
    }
}

impl State {
    fn turns(&self) -> Vec<TurnUse> {
        let turns = self.script.turns.iter().zip(&self.counts).enumerate();
        turns
            .map(|(index, (turn, (_, answered)))| TurnUse { turn: index + 1, line: turn.line, answered: *answered })
            .collect()
    }

    /// The turn for a request, or what each turn wanted instead.
    fn choose(&mut self, request: &Request) -> Result<(usize, Arc<Script>), String> {
        let script = Arc::clone(&self.script);
        let (mut chosen, mut why) = (None, Vec::new());
        for (index, (turn, (fitted, answered))) in script.turns.iter().zip(&mut self.counts).enumerate() {
            let mut mismatch = turn.when.mismatch(request);
            if mismatch.is_none() {
                *fitted += 1;
                mismatch = unplayable(turn, *fitted, *answered);
            }
            match mismatch {
                None if chosen.is_none() => {
                    *answered += 1;
                    chosen = Some(index);
                }
                None => {}
                Some(mismatch) => {
                    let line = turn.line.map(|line| format!(" (line {line})")).unwrap_or_default();
                    why.push(format!("turn {}{line} {mismatch}", index + 1));
                }
            }
        }
        chosen.map(|index| (index, script)).ok_or_else(|| why.join("; "))
    }
}

/// Why a turn is not played though it fits.
fn unplayable(turn: &Turn, fitted: u32, answered: usize) -> Option<String> {
    if let Some(nth) = turn.when.nth.filter(|nth| nth.get() != fitted) {
        return Some(format!("wants to be nth {nth}, and this is {fitted}"));
    }
    let times = turn.times.filter(|times| answered >= times.get() as usize)?;
    Some(format!("was played all its {times} times"))
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) {
        // Without this each piece waits for the client to confirm the one before.
        let _ = stream.set_nodelay(true);
        let Ok(incoming) = Incoming::read(&mut stream) else { return };
        let mut wire = Wire::new(stream, &self.ended);
        if self.answer(&mut wire, incoming) == Err(Gone::Client) {
            self.state().left += 1;
            self.changed.notify_all();
        }
        wire.close();
    }

    fn answer(&self, wire: &mut Wire<'_>, incoming: Incoming) -> Result<(), Gone> {
        let path = incoming.path.split('?').next().unwrap_or_default();
        match (incoming.method.as_str(), path.strip_prefix("/v1").unwrap_or(path)) {
            ("POST", "/chat/completions") => self.complete(wire, incoming.body),
            ("GET", "/models") => {
                let data = json!([{ "id": self.model(), "object": "model", "created": 0, "owned_by": "script" }]);
                let list = json!({ "object": "list", "data": data }).to_string();
                wire.whole(200, "", "application/json", list.as_bytes())
            }
            ("GET", "/script") => {
                let state = self.state();
                let told = json!({
                    "turns": state.turns(),
                    "requests": state.requests.len(),
                    "refused": state.refused,
                });
                drop(state);
                wire.whole(200, "", "application/json", told.to_string().as_bytes())
            }
            (method, path) => {
                let message = format!(
                    "there is no {method} {path} here; there are POST /v1/chat/completions, GET /v1/models, and \
                     GET /script for how often each turn was played"
                );
                refuse(wire, 404, &message)
            }
        }
    }

    fn model(&self) -> String {
        self.state().script.model.clone().unwrap_or_else(|| MODEL.to_owned())
    }

    fn complete(&self, wire: &mut Wire<'_>, body: Vec<u8>) -> Result<(), Gone> {
        let request = String::from_utf8(body).ok().and_then(|body| Request::new(body).ok());
        let Some(request) = request else { return refuse(wire, 400, "the body is not JSON") };
        let chosen = {
            let mut state = self.state();
            state.requests.push(request.clone());
            let chosen = state.choose(&request).map_err(|wanted| {
                format!("no turn of the script fits. Came: {}. Wanted: {wanted}", request.describe())
            });
            if let Err(message) = &chosen {
                state.refused.push(message.clone());
            }
            chosen
        };
        self.changed.notify_all();
        match chosen {
            Ok((index, script)) => play(wire, &script.turns[index], &self.model(), &request),
            Err(message) => refuse(wire, 400, &message),
        }
    }
}
