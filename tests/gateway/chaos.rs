//! Model servers that die, stall, crawl, babble, refuse and break off, at random, under load: nobody waits without end,
//! and afterwards every account agrees with what the clients saw.
//!
//! `CHAOS_SECONDS` is how long things go wrong (10), `CHAOS_SEED` which way (5): `scripts/bench-gateway.sh --chaos` takes five
//! minutes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use millwright_core::Role;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    SILENCE_SECONDS, budget,
    load::{Ending, Seen, Wish, ask},
    models_file,
};
use crate::kit::{Server, World, eventually, upstream::Upstream};

const CLIENTS: u64 = 12;
/// An answer has to begin within this; the clients say so.
const DEADLINE: Duration = Duration::from_secs(3);
/// How long a stream may take when an endpoint crawls: 17 pieces.
const CRAWL_MS: u64 = 60;
/// What busy cores may add: a request that hangs takes longer than any of this.
const GRACE: Duration = Duration::from_secs(4);
/// All is well again within this after the last fault.
const RECOVERY: Duration = Duration::from_secs(5);
/// How long the load goes on after that.
const WELL: Duration = Duration::from_secs(2);

/// Splitmix64: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("small")
    }
}

#[expect(clippy::disallowed_methods, reason = "how long and which way is told from outside")]
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a whole number"))
}

/// What may go wrong; `kill` and `none` are done here, the rest by the stand-in.
fn faults() -> Vec<Value> {
    let mut faults: Vec<Value> = ["kill", "stall", "silent", "garbage", "error", "half", "refuse", "none"]
        .map(|kind| json!({ "kind": kind }))
        .to_vec();
    faults.push(json!({ "kind": "slow", "ms": CRAWL_MS }));
    faults.push(json!({ "kind": "rate_limited", "retry_after": 1 }));
    faults
}

/// Lets one thing after another go wrong until the time is over, then mends everything. Every fault comes up again and again, in an order
/// that the seed decides.
async fn havoc(upstreams: &mut [Upstream], seed: u64, time: Duration) -> BTreeMap<String, usize> {
    let (mut random, mut deck, mut done) = (Random(seed), Vec::new(), BTreeMap::new());
    let mut dead = vec![false; upstreams.len()];
    let end = Instant::now() + time;
    while Instant::now() < end {
        if deck.is_empty() {
            deck = faults();
        }
        let fault = deck.swap_remove(random.below(deck.len()));
        let at = random.below(upstreams.len());
        if dead[at] {
            upstreams[at].start_again();
            dead[at] = false;
        }
        if fault["kind"] == "kill" {
            upstreams[at].kill();
            dead[at] = true;
        } else {
            upstreams[at].fault(&fault).await;
        }
        *done.entry(fault["kind"].as_str().expect("kind").to_owned()).or_default() += 1;
        tokio::time::sleep(Duration::from_millis(150 + random.next() % 350)).await;
    }
    for (upstream, dead) in upstreams.iter_mut().zip(dead) {
        if dead {
            upstream.start_again();
        }
        upstream.heal().await;
    }
    done
}

