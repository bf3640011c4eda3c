//! Servers that say how well texts answer a question: cross-encoders behind one of three forms of HTTP.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{ApiKey, LlmError, Patience, transport::Endpoint};

/// What errors and logs call such a server.
const PROVIDER: &str = "rerank";
/// Scores of a few dozen texts, with room for what else a server sends along.
const MAX_BYTES: usize = 4 << 20;

/// How a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RerankForm {
    /// Text Embeddings Inference: `POST /rerank` with `texts`, answered by a list of `index` and `score`.
    Tei,
    /// Jina, vLLM, Infinity, llama.cpp: `POST /v1/rerank` with `documents`, answered by `results` of `index` and
    /// `relevance_score`.
    Jina,
    /// Cohere: the same as `POST /v2/rerank`.
    Cohere,
}

impl RerankForm {
    const fn path(self) -> &'static str {
        match self {
            Self::Tei => "rerank",
            Self::Jina => "v1/rerank",
            Self::Cohere => "v2/rerank",
        }
    }
}

/// One server.
#[derive(Debug, Clone)]
pub struct RerankServer {
    endpoint: Endpoint,
    form: RerankForm,
    model: Option<String>,
    key: Option<ApiKey>,
}

#[derive(Serialize)]
struct TeiRequest<'r> {
    query: &'r str,
    texts: &'r [String],
    /// Longer texts than the model reads are cut, rather than the whole request refused.
    truncate: bool,
}

#[derive(Deserialize)]
struct Scored {
    index: usize,
    #[serde(alias = "relevance_score")]
    score: f32,
}

#[derive(Deserialize)]
struct Results {
    results: Vec<Scored>,
}

impl RerankServer {
    /// A server below `base`, or the endpoint itself where the address ends in `/rerank`.
    ///
    /// # Errors
    /// When the address is none, or no client can be made.
    pub fn new(
        form: RerankForm,
        base: &str,
        model: Option<String>,
        key: Option<ApiKey>,
        patience: Patience,
    ) -> Result<Self, LlmError> {
        let endpoint = Endpoint::new(PROVIDER, "RERANK_URL", base, patience)?;
        Ok(Self { endpoint, form, model, key })
    }

    /// How well each text answers the query, in their order. Higher is better; what the numbers mean is the server's.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, is late, or does not score each text once.
    pub async fn scores(&self, query: &str, texts: &[String]) -> Result<Vec<f32>, LlmError> {
        let base = self.endpoint.base();
        let is_endpoint = base.path().trim_end_matches('/').ends_with("/rerank");
        let mut url = if is_endpoint { base.clone() } else { self.endpoint.at(self.form.path()) };
        if is_endpoint {
            url.set_path(base.path().trim_end_matches('/'));
        }
        let request = self.endpoint.post(&url);
        let mut request = match self.form {
            RerankForm::Tei => request.json(&TeiRequest { query, texts, truncate: true }),
            RerankForm::Jina | RerankForm::Cohere => {
                let mut body = json!({ "query": query, "documents": texts, "top_n": texts.len() });
                if let Some(model) = &self.model {
                    body["model"] = json!(model);
                }
                if self.form == RerankForm::Jina {
                    body["return_documents"] = json!(false);
                }
                request.json(&body)
            }
        };
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose());
        }
        let bytes = self.endpoint.whole(request, MAX_BYTES).await?;
        let scored: Vec<Scored> = match self.form {
            RerankForm::Tei => serde_json::from_slice(&bytes).map_err(|_| bad())?,
            RerankForm::Jina | RerankForm::Cohere => {
                serde_json::from_slice::<Results>(&bytes).map_err(|_| bad())?.results
            }
        };
        in_order(scored, texts.len())
    }
}

fn bad() -> LlmError {
    LlmError::BadStream { provider: PROVIDER, what: "something else than one score for each text" }
}

fn in_order(scored: Vec<Scored>, count: usize) -> Result<Vec<f32>, LlmError> {
    let mut scores = vec![None; count];
    for Scored { index, score } in scored {
        match scores.get_mut(index) {
            Some(place @ None) if score.is_finite() => *place = Some(score),
            _ => return Err(bad()),
        }
    }
    scores.into_iter().collect::<Option<Vec<f32>>>().ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, count: usize) -> Option<Vec<f32>> {
        in_order(serde_json::from_str(json).unwrap(), count).ok()
    }

    #[test]
    fn scores_come_back_in_the_order_of_the_texts() {
        let sorted = r#"[{"index":1,"score":0.9},{"index":0,"score":0.1}]"#;
        assert_eq!(read(sorted, 2), Some(vec![0.1, 0.9]));
        assert_eq!(read(r#"[{"index":0,"relevance_score":-3.5,"document":{"text":"a"}}]"#, 1), Some(vec![-3.5]));
    }

    #[test]
    fn each_text_has_one_score_or_none_counts() {
        assert_eq!(read(r#"[{"index":0,"score":1}]"#, 2), None, "one is missing");
        assert_eq!(read(r#"[{"index":0,"score":1},{"index":0,"score":2}]"#, 2), None, "one twice");
        assert_eq!(read(r#"[{"index":2,"score":1},{"index":0,"score":2}]"#, 2), None, "none of these");
    }
}
