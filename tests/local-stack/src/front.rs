//! The server on the API's port: the API itself, the page, and routes for development.
//!
//! Paths under `/_local/` exist on this machine only: the page's files, and a sign-in for invented
//! people. For all other data the page calls the API, as any app would.

mod local;
mod page;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, DefaultBodyLimit, Path, Request, State},
    http::{HeaderName, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
    serve::ListenerExt,
};
use bytes::Bytes;
use tokio::net::TcpListener;

use crate::{
    endpoints::Endpoints,
    gateway::Gateway,
    issuer::Issuer,
    lambda::{Functions, InvokeError},
};

/// Lambda takes no larger payload.
const LARGEST_PAYLOAD: usize = 6 * 1024 * 1024;

/// The state of the server.
pub(crate) struct Front {
    pub(crate) gateway: Gateway,
    pub(crate) functions: Functions,
    pub(crate) issuer: Issuer,
    pub(crate) endpoints: Endpoints,
    pub(crate) has_sandbox: bool,
}

type Shared = State<Arc<Front>>;

impl Front {
    /// Serves until it is dropped.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let router = Router::new()
            .merge(page::routes())
            .nest("/_local", local::routes())
            .route("/2015-03-31/functions/{name}/invocations", post(invoke))
            .layer(DefaultBodyLimit::max(LARGEST_PAYLOAD))
            .fallback(api)
            .method_not_allowed_fallback(api)
            .with_state(Arc::new(self));
        let listener = listener.tap_io(|stream| {
            // Small responses must not wait for the client's acknowledgement.
            stream.set_nodelay(true).ok();
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        // The server ends only when it is dropped.
        axum::serve(listener, service).await.ok();
    }
}

/// Requests to any other path belong to the API.
async fn api(
    State(front): Shared,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    front.gateway.handle(source, request).await
}

/// Lambda's Invoke, at the address `cargo lambda invoke` uses.
async fn invoke(State(front): Shared, Path(name): Path<String>, payload: Bytes) -> Response {
    match front.functions.invoke_raw(&name, payload).await {
        Ok(answer) => ([("content-type", "application/json")], answer).into_response(),
        Err(InvokeError::UnknownFunction { .. }) => (
            StatusCode::NOT_FOUND,
            Json(serde_json::json!({"Type": "User", "Message": format!("Function not found: {name}")})),
        )
            .into_response(),
        Err(error) => {
            let header = HeaderName::from_static("x-amz-function-error");
            ([(header, "Unhandled")], Json(error.to_lambda())).into_response()
        }
    }
}