/// One client after another request, until it is told to stop.
async fn client(server: Server, token: String, since: Instant, next: Arc<AtomicU64>, end: Arc<AtomicU64>) -> Vec<Seen> {
    let mut seen = Vec::new();
    let patience = DEADLINE + Duration::from_secs(SILENCE_SECONDS) * 2 + Duration::from_millis(CRAWL_MS) * 17 + GRACE;
    while end.load(Ordering::Relaxed) == 0 {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let wish =
            Wish { number, stream: number.is_multiple_of(2), leave: number.is_multiple_of(14), deadline: DEADLINE };
        let one = ask(&server, &token, since, wish, patience).await;
        // A refusal costs nothing: without a pause a client would make thousands.
        if matches!(one.ending, Ending::Refused(..)) {
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        seen.push(one);
    }
    seen
}

/// `trace_id`, id and outcome of each row of usage.
async fn usage(world: &World) -> Vec<(String, String, String)> {
    let query = "SELECT trace_id || ' usg_' || replace(id::text, '-', '') || ' ' || outcome FROM model_usage";
    let rows = world.db().peek(query).await;
    rows.iter()
        .map(|row| {
            let mut words = row.split(' ').map(str::to_owned);
            let mut word = || words.next().expect("three words");
            (word(), word(), word())
        })
        .collect()
}

async fn one_number(world: &World, query: &str) -> i64 {
    world.db().peek(query).await[0].parse().expect("a number")
}

/// Usage, audit and budgets agree with each other and with what the clients saw.
async fn check_accounts(world: &World, seen: &[Seen]) {
    let held = "SELECT (SELECT count(*) FROM budget_reservations)::text";
    eventually("nothing is held any more", Duration::from_secs(20), async || one_number(world, held).await == 0).await;
    let rows = usage(world).await;
    let mut by_trace: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (trace, id, outcome) in &rows {
        by_trace.entry(trace).or_default().push((id, outcome));
    }
    let mut wrong = Vec::new();
    for one in seen {
        let found = by_trace.remove(one.trace.as_str()).unwrap_or_default();
        let fits = match (&one.ending, found.as_slice()) {
            (Ending::Whole, [(id, "complete")]) => one.id.as_deref() == Some(id),
            // All of it may have come before the client was gone, and the model server may have failed in the same moment.
            (Ending::Left, [(id, "cut" | "complete" | "failed")]) | (Ending::Broken(_), [(id, "failed")]) => {
                one.id.as_deref().is_none_or(|shown| shown == *id)
            }
            // No endpoint had begun, or one had and broke off before its first part: its prompt is counted.
            (Ending::Refused(..), [] | [(_, "failed")]) => true,
            _ => false,
        };
        if !fits {
            wrong.push(format!("{one:?} has the rows {found:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} requests are not accounted for as they were seen: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(10)]
    );
    assert!(by_trace.is_empty(), "usage of requests that nobody made: {by_trace:?}");

    let proofs = "SELECT resource_id FROM audit_entries WHERE action = 'usage.recorded'";
    let proofs = world.db().peek(proofs).await;
    let proven: BTreeSet<&str> = proofs.iter().map(String::as_str).collect();
    let used: BTreeSet<&str> = rows.iter().map(|(_, id, _)| id.as_str()).collect();
    assert_eq!((proofs.len(), rows.len()), (proven.len(), used.len()), "an entry or a row is doubled");
    assert_eq!(proven, used, "each call has a row of usage and an entry in the audit log, and nothing has one alone");

    for (unit, spent) in [("tokens", "sum(input_tokens + output_tokens)"), ("money", "sum(cost_micros)")] {
        let kept = format!(
            "SELECT sum(p.spent + p.reserved)::text FROM budget_periods p JOIN budgets b ON b.id = p.budget_id WHERE b.unit = '{unit}'"
        );
        let used = format!("SELECT ({spent})::text FROM model_usage");
        let (kept, used) = (one_number(world, &kept).await, one_number(world, &used).await);
        assert!(used > 0, "nothing was spent");
        assert_eq!(kept, used, "{unit}: what the budget counts is what was used");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_hangs_and_no_account_is_wrong_whatever_the_model_servers_do() {
    let (time, seed) = (Duration::from_secs(number("CHAOS_SECONDS", 10)), number("CHAOS_SEED", 5));
    let mut upstreams: Vec<Upstream> = (0..3).map(|_| Upstream::start()).collect();
    let mut world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    models_file(&mut world, &upstreams.iter().collect::<Vec<_>>());
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    budget(&admin, "tokens", "tenant", None, "tokens", 1_000_000_000_000).await;
    budget(&admin, "money", "tenant", None, "money", 1_000_000_000_000).await;

    let (since, next, end) = (Instant::now(), Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let token = admin.token.clone();
        clients.spawn(client(server.elsewhere(), token, since, Arc::clone(&next), Arc::clone(&end)));
    }
    let done = havoc(&mut upstreams, seed, time).await;
    let healed = since.elapsed();
    tokio::time::sleep(RECOVERY + WELL).await;
    end.store(1, Ordering::Relaxed);
    let seen: Vec<Seen> = clients.join_all().await.into_iter().flatten().collect();

    let count = |holds: &dyn Fn(&Seen) -> bool| seen.iter().filter(|one| holds(one)).count();
    let failed = |one: &Seen| !matches!(one.ending, Ending::Whole | Ending::Left);
    let slowest = seen.iter().map(|one| one.took).max().unwrap_or_default();
    let last = seen.iter().filter(|one| failed(one)).map(|one| one.begun + one.took).max().unwrap_or_default();
    println!(
        "seed {seed}, {time:?} of faults {done:?}: {} requests, {} whole, {} left, {} broken off, {} refused; slowest {slowest:?}; \
         last failure {:?} after the last fault",
        seen.len(),
        count(&|one| one.ending == Ending::Whole),
        count(&|one| one.ending == Ending::Left),
        count(&|one| matches!(one.ending, Ending::Broken(_))),
        count(&|one| matches!(one.ending, Ending::Refused(..))),
        last.saturating_sub(healed)
    );
    let absurd: Vec<_> = seen.iter().filter(|one| matches!(one.ending, Ending::Absurd(_))).take(10).collect();
    assert!(absurd.is_empty(), "requests that hung, or ended in no documented way: {absurd:#?}");
    let late: Vec<_> = seen.iter().filter(|one| !one.streamed && one.took > DEADLINE + GRACE).take(10).collect();
    assert!(late.is_empty(), "answers after their deadline: {late:#?}");
    assert!(count(&|one| one.ending == Ending::Whole) > 50, "hardly anything was answered");
    assert!(count(&|one| matches!(one.ending, Ending::Broken(_))) > 0, "no stream broke off: the faults did not bite");
    let ill: Vec<_> = seen.iter().filter(|one| one.begun > healed + RECOVERY && failed(one)).take(10).collect();
    assert!(ill.is_empty(), "not well {RECOVERY:?} after the last fault: {ill:#?}");
    check_accounts(&world, &seen).await;
    let (sound, said, _) = world.command(&["audit", "verify"]);
    assert!(sound, "the audit log: {said}");
}
