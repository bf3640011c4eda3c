use axum::{
    Json,
    extract::{Path, State},
};
use millwright_core::{Problem, id::DocumentId};
use millwright_documents::{PageLayout, WordBox};
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState,
    extract::{DocumentsRead, PathId, StrictQuery},
};

/// A part of a page's text.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WordsQuery {
    /// Number of the version; without one the version that answers, else the newest.
    #[param(minimum = 1)]
    version: Option<i32>,
    /// Words from this code point of the page's text on.
    #[param(minimum = 0)]
    start: Option<u32>,
    /// Words before this code point.
    #[param(minimum = 0)]
    end: Option<u32>,
}

/// Where words stand on a page. Lengths are points (1/72 inch), counted from the top left corner of the page as it is
/// shown: cut to its crop box and turned upright.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PageWordsResponse {
    number: i32,
    /// Number of the version.
    version: i32,
    /// Whether the page is a picture whose text was recognised (OCR).
    recognized: bool,
    /// Null, as the height, where places are not known: for formats that are not printed, and for versions that were
    /// read before Millwright kept places (`reindex` reads them anew).
    width: Option<f64>,
    height: Option<f64>,
    /// In the order of the text. What the text puts between words (spaces, the bars of a table row) has no place.
    words: Vec<WordResponse>,
}

/// A word and its rectangle, as high as its line.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WordResponse {
    /// First Unicode code point in the page's text.
    start: u32,
    /// One past its last.
    end: u32,
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl From<&WordBox> for WordResponse {
    fn from(word: &WordBox) -> Self {
        Self {
            start: word.start,
            end: word.end,
            left: points(word.left),
            top: points(word.top),
            width: points(word.width),
            height: points(word.height),
        }
    }
}

/// The layout counts tenths.
fn points(tenths: u32) -> f64 {
    f64::from(tenths) / 10.0
}

/// Where the words of a page, or of a part of its text, stand on the page.
#[utoipa::path(get, path = "/api/v1/documents/{id}/pages/{number}/words", operation_id = "documents.words", tag = "documents",
               params(("id" = DocumentId, Path), ("number" = i32, Path, minimum = 1), WordsQuery),
               responses((status = 200, body = PageWordsResponse)))]
pub(crate) async fn words(
    State(state): State<AppState>,
    DocumentsRead(principal): DocumentsRead,
    PathId(id): PathId<DocumentId>,
    Path(path): Path<(String, String)>,
    StrictQuery(query): StrictQuery<WordsQuery>,
) -> Result<Json<PageWordsResponse>, ApiError> {
    let number: i32 = path.1.parse().map_err(|_| Problem::not_found("page"))?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    super::open(&state, &principal, &mut tx, id).await?;
    let version = tx.versions().require_number(id, query.version).await?;
    let row = tx.versions().page_layout(version.id, number).await?;
    let layout = row.layout.and_then(|bytes| PageLayout::from_bytes(&bytes));
    let span = query.start.unwrap_or(0)..query.end.unwrap_or(u32::MAX);
    let within = layout.as_ref().map(|layout| layout.words_within(span)).unwrap_or_default();
    Ok(Json(PageWordsResponse {
        number,
        version: version.number,
        recognized: row.recognized,
        width: layout.as_ref().map(|layout| points(layout.width)),
        height: layout.as_ref().map(|layout| points(layout.height)),
        words: within.iter().map(Into::into).collect(),
    }))
}
