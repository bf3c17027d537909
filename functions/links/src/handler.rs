//! The routes, and whose request it is.

use domain::{ExternalId, Job, LinkId, ReceiptId, ResourceKind, SigningKeys};
use gateway::Context;
use lambda_http::http::Response;
use lambda_http::{Request, RequestExt as _};
use queue::JobQueue;
use runtime::{Caller, Clock, Problem, ProblemKind, Randomness, Secret, SecretError};
use store::{ConnectionStore, LinkRecord, ResourceStore};

use crate::config::Config;
use crate::query::Query;

/// Answers app front ends.
#[derive(Debug)]
pub struct Handler {
    /// What the customer decided.
    pub config: Config,
    /// Links and their data.
    pub resources: ResourceStore,
    /// Attempts and receipts.
    pub connections: ConnectionStore,
    /// Where jobs go.
    pub queue: JobQueue,
    /// The keys that sign cursors.
    pub keys: Secret<SigningKeys>,
    /// Who the user is.
    pub caller: Caller,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub randomness: Randomness,
}

/// A request of a user.
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    pub(crate) user: ExternalId,
}

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
        let asked = Asked {
            request,
            user: self.caller.user(context.claims).await?.0,
        };
        match context.route {
            "GET /links" => self.links(&asked).await,
            "GET /links/{link_id}" => self.link(&asked).await,
            "GET /links/{link_id}/owners" => self.rows(&asked, ResourceKind::Owners).await,
            "GET /links/{link_id}/accounts" => self.rows(&asked, ResourceKind::Accounts).await,
            "GET /links/{link_id}/transactions" => {
                self.rows(&asked, ResourceKind::Transactions).await
            }
            "GET /links/{link_id}/bills" => self.rows(&asked, ResourceKind::Bills).await,
            "GET /links/{link_id}/investments" => {
                self.rows(&asked, ResourceKind::Investments).await
            }
            "GET /links/{link_id}/investment-transactions" => {
                self.rows(&asked, ResourceKind::InvestmentTransactions)
                    .await
            }
            "GET /transactions" => self.statement(&asked).await,
            "GET /export" => self.export(&asked).await,
            "POST /links/{link_id}/refresh" => self.refresh(&asked).await,
            "DELETE /links/{link_id}" => self.delete_link(&asked).await,
            "DELETE /me" => self.delete_user(&asked).await,
            "GET /receipts/{receipt_id}" => self.receipt(&asked).await,
            _ => Err(asked.problem(ProblemKind::NotFound)),
        }
    }

    /// The link of the path, if it is the user's.
    pub(crate) async fn own_link(&self, asked: &Asked<'_>) -> Result<LinkRecord, Problem> {
        let id = asked.link_id()?;
        let link = self.resources.link_of(&asked.user, id).await;
        let link = link.map_err(|error| asked.unavailable(&error))?;
        link.ok_or_else(|| asked.problem(ProblemKind::NotFound))
    }

    /// The same, if its data may be shown.
    pub(crate) async fn served_link(&self, asked: &Asked<'_>) -> Result<LinkRecord, Problem> {
        let link = self.own_link(asked).await?;
        match link.is_served(self.config.proof_wanted) {
            true => Ok(link),
            false => Err(asked.problem(ProblemKind::LinkNotServed)),
        }
    }

    pub(crate) async fn send(&self, job: &Job, asked: &Asked<'_>) -> Result<(), Problem> {
        let dedup_id = self.random(asked)?;
        let sent = self.queue.send(job, dedup_id).await;
        sent.map_err(|error| asked.unavailable(&error))
    }

    pub(crate) fn random(&self, asked: &Asked<'_>) -> Result<[u8; 16], Problem> {
        let random = self.randomness.sixteen();
        random.map_err(|error| asked.unavailable(&error))
    }
}

impl Asked<'_> {
    /// The link of the path. What is no id belongs to nobody.
    pub(crate) fn link_id(&self) -> Result<LinkId, Problem> {
        LinkId::parse(&self.parameter("link_id")).map_err(|_| self.problem(ProblemKind::NotFound))
    }

    pub(crate) fn receipt_id(&self) -> Result<ReceiptId, Problem> {
        let id = ReceiptId::parse(&self.parameter("receipt_id"));
        id.map_err(|_| self.problem(ProblemKind::NotFound))
    }

    fn parameter(&self, name: &str) -> String {
        let parameters = self.request.path_parameters();
        parameters.first(name).unwrap_or_default().to_owned()
    }

    pub(crate) fn query(&self, allowed: &[&str]) -> Result<Query, Problem> {
        let query = self.request.uri().query().unwrap_or_default();
        Query::read(query, allowed)
    }

    pub(crate) fn problem(&self, kind: ProblemKind) -> Problem {
        Problem::new(kind)
    }

    pub(crate) fn unavailable(&self, error: &dyn std::error::Error) -> Problem {
        Problem::unavailable(error)
    }

    /// Without the key nothing is signed, and no signature is believed.
    pub(crate) fn no_key(&self, error: &SecretError) -> Problem {
        error.problem("session")
    }
}
