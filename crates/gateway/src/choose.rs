//! Which model answers: by what was asked for, what the request needs, and what it costs. Pure.

use std::{sync::Arc, time::Duration};

use millwright_core::Label;
use millwright_llm::{Tier, provider::ModelRequest};
use millwright_policy::labels::{LabelDenied, Sink};
use millwright_routing::{Level, Thresholds, assess};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Catalog, GatewayError, Price,
    catalog::{Model, ModelKind, Prefer, Target},
};

/// What the caller wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What the request deserves.
    Auto,
    /// This tier.
    Tier(Tier),
    /// This model and no other.
    Model(String),
}

/// How much model a request deserves, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// 0 to 1: the share of typical requests that deserve a strong model less.
    pub score: f32,
    /// Below this LIGHT is enough.
    pub light_below: f32,
    /// From this on it is HEAVY.
    pub heavy_from: f32,
    /// The tier that the score stands for.
    pub tier: Tier,
    /// What weighed most, as the classifier tells it.
    pub features: Value,
}

impl Judged {
    /// Judges a request by its form and these thresholds. Takes well under a millisecond.
    pub fn of(request: &millwright_routing::Request<'_>, thresholds: Thresholds) -> Self {
        let complexity = assess(request, None);
        Self {
            score: complexity.score,
            light_below: thresholds.light_below(),
            heavy_from: thresholds.heavy_from(),
            tier: match thresholds.tier_word(complexity.score) {
                Level::Light => Tier::Light,
                Level::Standard => Tier::Standard,
                Level::Heavy => Tier::Heavy,
            },
            features: json!(complexity),
        }
    }
}

/// How a request's tier came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// By its score.
    Complexity,
    /// The caller named a tier.
    TierAsked,
    /// The caller named a model.
    ModelAsked,
    /// Drafts of a smaller model did not hold.
    Escalated,
}

impl Reason {
    /// The word on the wire and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complexity => "complexity",
            Self::TierAsked => "tier_asked",
            Self::ModelAsked => "model_asked",
            Self::Escalated => "escalated",
        }
    }
}

/// What became of a model in a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// Asked first.
    Chosen,
    /// Asked if those before it fail.
    Reserve,
    /// May not be given data of this label.
    LabelDenied {
        /// In a sentence.
        why: String,
    },
    /// The prompt and the answer do not fit.
    TooLong {
        /// What it holds, tokens.
        context_tokens: u64,
    },
    /// Cannot do what the request needs.
    CannotDo {
        /// What it lacks, as a noun.
        what: &'static str,
    },
    /// Policy does not let the request go there.
    PolicyDenied,
    /// The budget of money is used up.
    NoBudget,
    /// Of another tier than may be used.
    OtherTier,
    /// Another one was named.
    NotAsked,
}

impl Fate {
    fn is_asked(&self) -> bool {
        matches!(self, Self::Chosen | Self::Reserve)
    }
}

/// A model in a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Its name.
    pub model: String,
    /// Its tiers.
    pub tiers: Vec<Tier>,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
    /// The most that the call would have cost there, millionths of the currency.
    pub most_micros: u64,
}

/// Why a request goes where it goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// How the tier came about.
    pub reason: Reason,
    /// The tier.
    pub tier: Tier,
    /// The judgement of the request, where it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
    /// Estimated tokens of the prompt.
    pub input_tokens: u64,
    /// The most tokens of the answer.
    pub output_tokens: u64,
    /// Every chat model, in the order in which it is asked, then those that are not.
    pub candidates: Vec<Candidate>,
}

/// A choice with its models in order.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) choice: Choice,
    pub(crate) models: Vec<Arc<Model>>,
}

impl Plan {
    /// Why it is as it is.
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// The model that is asked first.
    pub fn model(&self) -> &str {
        self.models.first().map_or("", |model| &model.settings.name)
    }

    /// Whether the model that is asked first can ask for tools to be called.
    pub fn calls_tools(&self) -> bool {
        self.models.first().is_some_and(|model| model.settings.capabilities.tools)
    }

    /// Every place that the request may be sent to, each once.
    pub fn sinks(&self) -> Vec<&Sink> {
        let mut sinks: Vec<&Sink> = Vec::new();
        for target in self.models.iter().flat_map(|model| &model.targets) {
            if !sinks.iter().any(|known| known.name == target.sink.name) {
                sinks.push(&target.sink);
            }
        }
        sinks
    }

