//! The three ways in.

use lambda_http::Request;
use lambda_http::http::{Method, Response};

use crate::handler::Handler;

impl Handler {
    /// Answers one request. The gateway lets through what the template names.
    pub async fn handle(&self, request: &Request) -> Response<String> {
        let path = request.uri().path();
        match *request.method() {
            // A custom domain may put something in front of the path.
            Method::POST if path.ends_with("/connection-reports") => {
                self.handle_report(request).await
            }
            Method::POST => self.handle_forwarded(request).await,
            _ => self.handle_redirect(request).await,
        }
    }
}
