//! What a draft may ask of a table in a document: to filter, group and count up its rows, all of them, without a model doing so (ADR 39).
//!
//! The rows are read as the document is read on: the version of the passage that names it, under the labels of this moment. Numbers are
//! decimal fractions and never floating point; what cannot be read as a number is counted and named, and never guessed. The same rows and
//! the same call give the same answer. Whether a sentence may say a result is for [`crate::verify`] to say.

mod aggregate;
mod answer;
mod call;
mod column;
mod condition;
mod kept;
mod query;
#[cfg(test)]
mod tests;

use millwright_core::TenantScope;
use millwright_retrieval::{
    RetrievalError,
    search::{Passage, Searcher},
    tables::{MAX_TABLE_BYTES, MAX_TABLE_ROWS, TablesRefused},
};
use millwright_store::tenant::Reader;

use crate::tools::Found;

use answer::thousands;
pub(crate) use answer::{CitedRow, Extreme, Figure, ResultRow, TableAnswer, TableResult};
pub(crate) use call::{Condition, Function, MAX_ROWS_SHOWN, Op, TableArguments, TableCall, month_names};
pub(crate) use kept::{again, drop_personal, keep, masked};

/// So many passages come with an answer: those of the header and of the first rows.
pub(super) const MAX_PASSAGES: usize = 4;

/// Does a call.
///
/// # Errors
/// When the database fails.
pub(crate) async fn execute(
    searcher: &Searcher,
    (scope, reader): (&TenantScope, &Reader),
    passage: &Passage,
    call: &TableCall,
) -> Result<Found, RetrievalError> {
    let wrong = |why: String| Ok(Found { wrong: Some(why), ..Found::default() });
    let tables = match searcher.tables(scope, reader, passage).await? {
        Ok(tables) => tables,
        Err(refused) => return wrong(told(refused)),
    };
    let (call, document) = (call.clone(), passage.document_name.clone());
    let work = tokio::task::spawn_blocking(move || {
        let (answer, places) = query::answer(&tables, &call, &document);
        let mut chunks = Vec::new();
        for place in places {
            let chunk = tables.chunks[place];
            if !chunks.contains(&chunk) && chunks.len() < MAX_PASSAGES {
                chunks.push(chunk);
            }
        }
        (answer, chunks)
    });
    let (answer, chunks) = work.await?;
    if answer.text.is_empty() {
        return wrong(answer.note);
    }
    // With these it has its label, and what can be cited.
    let passages = searcher.read_again(scope, reader, &chunks).await?;
    if passages.is_empty() {
        return wrong(
            "the document has changed meanwhile, or its rows stand in no passage; answer from what you have".to_owned(),
        );
    }
    Ok(Found { table: Some(answer), passages, ..Found::default() })
}

/// Why tables are not read, and what would be.
fn told(refused: TablesRefused) -> String {
    match refused {
        TablesRefused::Gone => {
            "the document is not there any more, or another version of it answers; search for it again".to_owned()
        }
        TablesRefused::BeingRead => {
            "the document is being read anew, and its rows can be had when that is done; answer from what you have"
                .to_owned()
        }
        TablesRefused::TooLarge => {
            format!(
                "its tables hold more than {} MiB of text, which is too much; answer from what you have",
                MAX_TABLE_BYTES >> 20
            )
        }
        TablesRefused::TooManyRows => {
            format!(
                "its tables hold more than {} rows, which is too much; answer from what you have",
                thousands(MAX_TABLE_ROWS)
            )
        }
    }
}
