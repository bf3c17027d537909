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
use runtime::{Problem, ProblemKind};
use serde::Serialize;
use store::{ErasureScope, Marked, Receipt};

use crate::handler::{Asked, Handler};

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
    pub(crate) async fn delete_link(&self, asked: &Asked<'_>) -> Result<Response<String>, Problem> {
        let link_id = asked.link_id()?;
        let unavailable = |error: store::StoreError| asked.unavailable(&error);
        // Looked at first: nobody else's link is even touched.
        let link = self.resources.link(link_id).await.map_err(unavailable)?;
        let link = link.filter(|it| it.external_id.as_ref() == Some(&asked.user));
        if link.is_none() {
            return Err(asked.problem(ProblemKind::NotFound));
        }
        let id = ReceiptId::from_random(self.random(asked)?);
        let now = self.clock.now();
        let receipt = Receipt::new(id, ErasureScope::Link, [link_id], now);
        let marked = self
            .resources
            .mark_with_receipt(&self.connections, &asked.user, link_id, &receipt)
            .await
            .map_err(unavailable)?;
        let receipt = match marked {
            Marked::Now => receipt,
            Marked::No => self.earlier(asked, link_id).await?,
        };
        let job = Job::LinkErase {
            link_id,
            external_id: asked.user.clone(),
            receipt_id: receipt.receipt_id,
        };
        // Should this fail, the link is due, and the sweeper queues it; whoever asks again is told.
        self.send(&job, asked).await?;
        Ok(accepted(&receipt))
    }

    /// The receipt of a link that was marked before: its answer may have been lost.
    async fn earlier(&self, asked: &Asked<'_>, link: LinkId) -> Result<Receipt, Problem> {
        let not_found = || asked.problem(ProblemKind::NotFound);
        let unavailable = |error: store::StoreError| asked.unavailable(&error);
        let link = self.resources.link(link).await.map_err(unavailable)?;
        let link = link.filter(|it| it.external_id.as_ref() == Some(&asked.user));
        let mark = link.and_then(|it| it.erase).ok_or_else(not_found)?;
        let receipt = self.connections.receipt(&asked.user, mark.receipt_id);
        receipt.await.map_err(unavailable)?.ok_or_else(not_found)
    }

    pub(crate) async fn delete_user(&self, asked: &Asked<'_>) -> Result<Response<String>, Problem> {
        let unavailable = |error: store::StoreError| asked.unavailable(&error);
        let links = self.resources.links_of(&asked.user).await;
        let links: Vec<_> = links
            .map_err(unavailable)?
            .iter()
            .map(|it| it.link_id)
            .collect();
        let id = ReceiptId::from_random(self.random(asked)?);
        let now = self.clock.now();
        let receipt = Receipt::new(id, ErasureScope::User, links.iter().copied(), now);
        let filed = self.connections.put_receipt(&asked.user, &receipt).await;
        filed.map_err(unavailable)?;
        let mark = receipt.mark();
        let marks = links
            .iter()
            .map(|link| self.resources.mark(&asked.user, *link, &mark));
        let marks = try_join_all(marks).await.map_err(unavailable)?;
        let marked = links.iter().zip(&marks);
        let marked = marked.filter(|(_, marked)| **marked == Marked::Now);
        let links: Vec<LinkId> = marked.map(|(id, _)| *id).collect();
        let receipt = Receipt::new(id, ErasureScope::User, links.iter().copied(), now);
        if links.len() < marks.len() {
            // The others are on a receipt of their own since they were listed.
            let filed = self.connections.put_receipt(&asked.user, &receipt).await;
            filed.map_err(unavailable)?;
        }
        let of_links = links.iter().map(|link_id| Job::LinkErase {
            link_id: *link_id,
            external_id: asked.user.clone(),
            receipt_id: id,
        });
        let of_user = Job::UserErase {
            external_id: asked.user.clone(),
            receipt_id: id,
            requested_at: Some(now),
        };
        let jobs = std::iter::once(of_user).chain(of_links);
        let jobs: Result<Vec<_>, Problem> =
            jobs.map(|job| Ok((job, self.random(asked)?))).collect();
        let sent = self.queue.send_all(&jobs?).await;
        sent.map_err(|error| asked.unavailable(&error))?;
        Ok(accepted(&receipt))
    }

    pub(crate) async fn receipt(&self, asked: &Asked<'_>) -> Result<Response<String>, Problem> {
        asked.query(&[])?;
        let unavailable = |error: store::StoreError| asked.unavailable(&error);
        let receipt = self.connections.receipt(&asked.user, asked.receipt_id()?);
        let receipt = receipt.await.map_err(unavailable)?;
        let receipt = receipt.ok_or_else(|| asked.problem(ProblemKind::NotFound))?;
        let earlier = match receipt.scope {
            ErasureScope::Link => Vec::new(),
            ErasureScope::User => {
                let until = receipt.requested_at;
                let receipts = self.connections.receipts_until(&asked.user, until);
                receipts.await.map_err(unavailable)?
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
        let last = |moment: fn(&store::Erasure) -> Option<Timestamp>| {
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
