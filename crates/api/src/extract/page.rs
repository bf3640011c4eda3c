use millwright_core::{Cursor, ErrorCode, PageRequest, Problem};
use serde::Deserialize;

use crate::ApiError;

/// `limit` and `cursor` of a list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
}

impl PageQuery {
    /// Built by the queries of lists, which repeat both fields because form decoding cannot flatten numbers.
    pub fn new(limit: Option<u32>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// Checks both.
    pub fn request(&self) -> Result<PageRequest, ApiError> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=PageRequest::MAX_LIMIT).contains(&limit) {
            return Err(Problem::new(ErrorCode::ValidationFailed, "`limit` is out of range")
                .field("limit", "expected 1 to 200")
                .into());
        }
        let after = self.cursor.as_deref().map(str::parse::<Cursor>).transpose().map_err(|error| {
            Problem::new(ErrorCode::ValidationFailed, "`cursor` is not one of ours").field("cursor", error.to_string())
        })?;
        Ok(PageRequest { limit, after })
    }
}