    /// Strikes out the places that may not be used; false when none is left.
    pub fn keep_sinks(&mut self, may: impl Fn(&Sink) -> bool) -> bool {
        let models = std::mem::take(&mut self.models).into_iter().filter_map(|model| {
            if model.targets.iter().all(|target| may(&target.sink)) {
                return Some(model);
            }
            let targets: Vec<_> = model.targets.iter().filter(|target| may(&target.sink)).cloned().collect();
            (!targets.is_empty()).then(|| Arc::new(Model { settings: model.settings.clone(), targets }))
        });
        self.models = models.collect();
        self.update_fates(|| Fate::PolicyDenied);
        !self.models.is_empty()
    }

    /// Strikes out models that cost something; false when none is left, and then nothing is struck out.
    pub(crate) fn keep_free(&mut self) -> bool {
        let free: Vec<_> = self.models.iter().filter(|model| model.settings.price == Price::Free).cloned().collect();
        if free.is_empty() || free.len() == self.models.len() {
            return false;
        }
        self.models = free;
        self.update_fates(|| Fate::NoBudget);
        true
    }

    /// The most that the call may cost at any of its models, millionths.
    pub(crate) fn most_micros(&self) -> u64 {
        let asked = self.choice.candidates.iter().filter(|candidate| candidate.fate.is_asked());
        asked.map(|candidate| candidate.most_micros).max().unwrap_or(0)
    }

    fn update_fates(&mut self, lost: impl Fn() -> Fate) {
        let left = &self.models;
        let mut is_first = true;
        for candidate in self.choice.candidates.iter_mut().filter(|candidate| candidate.fate.is_asked()) {
            candidate.fate = if !left.iter().any(|model| model.settings.name == candidate.model) {
                lost()
            } else if std::mem::take(&mut is_first) {
                Fate::Chosen
            } else {
                Fate::Reserve
            };
        }
    }
}

/// Everything that a choice depends on.
#[derive(Debug)]
pub(crate) struct Question<'q> {
    pub(crate) wanted: &'q Wanted,
    pub(crate) judged: Option<Judged>,
    pub(crate) escalated: bool,
    pub(crate) request: &'q ModelRequest,
    pub(crate) label: &'q Label,
}

/// The longest answer where the caller names none: held for the call, and told to the server.
const USUAL_OUTPUT_TOKENS: u32 = 4_096;
/// A call of a model that is priced by time holds at least so much of it: how long it takes is known only afterwards.
const LEAST_TIME: Duration = Duration::from_secs(10);

/// Puts the models that can and may answer in order.
///
/// # Errors
/// When there is none: the most telling of the reasons.
pub(crate) fn choose(catalog: &Catalog, question: Question<'_>) -> Result<Plan, GatewayError> {
    let Question { wanted, judged, escalated, request, label } = question;
    let (reason, tier) = match wanted {
        Wanted::Auto => (Reason::Complexity, judged.as_ref().map_or(Tier::Standard, |judged| judged.tier)),
        Wanted::Tier(tier) => (if escalated { Reason::Escalated } else { Reason::TierAsked }, *tier),
        Wanted::Model(name) => {
            let model = catalog.model(name).filter(|model| model.settings.kind == ModelKind::Chat);
            let model = model.ok_or_else(|| GatewayError::UnknownModel(name.clone()))?;
            (Reason::ModelAsked, model.settings.tiers.first().copied().unwrap_or_default())
        }
    };
    let needs = Needs::of(request, label);
    let ranked = ranking(catalog, wanted, tier, &needs, catalog.prefer);
    // A weaker model that may be given it is better than none that may.
    let only_labels = catalog.prefer == Prefer::Up && nobody(&ranked);
    let ranked = if only_labels && ranked.iter().any(|entry| matches!(entry.fate, Fate::LabelDenied { .. })) {
        ranking(catalog, wanted, tier, &needs, Prefer::Down)
    } else {
        ranked
    };
    let models: Vec<_> =
        ranked.iter().filter(|entry| entry.fate.is_asked()).map(|entry| Arc::clone(&entry.model)).collect();
    if models.is_empty() {
        return Err(needs.refusal(&ranked, tier));
    }
    let output_tokens = models.iter().map(|model| u64::from(model.most_output(request))).max().unwrap_or(0);
    let candidates = ranked.into_iter().map(|entry| Candidate {
        model: entry.model.settings.name.clone(),
        tiers: entry.model.settings.tiers.clone(),
        fate: entry.fate,
        most_micros: entry.most_micros,
    });
    let (candidates, input_tokens) = (candidates.collect(), needs.input_tokens);
    Ok(Plan { choice: Choice { reason, tier, judged, input_tokens, output_tokens, candidates }, models })
}

