//! Classes of words that say what kind of work a request is.

use std::{collections::BTreeMap, sync::LazyLock};

use crate::text::hash;

/// Sets of classes, a bit each.
pub(crate) type Classes = u32;

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $bit:literal: $($word:literal)|+;)+) => {
        $($(#[$doc])* pub(crate) const $name: Classes = 1 << $bit;)+

        /// Each class with its words.
        const LISTS: &[(Classes, &[&str])] = &[$(($name, &[$($word),+])),+];
    };
}

classes! {
    /// Part or multiple of something said before.
    TIMES = 0: "times" | "twice" | "half" | "third" | "double" | "triple" | "quarter" | "fourth" | "thrice" | "doubled" | "halved";
    /// Two quantities compared.
    COMPARED = 1: "more" | "less" | "than" | "fewer" | "older" | "younger" | "longer" | "shorter" | "taller" | "faster" | "greater";
    /// Steps in order.
    STEPS = 2: "first" | "second" | "then" | "after" | "before" | "next" | "finally" | "later" | "until" | "step" | "steps" | "zuerst" | "dann" | "danach" | "anschließend";
    /// What is left over or put together.
    REST = 3: "rest" | "remaining" | "left" | "total" | "altogether" | "remainder" | "combined";
    /// For each of many.
    EACH = 4: "each" | "every" | "per" | "pro" | "jede" | "jeder" | "jedes";
    /// Spans of time.
    TIME = 5: "day" | "days" | "week" | "weeks" | "month" | "months" | "year" | "years" | "hour" | "hours" | "minute" | "minutes";
    /// Negation and exception.
    NOT = 6: "not" | "except" | "never" | "no" | "least" | "false" | "incorrect" | "cannot" | "without" | "neither" | "nor"
        | "nicht" | "kein" | "keine" | "keinen" | "nie" | "ohne" | "außer";
    /// Conditions.
    IF = 7: "if" | "unless" | "when" | "whenever" | "suppose" | "assuming" | "given" | "provided" | "wenn" | "falls" | "sofern";
    /// Persons spoken of.
    PERSON = 8: "he" | "she" | "they" | "his" | "her" | "their" | "him" | "hers" | "theirs" | "them";
    /// The person who speaks.
    SPEAKER = 9: "i" | "my" | "me" | "we" | "our" | "us" | "mine" | "ich" | "mein" | "meine" | "wir" | "unser";
    /// Numbers written as words.
    NUMBER = 10: "one" | "two" | "three" | "four" | "five" | "six" | "seven" | "eight" | "nine" | "ten" | "dozen" | "hundred" | "thousand" | "million" | "eleven" | "twelve" | "twenty" | "thirty";
    /// What an answer must keep to.
    CONSTRAINT = 11: "must" | "should" | "only" | "exactly" | "least" | "most" | "ensure" | "avoid" | "include" | "including" | "within"
        | "without" | "requirements" | "constraint" | "constraints" | "limit" | "maximum" | "minimum" | "format" | "each" | "every"
        | "muss" | "müssen" | "soll" | "sollen" | "nur" | "genau" | "mindestens" | "höchstens" | "spätestens";
    /// Work of the mind rather than of memory.
    ANALYSIS = 12: "prove" | "derive" | "analyze" | "analyse" | "compare" | "contrast" | "evaluate" | "design" | "optimize" | "optimise"
        | "explain" | "why" | "justify" | "diagnose" | "plan" | "assess" | "estimate" | "infer" | "trade" | "tradeoffs" | "strategy" | "root" | "deduce"
        | "beweise" | "vergleiche" | "analysiere" | "erkläre" | "begründe" | "warum" | "bewerte" | "entwirf" | "plane";
    /// Computation.
    COMPUTE = 13: "calculate" | "compute" | "solve" | "find" | "determine" | "equation" | "probability" | "function" | "integral" | "derivative"
        | "matrix" | "polynomial" | "theorem" | "sum" | "product" | "average" | "percent" | "ratio" | "speed" | "rate" | "interest" | "area" | "volume"
        | "berechne" | "löse" | "bestimme" | "wieviel" | "gleichung" | "wahrscheinlichkeit" | "durchschnitt";
    /// Programs.
    CODE = 14: "code" | "python" | "javascript" | "rust" | "java" | "html" | "css" | "sql" | "algorithm" | "implement" | "program" | "regex" | "api"
        | "compile" | "bug" | "debug" | "script" | "json" | "yaml" | "function" | "class" | "array" | "query" | "stacktrace" | "complexity";
    /// Writing to please.
    WRITE = 15: "write" | "compose" | "draft" | "story" | "poem" | "blog" | "essay" | "email" | "letter" | "headline" | "rewrite" | "edit" | "paragraph"
        | "pretend" | "imagine" | "role" | "character" | "persona" | "schreibe" | "formuliere" | "verfasse";
    /// Taking out or putting otherwise what is there.
    EXTRACT = 16: "extract" | "summarize" | "summarise" | "summary" | "translate" | "classify" | "identify" | "list" | "count" | "following" | "table"
        | "passage" | "article" | "text" | "zusammenfassen" | "fasse" | "übersetze" | "extrahiere" | "liste";
    /// Words that begin a plain question.
    ASK = 17: "what" | "who" | "where" | "which" | "is" | "are" | "does" | "do" | "was" | "kann" | "wer" | "wo" | "welche" | "welcher" | "ist";
    /// Money and measures.
    MEASURE = 18: "dollars" | "dollar" | "cents" | "cost" | "costs" | "price" | "miles" | "feet" | "inches" | "pounds" | "gallons" | "meters" | "km" | "kg" | "euro" | "pays" | "paid" | "spend" | "sells" | "earns" | "discount" | "profit" | "tax";
    /// What was at the beginning, which is asked backwards.
    ORIGIN = 19: "originally" | "initially" | "start" | "started" | "beginning" | "began" | "original" | "initial" | "already";
    /// Law.
    LAW = 20: "plaintiff" | "defendant" | "court" | "statute" | "contract" | "liable" | "negligence" | "jury" | "jurisdiction" | "guilty" | "convicted" | "crime" | "evidence" | "testimony" | "homeowner" | "seller" | "buyer" | "lawsuit" | "sued" | "attorney" | "trial";
    /// Patients.
    PATIENT = 21: "patient" | "woman" | "man" | "boy" | "girl" | "physician" | "symptoms" | "blood" | "examination" | "pain" | "disease" | "treatment" | "diagnosis" | "hospital";
    /// Statements to be judged.
    STATEMENT = 22: "statement" | "statements" | "true" | "wrong" | "correct" | "argument" | "valid";
    /// Right and wrong.
    MORAL = 23: "morally" | "moral" | "ethical" | "ethics" | "standards";
    /// Function words, of English.
    STOP = 24: "the" | "a" | "an" | "of" | "to" | "in" | "and" | "for" | "on" | "by" | "with" | "at" | "as" | "from" | "or" | "that" | "this" | "it" | "be" | "is" | "are" | "was" | "were";
}

/// The classes of each word, by its hash and in its order.
static BY_HASH: LazyLock<Vec<(u64, Classes)>> = LazyLock::new(|| {
    let mut found = BTreeMap::new();
    for (class, words) in LISTS {
        for word in *words {
            *found.entry(hash(0, word)).or_insert(0) |= class;
        }
    }
    found.into_iter().collect()
});

/// The classes of the word with this hash (of seed 0).
pub(crate) fn classes(hash: u64) -> Classes {
    let place = BY_HASH.binary_search_by_key(&hash, |(known, _)| *known);
    place.ok().and_then(|place| BY_HASH.get(place)).map_or(0, |(_, classes)| *classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_may_be_of_several_classes() {
        assert_eq!(classes(hash(0, "Least")), NOT | CONSTRAINT);
        assert_eq!(classes(hash(0, "valve")), 0);
    }
}
