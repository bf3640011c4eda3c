use std::borrow::Cow;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::stream::try_unfold;
use millwright_core::{
    PageRequest, TenantScope,
    id::{ApiKeyId, RunId},
};
use millwright_store::{
    Store, StoreError,
    tenant::{UsageFilter, UsageRow},
};
use serde::Deserialize;

use crate::{
    ApiError, AppState,
    extract::{Streaming, StrictQuery, UsageRead},
};

/// Calls that are read at once.
const PART: u32 = 1_000;

const HEADER: &str = "id,occurred_at,user_id,user,agent,api_key_id,task,run_id,model,endpoint,provider,tier,input_tokens,\
                      output_tokens,cached_tokens,reasoning_tokens,gpu_ms,cost_micros,outcome,trace_id\r\n";

/// Which calls.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageExportQuery {
    /// Not before this time; 30 days before `to` where it is absent, and 400 at most.
    from: Option<DateTime<Utc>>,
    /// Before this time; now where it is absent.
    to: Option<DateTime<Utc>>,
}

/// A cell: quoted where it must be, and never taken for a formula by a spreadsheet.
fn cell(text: &str) -> Cow<'_, str> {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !text.contains(['"', ',', '\n', '\r']) {
        return Cow::Borrowed(text);
    }
    let sign = if formula { "'" } else { "" };
    Cow::Owned(format!("\"{sign}{}\"", text.replace('"', "\"\"")))
}

fn line(row: &UsageRow) -> String {
    let text = |text: &Option<String>| cell(text.as_deref().unwrap_or_default()).into_owned();
    let cells = [
        row.id.to_string(),
        row.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        row.user_id.to_string(),
        text(&row.user_name),
        text(&row.agent),
        row.api_key_id.map(|id| ApiKeyId::from(id).to_string()).unwrap_or_default(),
        text(&row.task),
        row.run_id.map(|id| RunId::from(id).to_string()).unwrap_or_default(),
        cell(&row.model).into_owned(),
        cell(&row.endpoint).into_owned(),
        cell(&row.provider).into_owned(),
        cell(&row.tier).into_owned(),
        row.input_tokens.to_string(),
        row.output_tokens.to_string(),
        row.cached_tokens.to_string(),
        row.reasoning_tokens.to_string(),
        row.gpu_millis.to_string(),
        row.cost_micros.to_string(),
        row.outcome.clone(),
        text(&row.trace_id),
    ];
    cells.join(",") + "\r\n"
}

/// What is left to be read: `None` at the end.
type Rest = Option<PageRequest>;

async fn part(
    (store, scope, filter): (&Store, &TenantScope, &UsageFilter),
    page: PageRequest,
) -> Result<(Bytes, Rest), StoreError> {
    let first = page.after.is_none();
    let rows = store.tenant(scope).read().await?.usage().list(filter, page).await?;
    let mut text = if first { HEADER.to_owned() } else { String::new() };
    text.extend(rows.items.iter().map(line));
    let rest = rows.next_cursor.map(|after| PageRequest { limit: PART, after: Some(after) });
    Ok((Bytes::from(text), rest))
}

/// The calls one by one as CSV, newest first: the whole organisation's with `budgets:read`, else one's own.
#[utoipa::path(get, path = "/api/v1/usage/export", operation_id = "usage.export", tag = "usage",
               params(UsageExportQuery), responses((status = 200, body = String, content_type = "text/csv")))]
pub(crate) async fn export(
    State(state): State<AppState>,
    UsageRead(principal): UsageRead,
    streaming: Streaming,
    StrictQuery(query): StrictQuery<UsageExportQuery>,
) -> Result<Response, ApiError> {
    let filter = super::filter(&principal, query.from, query.to, state.sources.now())?;
    let (store, scope) = (state.store.clone(), principal.scope);
    // The first part before the answer's head: a database that does not answer is an error, not an empty file.
    let (first, rest) = part((&store, &scope, &filter), PageRequest { limit: PART, after: None }).await?;
    let following = try_unfold(rest, move |rest| {
        let (store, filter) = (store.clone(), filter.clone());
        async move {
            let Some(page) = rest else { return Ok(None) };
            part((&store, &scope, &filter), page).await.map(Some)
        }
    });
    let parts = futures::StreamExt::chain(futures::stream::iter([Ok::<_, StoreError>(first)]), following);
    let mut response = Response::new(Body::from_stream(streaming.guard(parts)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"usage.csv\""));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_taken_for_a_formula_or_ends_early() {
        for (text, expected) in [
            ("small", "small"),
            ("", ""),
            ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("a,b", "\"a,b\""),
            ("a\nb", "\"a\nb\""),
            ("5\" pump", "\"5\"\" pump\""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
