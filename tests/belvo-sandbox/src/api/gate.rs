//! The middleware of every request to Belvo: rate limit, faults, request log.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{Method, StatusCode, Uri, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use futures::{StreamExt, stream};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::encoding::encoded;
use crate::{
    control::Refusal,
    errors,
    faults::Rewrite,
    world::{Inner, Keys, World},
};

/// Belvo's gateway refuses further requests of one address after this many …
const REQUESTS: usize = 80;
/// … within this time.
const WINDOW: SignedDuration = SignedDuration::from_secs(30);
/// The largest accepted request body, in bytes.
const BODY_LIMIT: usize = 1 << 20;

/// Applies the rate limit and the faults, and logs the request with its answer.
pub async fn gate(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let method = request.method().clone();
    let (path, query) = (
        request.uri().path().to_owned(),
        request.uri().query().map(str::to_owned),
    );
    let address = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0);
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_LIMIT).await else {
        return errors::too_large();
    };
    let accepted = parts.headers.get(header::ACCEPT_ENCODING);
    let accepted = accepted.and_then(|it| it.to_str().ok().map(str::to_owned));
    let logged = (method == Method::POST).then(|| blanked(&world.lock().keys, &bytes));
    let (latency, failure, id) = {
        let mut inner = world.lock();
        inner.asked += 1;
        let id = world.seed.child("request").at(inner.asked);
        let latency = if inner.faults.concerns(&path) {
            inner.faults.latency_ms
        } else {
            0
        };
        let failure = if too_fast(&mut inner, address) {
            Some((StatusCode::FORBIDDEN, Html(errors::GATEWAY_PAGE)).into_response())
        } else if let Some(gateway) =
            inner
                .faults
                .gateway(method.as_str(), &path, query.as_deref().unwrap_or_default())
        {
            Some(errors::gateway(gateway))
        } else {
            inner
                .faults
                .failure(&path)
                .map(|failure| errors::REQUEST.sync_scope(id, || errors::failure(&failure)))
        };
        (latency, failure, id)
    };
    if latency > 0 {
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
    let answer = match failure {
        Some(failure) => failure,
        None => {
            let answered = next.run(Request::from_parts(parts, Body::from(bytes)));
            let answered = async { in_belvos_form(answered.await) };
            errors::REQUEST.scope(id, answered).await
        }
    };
    let rewrites = world.lock().faults.rewrites(&path);
    let answer = rewritten(answer, &rewrites).await;
    let encoding = world.lock().faults.encoding(&path);
    let answer = encoded(answer, encoding).await;
    let mut entry = json!({
        "method": method.as_str(),
        "path": path,
        "query": query,
        "status": answer.status().as_u16(),
        "accept_encoding": accepted,
    });
    if let Some(body) = logged {
        entry["body"] = body;
    }
    let cut = {
        let mut inner = world.lock();
        inner.note(entry);
        answer.status().is_success()
            && inner.faults.concerns(&path)
            && inner.faults.cut_body.strikes()
    };
    if cut {
        cut_in_half(answer).await
    } else {
        answer
    }
}

/// Belvo answers every error in the form of its own. What axum refuses by itself, such as a path
/// that is no UTF-8, is text.
fn in_belvos_form(answer: Response) -> Response {
    let is_text = answer
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|it| it.as_bytes().starts_with(b"text/"));
    match answer.status() {
        status if status.is_client_error() && is_text => {
            errors::complaint(status, "validation_error", "Bad request")
        }
        _ => answer,
    }
}

/// A path Belvo does not have: 404. The sandbox counts it, so that a test can see the mistake.
pub async fn unknown(State(world): State<Arc<World>>, method: Method, uri: Uri) -> Response {
    if uri.path().starts_with("/_sandbox") {
        return Refusal::no_route().into_response();
    }
    let request = format!("{method} {}", uri.path());
    *world.lock().unknown.entry(request).or_default() += 1;
    errors::not_found()
}

fn too_fast(inner: &mut Inner, address: Option<SocketAddr>) -> bool {
    let (true, Some(address)) = (inner.faults.rate_limit, address) else {
        return false;
    };
    let now = inner.now();
    let arrivals = inner.arrivals.entry(address.ip()).or_default();
    while arrivals
        .front()
        .is_some_and(|first| now.duration_since(*first) >= WINDOW)
    {
        arrivals.pop_front();
    }
    if arrivals.len() >= REQUESTS {
        return true;
    }
    arrivals.push_back(now);
    false
}

/// The body of a request without the keys in it.
fn blanked(pairs: &[Keys], body: &[u8]) -> Value {
    let Ok(mut body) = serde_json::from_slice::<Value>(body) else {
        return Value::Null;
    };
    let secrets = pairs.iter().flat_map(|keys| {
        [
            ("id", &keys.id, "{{BELVO_SECRET_ID}}"),
            ("password", &keys.password, "{{BELVO_SECRET_PASSWORD}}"),
        ]
    });
    for (field, secret, placeholder) in secrets {
        if body.get(field).and_then(Value::as_str) == Some(secret.as_str()) {
            body[field] = placeholder.into();
        }
    }
    body
}

/// An answer in which texts are replaced.
async fn rewritten(answer: Response, rewrites: &[Rewrite]) -> Response {
    if rewrites.is_empty() {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let body = rewrites
        .iter()
        .fold(bytes.to_vec(), |it, rewrite| rewrite.applied(&it));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

/// Announces the full length and breaks off after half of the body.
async fn cut_in_half(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts
        .headers
        .insert(header::CONTENT_LENGTH, bytes.len().into());
    let half = bytes.slice(..bytes.len() / 2);
    let first = stream::iter([Ok::<Bytes, std::io::Error>(half)]);
    // The server flushes its buffer only when the body has no data ready.
    let then = stream::once(async {
        tokio::task::yield_now().await;
        Err(std::io::Error::other("cut on purpose"))
    });
    Response::from_parts(parts, Body::from_stream(first.chain(then)))
}
