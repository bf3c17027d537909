//! The two routes.

use std::time::Duration;

use gateway::Context;
use lambda_http::Request;
use lambda_http::http::Response;

use crate::handler::Handler;

/// Lambda stops the function after 27 s; an answer that says so is better. A cold start comes before
/// this.
const TIME_LIMIT: Duration = Duration::from_secs(25);

impl Handler {
    /// Answers one request.
    pub async fn handle(&self, request: &Request) -> Response<String> {
        let context = Context::of(request);
        let body = request.body().as_ref();
        let answer = runtime::within(TIME_LIMIT, async {
            match context.route {
                "POST /portal" => self.open_portal(&context, body).await,
                _ => self.mint(&context, body).await,
            }
        });
        let answer = answer.await;
        let failed = "no token was minted";
        answer.unwrap_or_else(|problem| problem.into_response(context.request_id, failed))
    }
}
