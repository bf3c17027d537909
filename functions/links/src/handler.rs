//! What every route needs: the user's request, and their link.

use domain::link::UserStatus;
use domain::{ExternalId, Job, Link, LinkId, ReceiptId, SigningKeys, UserScope};
use jiff::Timestamp;
use lambda_http::http::Response;
use lambda_http::{Request, RequestExt as _};
use queue::JobQueue;
use runtime::{Clock, PrincipalSource, Problem, ProblemKind, Randomness, Secret};
use user_store::{StoreError, UserConnections, UserLinks, UserRows};

use crate::config::Config;
use crate::query::Query;

/// Answers app front ends.
#[derive(Debug)]
pub struct Handler {
    /// What the customer decided.
    pub config: Config,
    /// Links, their consents and their webhook log.
    pub links: UserLinks,
    /// What banks hold.
    pub rows: UserRows,
    /// Attempts and receipts.
    pub connections: UserConnections,
    /// Where jobs go.
    pub queue: JobQueue,
    /// The keys that sign cursors.
    pub keys: Secret<SigningKeys>,
    /// Who the user is.
    pub principal: PrincipalSource,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub randomness: Randomness,
}

/// What a route answers.
pub(crate) type Answer = Result<Response<String>, Problem>;

/// A request of a user.
pub(crate) struct UserRequest<'a> {
    pub(crate) http: &'a Request,
    pub(crate) scope: UserScope,
}

impl Handler {
    /// What stands between a user and their data, over all their links.
    pub(crate) fn status_of<'a>(&self, links: &'a [Link], now: Timestamp) -> UserStatus<'a> {
        UserStatus::of(links, self.config.proof_wanted, now)
    }

    /// The link of the path, if it is the user's.
    pub(crate) async fn own_link(&self, request: &UserRequest<'_>) -> Result<Link, Problem> {
        let id = request.link_id()?;
        found(self.links.link(&request.scope, id).await)
    }

    /// The same, if its data may be shown.
    pub(crate) async fn served_link(&self, request: &UserRequest<'_>) -> Result<Link, Problem> {
        let link = self.own_link(request).await?;
        match link.is_served(self.config.proof_wanted) {
            true => Ok(link),
            false => Err(Problem::new(ProblemKind::LinkNotServed)),
        }
    }

    pub(crate) async fn send(&self, job: &Job) -> Result<(), Problem> {
        Ok(self.queue.send(job, self.random()?).await?)
    }

    pub(crate) fn random(&self) -> Result<[u8; 16], Problem> {
        Ok(self.randomness.sixteen()?)
    }
}

/// What is stored of the user. What is not there is unknown.
pub(crate) fn found<T>(stored: Result<Option<T>, StoreError>) -> Result<T, Problem> {
    let stored = stored?;
    stored.ok_or_else(|| Problem::new(ProblemKind::NotFound))
}

impl UserRequest<'_> {
    /// The user's id.
    pub(crate) fn user(&self) -> &ExternalId {
        self.scope.external_id()
    }

    /// The link of the path. What is no id belongs to nobody.
    pub(crate) fn link_id(&self) -> Result<LinkId, Problem> {
        LinkId::parse(&self.parameter("link_id")).map_err(|_| Problem::new(ProblemKind::NotFound))
    }

    pub(crate) fn receipt_id(&self) -> Result<ReceiptId, Problem> {
        let id = ReceiptId::parse(&self.parameter("receipt_id"));
        id.map_err(|_| Problem::new(ProblemKind::NotFound))
    }

    fn parameter(&self, name: &str) -> String {
        let parameters = self.http.path_parameters();
        parameters.first(name).unwrap_or_default().to_owned()
    }

    pub(crate) fn query(&self, allowed: &[&str]) -> Result<Query, Problem> {
        let query = self.http.uri().query().unwrap_or_default();
        Query::read(query, allowed)
    }
}
