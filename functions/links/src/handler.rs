//! The routes, and whose request it is.

use domain::{ExternalId, Job, LinkId, ReceiptId, ResourceKind, SigningKeys};
use gateway::Context;
use lambda_http::http::Response;
use lambda_http::{Request, RequestExt as _};
use queue::JobQueue;
use runtime::{Caller, CallerError, Clock, Problem, ProblemKind, Randomness, Secret, SecretError};
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
    pub(crate) request_id: &'a str,
    pub(crate) user: ExternalId,
}

impl Handler {
    /// Reads the key before the first request: a user waits.
    pub(crate) async fn warm_up(&self) {
        if let Err(error) = self.keys.get().await {
            tracing::error!(%error, "the key of cursors is not available");
        }
    }

    /// Answers one request.
    pub async fn handle(&self, request: &Request) -> Response<String> {
        let context = Context::of(request);
        let result = self.route(request, &context).await;
        result.unwrap_or_else(Problem::into_response)
    }

    async fn route(
        &self,
        request: &Request,
        context: &Context<'_>,
    ) -> Result<Response<String>, Problem> {
        let asked = Asked {
            request,
            request_id: context.request_id,
            user: self.user(context).await?,
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

    async fn user(&self, context: &Context<'_>) -> Result<ExternalId, Problem> {
        let unauthorized = || Problem::new(ProblemKind::Unauthorized, context.request_id);
        let claims = context.claims.ok_or_else(unauthorized)?;
        match self.caller.identify(claims).await {
            Ok(external_id) => Ok(external_id),
            Err(CallerError::Secret(error)) => {
                Err(no_secret("external_id", context.request_id, &error))
            }
            Err(error) => Err(unauthorized().at("claims", error)),
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
        let unique = self.random(asked)?;
        let sent = self.queue.send(job, unique).await;
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
        Query::read(query, allowed, self.request_id)
    }

    pub(crate) fn problem(&self, kind: ProblemKind) -> Problem {
        Problem::new(kind, self.request_id)
    }

    pub(crate) fn unavailable(&self, error: &dyn std::error::Error) -> Problem {
        unavailable(self.request_id, error)
    }

    /// Without the key nothing is signed, and no signature is believed.
    pub(crate) fn no_key(&self, error: &SecretError) -> Problem {
        no_secret("session", self.request_id, error)
    }
}

/// The name says which of our secrets.
fn no_secret(secret: &'static str, request_id: &str, error: &SecretError) -> Problem {
    tracing::error!(request_id, %error, "a request was not answered");
    error.problem(secret, request_id)
}

fn unavailable(request_id: &str, error: &dyn std::error::Error) -> Problem {
    tracing::error!(request_id, error = %runtime::chain(error), "a request was not answered");
    Problem::new(ProblemKind::Unavailable, request_id).retry_after(5)
}
