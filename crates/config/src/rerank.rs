use std::time::Duration;

use crate::{
    EndpointTakes, Secret, Setting,
    models::{base_url, is_private},
    reader::Reader,
};

const RERANK_URL: Setting = Setting {
    name: "RERANK_URL",
    default: "",
    accepts: "a URL that begins with `http://` or `https://`",
    secret: false,
    meaning: "A server that orders found passages anew by reading each with the question (TEI, vLLM, Infinity, Jina, Cohere), \
              or its endpoint that ends in `/rerank`. Absent: the built-in order, which asks no model.",
};
const RERANK_FORM: Setting = Setting {
    name: "RERANK_FORM",
    default: "tei",
    accepts: "`tei`, `jina`, `cohere` or `model`",
    secret: false,
    meaning: "How the reranker is asked: `/rerank` of Text Embeddings Inference, `/v1/rerank` as Jina has it (vLLM, Infinity \
              and llama.cpp too), `/v2/rerank` of Cohere, or `model`: a chat model of `models.yaml` reads the best passages of \
              each search, on the account of who asks.",
};
const RERANK_MODEL: Setting = Setting {
    name: "RERANK_MODEL",
    default: "",
    accepts: "a model name that the server knows",
    secret: false,
    meaning: "The reranker's model. Needed for `cohere`, and for `model`, where it is one of `models.yaml`; `tei` has one anyway.",
};
const RERANK_API_KEY: Setting = Setting {
    name: "RERANK_API_KEY",
    default: "",
    accepts: "any text",
    secret: true,
    meaning: "Sent to `RERANK_URL` as bearer token.",
};
const RERANK_TIMEOUT_MS: Setting = Setting {
    name: "RERANK_TIMEOUT_MS",
    default: "2000",
    accepts: "a whole number from 10 to 60000",
    secret: false,
    meaning: "Milliseconds that a search waits for the reranker. Then the built-in order stands, and the search says so.",
};
const RERANK_MAX_CLASSIFICATION: Setting = Setting {
    name: "RERANK_MAX_CLASSIFICATION",
    default: "",
    accepts: "PUBLIC, INTERNAL, CONFIDENTIAL or RESTRICTED",
    secret: false,
    meaning: "The most confidential passages and questions that the reranker is sent; others keep their place. Absent: \
              `RESTRICTED` for a server on this machine or a private address, `PUBLIC` for any other.",
};
const RERANK_EXPORT_CONTROLLED: Setting = Setting {
    name: "RERANK_EXPORT_CONTROLLED",
    default: "",
    accepts: "`true` or `false`",
    secret: false,
    meaning: "Whether the reranker is sent export-controlled data. Absent: only a server on this machine or a private address \
              is.",
};

pub(crate) const SETTINGS: &[Setting] = &[
    RERANK_URL,
    RERANK_FORM,
    RERANK_MODEL,
    RERANK_API_KEY,
    RERANK_TIMEOUT_MS,
    RERANK_MAX_CLASSIFICATION,
    RERANK_EXPORT_CONTROLLED,
];

/// How a reranker is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RerankForm {
    /// Text Embeddings Inference.
    Tei,
    /// Jina and what speaks like it.
    Jina,
    /// Cohere.
    Cohere,
}

/// What orders passages anew.
#[derive(Debug, Clone)]
pub enum RerankConfig {
    /// A reranker over HTTP.
    Server(RerankServerConfig),
    /// A language model of the catalog.
    Model {
        /// Its name there.
        name: String,
        /// How long a search waits for it.
        timeout: Duration,
    },
}

/// A reranker over HTTP.
#[derive(Debug, Clone)]
pub struct RerankServerConfig {
    /// Without a slash at the end.
    pub url: String,
    /// How it is asked.
    pub form: RerankForm,
    /// Its model, where it has several.
    pub model: Option<String>,
    /// Bearer token, where the server wants one.
    pub api_key: Option<Secret>,
    /// How long a search waits for it.
    pub timeout: Duration,
    /// The most that it is sent.
    pub takes: EndpointTakes,
    /// Whether it stands on this machine or at a private address.
    pub on_site: bool,
}

