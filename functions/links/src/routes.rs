//! The routes.

use domain::ResourceKind;
use gateway::Context;
use lambda_http::Request;
use lambda_http::http::Response;
use runtime::{Problem, ProblemKind};

use crate::handler::{Handler, UserRequest};

impl Handler {
    /// Answers one request.
    pub async fn handle(&self, request: &Request) -> Response<String> {
        let context = Context::of(request);
        let answer = self.route(request, &context).await;
        let failed = "a request was not answered";
        answer.unwrap_or_else(|problem| problem.into_response(context.request_id, failed))
    }

    async fn route(
        &self,
        request: &Request,
        context: &Context<'_>,
    ) -> Result<Response<String>, Problem> {
        let user_request = UserRequest {
            request,
            scope: self.principal.user(context.claims).await?.0,
        };
        match context.route {
            "GET /links" => self.links(&user_request).await,
            "GET /links/{link_id}" => self.link(&user_request).await,
            "GET /links/{link_id}/owners" => self.rows(&user_request, ResourceKind::Owners).await,
            "GET /links/{link_id}/accounts" => {
                self.rows(&user_request, ResourceKind::Accounts).await
            }
            "GET /links/{link_id}/transactions" => {
                self.rows(&user_request, ResourceKind::Transactions).await
            }
            "GET /links/{link_id}/bills" => self.rows(&user_request, ResourceKind::Bills).await,
            "GET /links/{link_id}/investments" => {
                self.rows(&user_request, ResourceKind::Investments).await
            }
            "GET /links/{link_id}/investment-transactions" => {
                self.rows(&user_request, ResourceKind::InvestmentTransactions)
                    .await
            }
            "GET /transactions" => self.all_transactions(&user_request).await,
            "GET /export" => self.export(&user_request).await,
            "POST /links/{link_id}/refresh" => self.refresh(&user_request).await,
            "DELETE /links/{link_id}" => self.delete_link(&user_request).await,
            "DELETE /me" => self.delete_user(&user_request).await,
            "GET /receipts/{receipt_id}" => self.receipt(&user_request).await,
            _ => Err(Problem::new(ProblemKind::NotFound)),
        }
    }
}
