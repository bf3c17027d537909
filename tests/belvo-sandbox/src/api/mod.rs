//! Belvo's API: its routes and their authentication.

pub mod consents;
mod encoding;
pub mod gate;
pub mod links;
pub mod matching;
pub mod paging;
pub mod query;
pub mod resources;
pub mod rules;
pub mod token;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use subtle::{Choice, ConstantTimeEq};

use crate::{
    errors,
    resources::Resource,
    world::{Keys, World},
};

/// The routes under `/api/`.
pub fn router(world: &Arc<World>) -> Router {
    let mut protected = Router::new()
        // Clients try their keys there.
        .route("/api/", get(async || axum::Json(json!({}))))
        .route("/api/links/", get(links::list))
        .route(
            "/api/links/{id}/",
            get(links::detail).patch(links::patch).delete(links::delete),
        )
        .route("/api/links/{id}/refresh/", post(links::refresh))
        .route("/api/consents/", get(consents::list))
        .route("/api/consents/{id}/", get(consents::detail));
    for resource in Resource::ALL {
        let list = move |state, query| resources::list(resource, state, query);
        let detail = move |state, id, query| resources::detail(resource, state, id, query);
        protected = protected
            .route(resource.path(), get(list))
            .route(&format!("{}{{id}}/", resource.path()), get(detail));
    }
    protected
        .route_layer(middleware::from_fn_with_state(world.clone(), require_keys))
        .route("/api/token/", post(token::mint))
        .method_not_allowed_fallback(async || errors::method_not_allowed())
        .fallback(gate::unknown)
        .layer(middleware::from_fn_with_state(world.clone(), gate::gate))
        .with_state(world.clone())
}

/// HTTP Basic with the API keys.
async fn require_keys(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    match credentials(request.headers()) {
        Some((id, password)) if keys_match(&world.lock().keys, &id, &password) => {
            next.run(request).await
        }
        _ => errors::wrong_keys(),
    }
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, password) = text.split_once(':')?;
    Some((id.to_owned(), password.to_owned()))
}

/// Whether the keys are one of the valid pairs. Compares with every pair in constant time.
pub fn keys_match(pairs: &[Keys], id: &str, password: &str) -> bool {
    let matches = pairs.iter().map(|keys| {
        let id = keys.id.as_bytes().ct_eq(id.as_bytes());
        let password = keys.password.as_bytes().ct_eq(password.as_bytes());
        id & password
    });
    matches.fold(Choice::from(0), |any, one| any | one).into()
}