/// A model with its place in the order.
struct Ranked {
    rank: usize,
    most_micros: u64,
    model: Arc<Model>,
    fate: Fate,
}

fn nobody(ranked: &[Ranked]) -> bool {
    !ranked.iter().any(|entry| entry.fate.is_asked())
}

/// Every chat model, those that are asked first.
fn ranking(catalog: &Catalog, wanted: &Wanted, tier: Tier, needs: &Needs<'_>, prefer: Prefer) -> Vec<Ranked> {
    // A tier without a model is answered by STANDARD.
    let has = |tier| catalog.models.iter().any(|model| model.settings.tiers.contains(&tier));
    let tier = if has(tier) { tier } else { Tier::Standard };
    let mut ranked: Vec<Ranked> = Vec::new();
    for model in catalog.models.iter().filter(|model| model.settings.kind == ModelKind::Chat) {
        let rank = match wanted {
            Wanted::Model(name) => (model.settings.name == *name).then_some(0).ok_or(Fate::NotAsked),
            Wanted::Auto | Wanted::Tier(_) => rank(&model.settings.tiers, tier, prefer).ok_or(Fate::OtherTier),
        };
        let (rank, fate) = match rank {
            Ok(rank) => needs.obstacle(model).map_or((rank, Fate::Reserve), |fate| (usize::MAX, fate)),
            Err(fate) => (usize::MAX, fate),
        };
        ranked.push(Ranked { rank, most_micros: needs.most_micros(model), model: Arc::clone(model), fate });
    }
    ranked.sort_by_key(|entry| (entry.rank, entry.most_micros));
    if let Some(first) = ranked.first_mut().filter(|entry| entry.fate == Fate::Reserve) {
        first.fate = Fate::Chosen;
    }
    ranked
}

/// The plan for vectors: the model that was named, and nothing else.
///
/// # Errors
/// When it is not there, or may not be given the texts.
pub(crate) fn choose_embedding(
    catalog: &Catalog,
    name: &str,
    texts: &[String],
    label: &Label,
) -> Result<Plan, GatewayError> {
    let model = catalog.model(name).filter(|model| model.settings.kind == ModelKind::Embedding);
    let model = Arc::clone(model.ok_or_else(|| GatewayError::UnknownModel(name.to_owned()))?);
    if let Some(refusal) = label_refusal(&model, label) {
        return Err(refusal.into());
    }
    let input_tokens = texts.iter().map(|text| text.len() as u64 / 3 + 1).sum();
    let candidate = Candidate {
        model: name.to_owned(),
        tiers: Vec::new(),
        fate: Fate::Chosen,
        most_micros: model.settings.price.most(input_tokens, 0, model.usual_time()),
    };
    let (reason, tier, candidates) = (Reason::ModelAsked, Tier::Light, vec![candidate]);
    let choice = Choice { reason, tier, judged: None, input_tokens, output_tokens: 0, candidates };
    Ok(Plan { choice, models: vec![model] })
}

/// Why no endpoint of the model may be given data of this label.
pub(crate) fn label_refusal(model: &Model, label: &Label) -> Option<LabelDenied> {
    let mut refusals = model.targets.iter().map(|target| target.sink.refusal(label));
    let first = refusals.next()??;
    // The endpoint is our affair: the person who is refused knows the model.
    refusals.all(|refusal| refusal.is_some()).then(|| LabelDenied { sink: model.settings.name.clone(), ..first })
}

