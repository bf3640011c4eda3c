//! What was thought of each feature of an open request before any row was read.
//!
//! The labelled open prompts are few (word problems and a few dozen of other kinds), so a linear model is learned as a correction to
//! these weights. Centres and scales are those of word problems where they have the feature, else guesses for requests in general.

/// A feature of open requests.
#[derive(Clone, Copy)]
pub(super) struct Prior {
    pub(super) name: &'static str,
    /// What is usual.
    pub(super) centre: f32,
    /// How far from it is far.
    pub(super) scale: f32,
    /// How much more often the strong model alone is right for one scale more.
    pub(super) weight: f32,
}

const fn prior(name: &'static str, centre: f32, scale: f32, weight: f32) -> Prior {
    Prior { name, centre, scale, weight }
}

/// Features that are not named here are not seen by the open head, nor are those whose learned weights would say the wrong thing of
/// requests much shorter than a word problem, such as words a sentence and the density of numbers.
pub(super) const PRIORS: &[Prior] = &[
    // How much is said, and asked.
    prior("words", 3.8, 0.45, 0.02),
    prior("length", 5.4, 0.45, 0.02),
    prior("sentences", 1.5, 0.35, 0.02),
    prior("vocabulary repeated", 0.3, 0.1, 0.01),
    prior("commas", 0.9, 0.6, 0.01),
    // Quantities and how they hang together.
    prior("numbers", 1.6, 0.45, 0.01),
    prior("multiples and parts", 0.3, 0.5, 0.02),
    prior("comparisons", 0.4, 0.5, 0.01),
    prior("steps", 0.4, 0.5, 0.01),
    prior("fractions", 0.1, 0.35, 0.01),
    prior("asked backwards", 0.1, 0.35, 0.01),
    prior("rest and total", 0.3, 0.5, 0.01),
    prior("percent", 0.1, 0.4, 0.0),
    prior("decimals", 0.1, 0.4, 0.0),
    prior("money", 0.4, 0.6, 0.0),
    prior("spans of time", 0.5, 0.6, 0.0),
    prior("for each", 0.3, 0.5, 0.0),
    prior("conditions", 0.2, 0.45, 0.0),
    // Kinds of work that word problems do not have.
    prior("constraints", 0.4, 0.6, 0.01),
    prior("analysis", 0.1, 0.7, 0.01),
    prior("formula signs", 0.1, 1.0, 0.01),
    prior("code", 0.1, 1.2, 0.01),
    prior("words of programs", 0.1, 0.7, 0.01),
    prior("list items", 0.1, 0.9, 0.01),
    prior("negation", 0.2, 0.5, 0.005),
    prior("writing", 0.1, 0.6, -0.015),
    prior("extraction", 0.2, 0.6, -0.005),
];
