//! Why a text was a hit, in words for the person who reads the log. The reasons do not decide.

use std::ops::Range;

use super::{
    lexicon::Tag,
    normalise,
    tokens::{self, Class, Tokens},
};

/// Two classes near each other that say what an attack wants, and its name.
const PAIRS: &[(Tag, Tag, &str)] = &[
    (Tag::Override, Tag::Rule, "override of instructions"),
    (Tag::Override, Tag::Prior, "override of instructions"),
    (Tag::Reveal, Tag::System, "request for hidden instructions"),
    (Tag::Reveal, Tag::Rule, "request for hidden instructions"),
    (Tag::Reveal, Tag::Secret, "request for a secret"),
    (Tag::Say, Tag::Secret, "request for a secret"),
    (Tag::Persona, Tag::Machine, "change of persona"),
    (Tag::You, Tag::Become, "change of persona"),
    (Tag::Persona, Tag::Become, "change of persona"),
    (Tag::Never, Tag::Refuse, "forbids refusal"),
    (Tag::Never, Tag::Ethic, "lifts limits"),
    (Tag::Lawless, Tag::Machine, "lifts limits"),
    (Tag::Modify, Tag::Reply, "steers the answer"),
    (Tag::Your, Tag::Reply, "steers the answer"),
    (Tag::Encode, Tag::Reply, "disguises the answer"),
    (Tag::Send, Tag::Secret, "sends data away"),
];

/// The reasons, each once. Never empty: a hit without a better one is called unusual.
pub(super) fn reasons(text: &str, spans: &[Range<usize>], hides: bool) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut add = |reason: &'static str| {
        if !found.contains(&reason) {
            found.push(reason);
        }
    };
    if hides {
        add("hidden characters");
    }
    for span in spans.iter().take(20) {
        let plain = normalise::normalise(text.get(span.clone()).unwrap_or_default());
        if plain.marks.encoded > 0 {
            add("encoded text");
        }
        for part in std::iter::once(&plain.text).chain(&plain.views) {
            let tokens = tokens::tokens(part);
            for (one, other, reason) in PAIRS {
                if near(&tokens, tokens::of(*one), tokens::of(*other)) {
                    add(reason);
                }
            }
            if tokens.list.iter().any(|token| token.class == tokens::ROLE) {
                add("imitates a turn of the conversation");
            }
            if tokens
                .list
                .first()
                .is_some_and(|token| token.class == tokens::of(Tag::Task) || token.class == tokens::of(Tag::Modify))
            {
                add("task for the assistant");
            }
        }
    }
    if found.is_empty() {
        found.push("unlike its surroundings");
    }
    found
}

fn near(tokens: &Tokens, one: Class, other: Class) -> bool {
    let list = &tokens.list;
    list.iter()
        .enumerate()
        .filter(|(_, token)| token.class == one)
        .any(|(at, _)| list.iter().skip(at + 1).take(6).any(|token| token.class == other))
}
