//! The gateway as its clients and the model servers behind it see it: real processes on both sides.

mod chaos;
mod load;

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::kit::{Session, World, read, upstream::Upstream};

/// Each attempt may take this long to begin, and a stream may be silent as long.
pub(crate) const SILENCE_SECONDS: u64 = 1;

/// Writes a `models.yaml` in which the chat model `fake-1` and the embedding model `fake-emb`, with prices, stand on all of
/// these, and lets servers started from now on read it.
pub(crate) fn models_file(world: &mut World, upstreams: &[&Upstream]) {
    let mut text = String::from("currency: EUR\nendpoints:\n");
    for (number, upstream) in upstreams.iter().enumerate() {
        write!(
            text,
            "  - {{name: host-{number}, provider: openai, url: \"{}\", concurrency: 32, queue: 128,\n     timeouts: {{connect: 1, \
             first_token: {SILENCE_SECONDS}, idle: {SILENCE_SECONDS}, total: 10}}}}\n",
            upstream.base_url()
        )
        .expect("write");
    }
    let places: Vec<_> = (0..upstreams.len()).map(|number| format!("{{endpoint: host-{number}}}")).collect();
    let places = places.join(", ");
    write!(
        text,
        "models:\n  - name: fake-1\n    tiers: [LIGHT, STANDARD, HEAVY]\n    context_tokens: 32768\n    max_output_tokens: 512\n    \
         capabilities: {{tools: true, json_schema: true, logprobs: true}}\n    endpoints: [{places}]\n    \
         price: {{input_per_million: 15, output_per_million: 60}}\n  - name: fake-emb\n    kind: embedding\n    \
         endpoints: [{places}]\n    price: {{input_per_million: 2}}\n"
    )
    .expect("write");
    let path = world.data.path().join("models.yaml");
    std::fs::write(&path, text).expect("write");
    world.set("MODELS_FILE", path.to_str().expect("utf-8"));
}

/// Makes a budget by month.
pub(crate) async fn budget(
    admin: &Session<'_>,
    name: &str,
    kind: &str,
    subject: Option<&str>,
    unit: &str,
    limit: i64,
) -> Value {
    let body = json!({ "name": name, "subject_kind": kind, "subject_id": subject, "period": "month", "unit": unit,
        "limit": limit });
    let (status, made) = read(admin.post("/api/v1/admin/budgets", &body).await).await;
    assert_eq!(status, 201, "{made}");
    made
}
