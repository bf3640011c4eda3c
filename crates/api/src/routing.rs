//! How routes are registered: with the permission that they need and, where they change something, the audit action that
//! proves it. Both are written into the OpenAPI document, which the coverage tests read.

use axum::Extension;
use millwright_audit::AuditAction;
use millwright_core::Permission;
use serde_json::Value;
use utoipa::openapi::{
    Ref, RefOr, Response,
    content::ContentBuilder,
    extensions::Extensions,
    path::{Operation, ParameterIn},
    response::ResponseBuilder,
    security::SecurityRequirement,
};
use utoipa_axum::router::{UtoipaMethodRouter, UtoipaMethodRouterExt};

use crate::AppState;

type Routes = UtoipaMethodRouter<AppState>;

/// A route that anybody may call.
pub(crate) fn open(routes: Routes) -> Routes {
    describe(routes, |operation| {
        operation.security = Some(Vec::new());
        mark(operation, "x-millwright-permission", Value::Null);
        error_responses(operation, &[("422", "Not valid")]);
    })
}

/// A route that only reads.
pub(crate) fn reads(permission: Permission, routes: Routes) -> Routes {
    describe(routes, |operation| guarded(operation, permission))
}

/// A route that changes nothing but bookkeeping of an own session.
pub(crate) fn open_post(routes: Routes) -> Routes {
    describe(routes, |operation| {
        operation.security = Some(Vec::new());
        mark(operation, "x-millwright-permission", Value::Null);
        error_responses(operation, SIGN_IN_ERRORS);
    })
}

/// A route that changes something: its handler proves the change with an entry of this action.
pub(crate) fn changes(permission: Permission, action: AuditAction, routes: Routes) -> Routes {
    let routes = describe(routes, |operation| {
        guarded(operation, permission);
        mark(operation, "x-millwright-audit", Value::from(action.as_str()));
    });
    routes.layer(Extension(action))
}

/// A route of the OpenAI API: its errors have OpenAI's form, and what is not valid is 400.
pub(crate) fn as_openai(routes: Routes) -> Routes {
    describe(routes, |operation| {
        operation.responses.responses.remove("422");
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response
                && status.starts_with(['4', '5'])
            {
                let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("OpenAiError"))).build();
                response.content.clear();
                response.content.insert("application/json".to_owned(), RefOr::T(body));
            }
        }
    })
}

const SIGN_IN_ERRORS: &[(&str, &str)] = &[
    ("400", "Not JSON"),
    ("401", "Not the right secret"),
    ("403", "Not from this site, or not allowed"),
    ("408", "Too slow"),
    ("413", "Too large"),
    ("415", "Not JSON"),
    ("422", "Not valid"),
    ("429", "Too many attempts"),
    ("503", "A needed service is unavailable"),
];

/// A route of sign-in: anybody may call it, and it proves each success itself.
pub(crate) fn signs_in(action: AuditAction, routes: Routes) -> Routes {
    describe(open_post(routes), |operation| {
        mark(operation, "x-millwright-audit", Value::from(action.as_str()));
    })
}

fn guarded(operation: &mut Operation, permission: Permission) {
    operation.security = Some(vec![
        SecurityRequirement::new("bearer", Vec::<String>::new()),
        SecurityRequirement::new("session", Vec::<String>::new()),
    ]);
    mark(operation, "x-millwright-permission", Value::from(permission.as_str()));
    let mut errors = vec![
        ("401", "Sign in first"),
        ("403", "The credential does not allow this"),
        ("422", "Not valid"),
        ("429", "Too many requests"),
        ("503", "A needed service is unavailable"),
    ];
    let by_id = operation.parameters.as_ref().is_some_and(|parameters| {
        parameters
            .iter()
            .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Path))
    });
    if by_id {
        errors.push(("404", "Not found"));
    }
    if operation.request_body.is_some() {
        errors.extend([
            ("400", "The body cannot be read"),
            ("408", "Too slow"),
            ("413", "Too large"),
            ("415", "Format not supported"),
        ]);
    }
    error_responses(operation, &errors);
}

fn describe(mut routes: Routes, change: impl Fn(&mut Operation)) -> Routes {
    for item in routes.1.paths.values_mut() {
        for operation in
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
        {
            change(operation);
        }
    }
    routes
}

fn mark(operation: &mut Operation, name: &str, value: Value) {
    let extension = Extensions::builder().add(name, value).build();
    match &mut operation.extensions {
        Some(extensions) => extensions.merge(extension),
        none => *none = Some(extension),
    }
}

fn error_responses(operation: &mut Operation, errors: &[(&str, &str)]) {
    for (status, description) in errors {
        let response: Response = ResponseBuilder::new().description(*description).build();
        operation.responses.responses.entry((*status).to_owned()).or_insert(RefOr::T(response));
    }
    // Also those that the handler describes itself: every error has the same body.
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
            && response.content.is_empty()
        {
            let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            response.content.insert("application/problem+json".to_owned(), RefOr::T(body));
        }
    }
}
