//! How passages and answers are read: cut into units, reduced to terms. The extractive answerer
//! chooses by it, and the check of an answer compares by it, so both see the same sentences.

mod rows;
mod terms;
mod units;

pub use rows::{cells, headers};
pub use terms::{Measure, Terms, is_stop_word, is_unit, terms};
pub use units::{Unit, UnitKind, is_sentence_end, item_mark, units};
