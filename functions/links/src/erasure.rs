//! `DELETE /links/{link_id}`, `DELETE /me`, `GET /receipts/{receipt_id}`.
//!
//! The mark comes before the answer: from then on nothing of the link is shown. What follows takes
//! its time, and the receipt says how far it is.

use std::collections::BTreeMap;

use domain::{Guidance, Job, LinkId, ReceiptId, ResourceKind, Text, guidance};
use futures::future::try_join_all;
use jiff::Timestamp;
use lambda_http::http::header::LOCATION;
use lambda_http::http::{HeaderValue, Response, StatusCode};
use runtime::Problem;
use serde::Serialize;
use user_store::{ErasureScope, Receipt, StoreError};

use crate::handler::{Answer, Handler, UserRequest, found};

#[derive(Serialize)]
struct ReceiptView {
    receipt_id: ReceiptId,
    scope: ErasureScope,
    link_id: Option<LinkId>,
    status: &'static str,
    requested_at: Timestamp,
    purged_at: Option<Timestamp>,
    confirmed_at: Option<Timestamp>,
    rows: BTreeMap<ResourceKind, u64>,
    links: Vec<LinkId>,
    text: Text,
}

impl Handler {
    pub(crate) async fn delete_link(&self, request: &UserRequest<'_>) -> Answer {
        let link_id = request.link_id()?;
        // Looked at first: another user's link is not even touched.
        let receipt = match self.links.link(&request.scope, link_id).await? {
            Some(_) => self.mark(request, link_id).await?,
            None => self.earlier(request, link_id).await?,
        };
        let job = Job::LinkErase {
            link_id,
            external_id: request.user().clone(),
            receipt_id: receipt.receipt_id,
        };
        // Should this fail, the link is due, and the sweeper queues it; whoever asks again is told.
        self.send(&job).await?;
        Ok(accepted(&receipt))
    }

    /// Marks a link, and files a receipt of it.
    async fn mark(&self, request: &UserRequest<'_>, link: LinkId) -> Result<Receipt, Problem> {
        let id = ReceiptId::from_random(self.random()?);
        let receipt = Receipt::new(id, ErasureScope::Link, [link], self.clock.now());
        let marked = self
            .links
            .mark_with_receipt(&request.scope, link, &receipt, &self.connections)
            .await?;
        match marked {
            true => Ok(receipt),
            false => self.earlier(request, link).await,
        }
    }

    /// The receipt of a link that was marked before: its answer may have been lost.
    async fn earlier(&self, request: &UserRequest<'_>, link: LinkId) -> Result<Receipt, Problem> {
        let mark = found(self.links.erase_mark(&request.scope, link).await)?;
        let receipt = self.connections.receipt(&request.scope, mark.receipt_id);
        found(receipt.await)
    }

    /// The job is queued before anything is written, because nothing else would find a receipt of
    /// which the job was never queued. It does everything by itself should the rest fail here, but
    /// later.
    pub(crate) async fn delete_user(&self, request: &UserRequest<'_>) -> Answer {
        let links = self.links.links(&request.scope).await?;
        let id = ReceiptId::from_random(self.random()?);
        let now = self.clock.now();
        self.send(&Job::UserErase {
            external_id: request.user().clone(),
            receipt_id: id,
            requested_at: Some(now),
        })
        .await?;
        let receipt = Receipt::new(id, ErasureScope::User, [], now);
        let (connections, mark) = (&self.connections, receipt.mark());
        connections
            .put_missing_receipt(&request.scope, &receipt)
            .await?;
        let marks = links.iter().map(async |it| {
            let marked = self.links.mark(&request.scope, it.link_id, &mark).await?;
            // The others are on a receipt of their own since they were listed, or the job has marked
            // and entered them.
            Ok::<_, StoreError>(marked.then_some(it.link_id))
        });
        let marked: Vec<LinkId> = try_join_all(marks).await?.into_iter().flatten().collect();
        connections.enter_links(&request.scope, id, &marked).await?;
        let jobs = marked.iter().map(|link_id| Job::LinkErase {
            link_id: *link_id,
            external_id: request.user().clone(),
            receipt_id: id,
        });
        let jobs: Result<Vec<_>, Problem> = jobs.map(|job| Ok((job, self.random()?))).collect();
        // Should this fail, the links are due, and the sweeper queues them.
        self.queue.send_all(&jobs?).await?;
        let receipt = Receipt::new(id, ErasureScope::User, marked, now);
        Ok(accepted(&receipt))
    }

    pub(crate) async fn receipt(&self, request: &UserRequest<'_>) -> Answer {
        request.query(&[])?;
        let receipt = self
            .connections
            .receipt(&request.scope, request.receipt_id()?);
        let receipt = found(receipt.await)?;
        let earlier = match receipt.scope {
            ErasureScope::Link => Vec::new(),
            ErasureScope::User => {
                let until = receipt.requested_at;
                let receipts = self.connections.receipts_until(&request.scope, until);
                receipts.await?
            }
        };
        let view = ReceiptView::new(&receipt, &earlier);
        Ok(gateway::json(StatusCode::OK, &view))
    }
}

fn accepted(receipt: &Receipt) -> Response<String> {
    let view = ReceiptView::new(receipt, &[]);
    let mut response = gateway::json(StatusCode::ACCEPTED, &view);
    let location = format!("/receipts/{}", receipt.receipt_id);
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

impl ReceiptView {
    /// Everything of a user is erased once what they had asked for before is, too: a link has one
    /// receipt, the first.
    fn new(receipt: &Receipt, earlier: &[Receipt]) -> Self {
        let all = || std::iter::once(receipt).chain(earlier);
        let listed = all().all(|it| it.scope == ErasureScope::Link || it.listed_at.is_some());
        // The last one counts, once all have come so far.
        let last = |moment: fn(&user_store::Erasure) -> Option<Timestamp>| {
            let moments = all().flat_map(|it| it.links.values()).map(moment);
            let moments: Option<Vec<_>> = moments.collect();
            let last = moments?.into_iter().max().or(receipt.listed_at);
            last.filter(|_| listed)
        };
        let (purged_at, completed_at) = (last(|it| it.purged_at), last(|it| it.completed_at));
        let mut rows = BTreeMap::new();
        for (kind, count) in receipt.links.values().flat_map(|it| &it.rows) {
            *rows.entry(*kind).or_default() += count;
        }
        let Guidance { text, .. } = *guidance("erased");
        Self {
            receipt_id: receipt.receipt_id,
            scope: receipt.scope,
            link_id: match receipt.scope {
                ErasureScope::Link => receipt.links.keys().next().copied(),
                ErasureScope::User => None,
            },
            status: match (purged_at, completed_at) {
                (_, Some(_)) => "complete",
                (Some(_), None) => "purged",
                (None, None) => "requested",
            },
            requested_at: receipt.requested_at,
            purged_at,
            confirmed_at: last(|it| it.confirmed_at),
            rows,
            links: receipt.links.keys().copied().collect(),
            text,
        }
    }
}
