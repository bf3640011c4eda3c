//! How well the whole runtime answers, on a suite: documents, and questions with what these documents say.
//!
//! A suite is a folder: `documents.jsonl` names the files in `documents/` with their labels, `cases.jsonl` holds a question a
//! line ([`Suite`]). [`judge`] scores one answer, [`Totals`] sums answers up, [`Comparison`] holds two reports against each
//! other. No model judges: facts are looked for in the sentences that were shown, and quotes are cut out of the stored pages
//! anew.
//!
//! People write a suite for their own documents as YAML ([`WrittenSuite`]), with cases of the same form.
//!
//! Pure but for the reading of a suite, and of what stands in rows ([`answered`], [`stored_document`]). Who asks the questions is
//! [`evaluation`](crate::evaluation), and the command in `server`.

mod compare;
mod facts;
mod grounds;
mod judge;
mod report;
mod stored;
mod suite;
mod written;

pub use compare::{Comparison, Difference};
pub use grounds::{Library, ShownCitation, StoredDocument, StoredPage};
pub use judge::{Answered, CaseReport, Spent, judge};
pub use report::{MEASURES, Measure, Report, Share, Totals};
pub use stored::{answered, stored_document};
pub use suite::{Case, ExpectedCitation, Said, Speaker, Suite, SuiteDocument, SuiteError};
pub use written::{MAX_SUITE_BYTES, MOST_CASES, WrittenSuite};