impl RerankConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let url = reader.parsed(&RERANK_URL, base_url);
        let forms = [
            ("tei", Some(RerankForm::Tei)),
            ("jina", Some(RerankForm::Jina)),
            ("cohere", Some(RerankForm::Cohere)),
            ("model", None),
        ];
        let form = reader.choice(&RERANK_FORM, &forms);
        let model = reader.text(&RERANK_MODEL);
        let api_key = reader.secret(&RERANK_API_KEY);
        let timeout = Duration::from_millis(reader.number(&RERANK_TIMEOUT_MS, 10..=60_000));
        let classification = reader.parsed(&RERANK_MAX_CLASSIFICATION, |text| text.parse().ok());
        let export_controlled = reader.parsed(&RERANK_EXPORT_CONTROLLED, |text| text.parse().ok());
        let Some(form) = form else {
            let of_servers = [
                (&RERANK_URL, url.is_some()),
                (&RERANK_API_KEY, api_key.is_some()),
                (&RERANK_MAX_CLASSIFICATION, classification.is_some()),
                (&RERANK_EXPORT_CONTROLLED, export_controlled.is_some()),
            ];
            for (setting, _) in of_servers.into_iter().filter(|(_, is_given)| *is_given) {
                reader.problem(setting.name, "a model of `models.yaml` has its address, key and limits there");
            }
            if model.is_none() {
                reader
                    .problem(RERANK_MODEL.name, "it is needed with `RERANK_FORM=model`: a chat model of `models.yaml`");
            }
            return model.map(|name| Self::Model { name, timeout });
        };
        let Some(url) = url else {
            if api_key.is_some() && !reader.refused(RERANK_URL.name) {
                reader.problem(RERANK_API_KEY.name, "it is given without `RERANK_URL`, the server that it is for");
            }
            return None;
        };
        if form == RerankForm::Cohere && model.is_none() {
            reader.problem(RERANK_MODEL.name, "it is needed with `RERANK_FORM=cohere`");
        }
        let on_site = is_private(&url);
        let unasked = EndpointTakes::unasked(on_site);
        let takes = EndpointTakes {
            classification: classification.unwrap_or(unasked.classification),
            export_controlled: export_controlled.unwrap_or(unasked.export_controlled),
        };
        Some(Self::Server(RerankServerConfig { url, form, model, api_key, timeout, takes, on_site }))
    }
}

#[cfg(test)]
mod tests {
    use millwright_core::Classification;

    use super::*;
    use crate::{Config, Surroundings};

    fn read_any(settings: &[(&'static str, &'static str)]) -> Result<Option<RerankConfig>, String> {
        let home = [("HOME", "/home/ada")];
        let surroundings = Surroundings::new(home.iter().chain(settings).copied());
        Config::from_surroundings(&surroundings).map(|config| config.rerank).map_err(|error| error.to_string())
    }

    fn read(settings: &[(&'static str, &'static str)]) -> Result<Option<RerankServerConfig>, String> {
        read_any(settings).map(|config| match config {
            Some(RerankConfig::Server(server)) => Some(server),
            Some(RerankConfig::Model { .. }) => panic!("a model"),
            None => None,
        })
    }

    #[test]
    fn a_model_of_the_catalog_is_named_and_has_its_own_address() {
        let form = ("RERANK_FORM", "model");
        let model = read_any(&[form, ("RERANK_MODEL", "small")]).unwrap();
        assert!(matches!(model, Some(RerankConfig::Model { ref name, .. }) if name == "small"), "{model:?}");
        assert!(read_any(&[form]).unwrap_err().contains("RERANK_MODEL"));
        let both = [form, ("RERANK_MODEL", "small"), ("RERANK_URL", "http://127.0.0.1:1/")];
        assert!(read_any(&both).unwrap_err().contains("RERANK_URL"));
    }

    #[test]
    fn a_server_elsewhere_is_sent_what_is_public_unless_more_is_said() {
        assert!(read(&[]).unwrap().is_none());
        let near = read(&[("RERANK_URL", "http://127.0.0.1:8080/")]).unwrap().unwrap();
        assert_eq!((near.url.as_str(), near.form, near.on_site), ("http://127.0.0.1:8080", RerankForm::Tei, true));
        assert_eq!(near.takes, EndpointTakes { classification: Classification::Restricted, export_controlled: true });
        let far = [("RERANK_URL", "https://api.jina.example"), ("RERANK_FORM", "jina")];
        let takes = read(&far).unwrap().unwrap().takes;
        assert_eq!(takes, EndpointTakes { classification: Classification::Public, export_controlled: false });
        let more = [far[0], far[1], ("RERANK_MAX_CLASSIFICATION", "INTERNAL")];
        assert_eq!(read(&more).unwrap().unwrap().takes.classification, Classification::Internal);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let url = ("RERANK_URL", "https://api.cohere.example");
        assert!(read(&[url, ("RERANK_FORM", "cohere")]).unwrap_err().contains("RERANK_MODEL"));
        assert!(read(&[url, ("RERANK_FORM", "colbert")]).unwrap_err().contains("`tei`, `jina`, `cohere` or `model`"));
        assert!(read(&[("RERANK_API_KEY", "k")]).unwrap_err().contains("RERANK_URL"));
        assert!(read(&[("RERANK_URL", "ftp://x")]).unwrap_err().contains("RERANK_URL"));
    }
}