/// How near a model's tiers are to the one that is wanted; none where it may not be used.
fn rank(tiers: &[Tier], wanted: Tier, prefer: Prefer) -> Option<usize> {
    let distance = |tier: Tier| {
        let (has, wants) = (tier as usize, wanted as usize);
        match prefer {
            _ if has == wants => Some(0),
            Prefer::Up | Prefer::Down if has > wants => Some(has - wants),
            // After all stronger ones, the strongest of the weaker first.
            Prefer::Down => Some(Tier::ALL.len() + wants - has),
            Prefer::Up | Prefer::Refuse => None,
        }
    };
    tiers.iter().filter_map(|tier| distance(*tier)).min()
}

impl Model {
    /// The most tokens that an answer to this request has here.
    pub(crate) fn most_output(&self, request: &ModelRequest) -> u32 {
        request.max_output_tokens.unwrap_or(USUAL_OUTPUT_TOKENS).min(self.settings.max_output_tokens)
    }

    /// How long an answer takes lately, at the slowest of its endpoints.
    fn usual_time(&self) -> Duration {
        let seconds = self.targets.iter().map(|target| target.endpoint.queue.service()).fold(0.0, f64::max);
        Duration::try_from_secs_f64(seconds).unwrap_or_default().max(LEAST_TIME)
    }

    /// Where it runs and may be given data of this label, the least burdened first.
    pub(crate) fn targets_for(&self, label: &Label) -> Vec<&Target> {
        let mut targets: Vec<_> = self.targets.iter().filter(|target| target.sink.refusal(label).is_none()).collect();
        targets.sort_by(|a, b| a.endpoint.burden().total_cmp(&b.endpoint.burden()));
        targets
    }
}

struct Needs<'q> {
    request: &'q ModelRequest,
    label: &'q Label,
    input_tokens: u64,
}

impl<'q> Needs<'q> {
    fn of(request: &'q ModelRequest, label: &'q Label) -> Self {
        Self { request, label, input_tokens: request.estimated_input_tokens() }
    }

    fn obstacle(&self, model: &Model) -> Option<Fate> {
        if let Some(refusal) = label_refusal(model, self.label) {
            return Some(Fate::LabelDenied { why: refusal.because.to_string() });
        }
        let can = model.settings.capabilities;
        let lacks = [
            (!self.request.tools.is_empty() && !can.tools, "tools"),
            (
                matches!(self.request.output, millwright_llm::provider::OutputFormat::JsonSchema { .. })
                    && !can.json_schema,
                "json_schema",
            ),
            (self.request.has_images() && !can.images, "images"),
            (self.request.logprobs.is_some() && !can.logprobs, "logprobs"),
        ];
        if let Some((_, what)) = lacks.into_iter().find(|(lacks, _)| *lacks) {
            return Some(Fate::CannotDo { what });
        }
        let cannot = model.targets.iter().map(|target| target.endpoint.provider_kind().cannot(self.request));
        if let Some(what) = cannot.reduce(Option::and).flatten() {
            return Some(Fate::CannotDo { what });
        }
        let context_tokens = model.settings.context_tokens;
        let answer = self.request.max_output_tokens.map_or(0, |_| u64::from(model.most_output(self.request)));
        (self.input_tokens + answer > context_tokens).then_some(Fate::TooLong { context_tokens })
    }

    fn most_micros(&self, model: &Model) -> u64 {
        let output_tokens = u64::from(model.most_output(self.request));
        model.settings.price.most(self.input_tokens, output_tokens, model.usual_time())
    }

    fn refusal(&self, models: &[Ranked], tier: Tier) -> GatewayError {
        let with = |wanted: fn(&Fate) -> bool| models.iter().find(|entry| wanted(&entry.fate));
        if let Some(entry) = with(|fate| matches!(fate, Fate::LabelDenied { .. }))
            && let Some(refusal) = label_refusal(&entry.model, self.label)
        {
            return GatewayError::Label(refusal);
        }
        if let Some(Fate::CannotDo { what }) =
            with(|fate| matches!(fate, Fate::CannotDo { .. })).map(|entry| &entry.fate)
        {
            return GatewayError::CannotDo { what };
        }
        let longest = models.iter().filter_map(|entry| match &entry.fate {
            Fate::TooLong { context_tokens } => Some(*context_tokens),
            _ => None,
        });
        match longest.max() {
            Some(most) => GatewayError::TooLong { tokens: self.input_tokens, most },
            None => GatewayError::NoModel(tier),
        }
    }
}
