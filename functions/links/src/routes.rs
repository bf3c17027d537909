//! The routes.

use domain::ResourceKind::{
    Accounts, Bills, InvestmentTransactions, Investments, Owners, Transactions,
};
use gateway::Context;
use lambda_http::Request;
use lambda_http::http::Response;
use runtime::{Problem, ProblemKind};

use crate::handler::{Answer, Handler, UserRequest};

impl Handler {
    /// Answers one request.
    pub async fn handle(&self, request: &Request) -> Response<String> {
        let context = Context::of(request);
        let answer = self.route(request, &context).await;
        let failed = "a request was not answered";
        answer.unwrap_or_else(|problem| problem.into_response(context.request_id, failed))
    }

    async fn route(&self, http: &Request, context: &Context<'_>) -> Answer {
        let (scope, _) = self.principal.user(context.claims).await?;
        let request = &UserRequest { http, scope };
        let rows = |kind| self.rows(request, kind);
        match context.route {
            "GET /links" => self.links(request).await,
            "GET /links/{link_id}" => self.link(request).await,
            "GET /links/{link_id}/owners" => rows(Owners).await,
            "GET /links/{link_id}/accounts" => rows(Accounts).await,
            "GET /links/{link_id}/transactions" => rows(Transactions).await,
            "GET /links/{link_id}/bills" => rows(Bills).await,
            "GET /links/{link_id}/investments" => rows(Investments).await,
            "GET /links/{link_id}/investment-transactions" => rows(InvestmentTransactions).await,
            "GET /transactions" => self.all_transactions(request).await,
            "GET /export" => self.export(request).await,
            "POST /links/{link_id}/refresh" => self.refresh(request).await,
            "DELETE /links/{link_id}" => self.delete_link(request).await,
            "DELETE /me" => self.delete_user(request).await,
            "GET /receipts/{receipt_id}" => self.receipt(request).await,
            _ => Err(Problem::new(ProblemKind::NotFound)),
        }
    }
}
