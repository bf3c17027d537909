//! Makes what is stored of a resource what Belvo holds: one pass from what is wanted to a verdict.
//!
//! | module | does |
//! |---|---|
//! | `sync` | begins a pass, and draws its conclusion |
//! | `scope` | what a pass reads: the recent days, or everything |
//! | `portions` | a long statement, read in portions |
//! | `reading` | reads pages and writes what differs |
//! | `missing` | what is stored and did not come back |

use belvo::{BelvoError, Retry, Wait};
use domain::event::Totals;
use domain::{Code, Month, RequestId, ResourceKind};
use runtime::Metric;
use store::{Due, Found, Pass, ResourceState, Scope, TotalsVerdict};

use crate::calendar;
use crate::fetcher::{Fetcher, JobError};
use crate::open::OpenLink;
use crate::reading::MAX_REJECTED;
use crate::scope::End;

/// A list that became empty is believed after this time.
const EMPTY_DOUBT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl Fetcher {
    /// Does the pass that is wanted or under way. What it cannot finish stays on LINK.
    pub(crate) async fn sync(
        &self,
        link: &mut OpenLink<'_>,
        kind: ResourceKind,
    ) -> Result<(), JobError> {
        self.begin_pass(link, kind).await?;
        match self.carry_out(link, kind).await {
            Ok(end) => self.conclude(link, kind, end),
            Err(JobError::Belvo(BelvoError::NotFound { .. })) => {
                self.look_again(link).await?;
                decline(link, kind, None);
            }
            Err(JobError::Belvo(error)) if error.retry() == Retry::Never => {
                // The link carries on; whoever looks at it sees what is missing, and why.
                self.notice_refusal(&error);
                decline(link, kind, Some(&error));
            }
            Err(JobError::Belvo(error)) if error.retry() == Retry::Later(Wait::NextMonth) => {
                decline(link, kind, Some(&error));
                let lifted = Month::of(self.clock.now()).end();
                link.record.limited_until = Some(lifted);
                link.record.agenda.set(Due::Limit, lifted);
            }
            Err(error) => return Err(error),
        }
        link.progressed = true;
        Ok(())
    }

    /// Turns what is wanted into a pass, or takes up the one under way.
    async fn begin_pass(
        &self,
        link: &mut OpenLink<'_>,
        kind: ResourceKind,
    ) -> Result<(), JobError> {
        let now = self.clock.now();
        let resource = link.record.resource(kind);
        let mut portion = self.portion;
        if let Some(pass) = &mut resource.pass {
            if pass.before.is_some() {
                return Ok(());
            }
            if pass.again {
                pass.started_at = now;
                pass.found = Found::default();
                return Ok(());
            }
            // Nothing of it is done, so it begins anew, together with what is wanted since.
            portion = pass.portion;
            if resource.wanted.is_none()
                && let Some(announced) = pass.announced.take()
            {
                resource.announced = announced;
                resource.announced_whole = true;
            }
            resource.wanted = resource.wanted.max(Some(pass.scope));
        }
        let wanted = resource.wanted.take().unwrap_or(Scope::Everything);
        let scope = match (kind, resource.whole_started_at) {
            (ResourceKind::Transactions, Some(_)) => wanted,
            // Belvo tells days apart for transactions only, and the others are short.
            _ => Scope::Everything,
        };
        let announced = Some(resource.announced.clone());
        let announced = announced.filter(|_| resource.announced_whole);
        resource.announced_whole = false;
        resource.pass = Some(Pass {
            scope,
            started_at: now,
            // It counts for one read; a later one would be compared with old news.
            announced: announced.filter(|_| scope == Scope::Everything),
            again: false,
            portion,
            before: None,
            found: Found::default(),
        });
        if resource.state == ResourceState::Waiting {
            // Somebody looks at a progress bar.
            resource.state = ResourceState::Syncing;
            self.save(link).await?;
        }
        Ok(())
    }

    fn conclude(&self, link: &mut OpenLink<'_>, kind: ResourceKind, end: End) {
        let ended = self.clock.now();
        let link_id = link.record.link_id;
        let resource = link.record.resource(kind);
        let Some(mut pass) = resource.pass.take() else {
            return;
        };
        let announced = pass.announced.as_ref();
        let agrees = announced.map(|it| it.agree_with(&totals(kind, &pass.found)));
        // When it disagrees, Belvo may have written meanwhile.
        let differs = agrees == Some(false) && !pass.again;
        match end {
            End::MoreIsNeeded => {
                resource.wanted = Some(Scope::Everything);
                return;
            }
            End::Complete if !differs => {}
            End::OnceMore | End::Complete => {
                pass.again = true;
                pass.before = None;
                resource.pass = Some(pass);
                return;
            }
        }
        if agrees == Some(false) {
            runtime::count(Metric::TotalsDiffer, ended);
        }
        tracing::info!(
            link.id = %link_id,
            resource.kind = kind.name(),
            scope = ?pass.scope,
            rows = resource.rows,
            rejected = pass.found.unstorable,
            duration_ms = ended.duration_since(pass.started_at).as_millis(),
            "resource read"
        );
        resource.sync_started_at = Some(pass.started_at);
        resource.sync_ended_at = Some(ended);
        let declined = resource.declined.take();
        resource.sync_scope = Some(pass.scope);
        match pass.scope {
            Scope::Everything => {
                resource.whole_started_at = Some(pass.started_at);
                resource.unstorable = pass.found.unstorable;
                resource.rejected = pass.found.rejected;
            }
            Scope::Recent | Scope::Revised => {
                let room = MAX_REJECTED.saturating_sub(resource.rejected.len());
                resource
                    .rejected
                    .extend(pass.found.rejected.into_iter().take(room));
            }
        }
        if let Some(agrees) = agrees {
            resource.totals = Some(match agrees {
                true => TotalsVerdict::Agree,
                false => TotalsVerdict::Differ,
            });
        }
        resource.state = match resource.rejected.is_empty() {
            true => ResourceState::Ready,
            false => ResourceState::Partial,
        };
        let doubted = resource.empty_since;
        let again = doubted.map(|since| calendar::later(since, EMPTY_DOUBT));
        if let Some(again) = again.filter(|again| *again > ended) {
            link.record.agenda.set(Due::Empty, again);
        }
        if declined.is_some() && declined == link.record.needs_user {
            // The user has mended it.
            link.record.needs_user = None;
        }
        if kind == ResourceKind::Owners {
            // It names whose consents to look for.
            link.record.consent_pending = true;
        }
        if kind == ResourceKind::Transactions && std::mem::take(&mut link.record.interrupted) {
            // A job before may have written the rows that this read found in their places.
            link.record.transactions_changed = true;
        }
        link.parents.remove(&kind);
        if pass.started_at >= link.batch.began_at {
            link.batch.read.insert(kind, pass.scope);
        }
    }

    /// Whether a list that is empty although rows are stored may be believed: Belvo says itself
    /// that there is nothing, or has said nothing else for a day.
    pub(crate) fn believes_empty(&self, link: &mut OpenLink<'_>, kind: ResourceKind) -> bool {
        let now = self.clock.now();
        let resource = link.record.resource(kind);
        let pass = resource.pass.as_ref();
        let announced = pass.and_then(|it| it.announced.as_ref()?.rows);
        let since = *resource.empty_since.get_or_insert(now);
        announced == Some(0) || now.duration_since(since) >= EMPTY_DOUBT
    }
}

/// What Belvo would have announced, had it announced this.
fn totals(kind: ResourceKind, found: &Found) -> Totals {
    let rows = Some(found.rows + found.unstorable);
    match kind {
        ResourceKind::Transactions | ResourceKind::InvestmentTransactions => Totals {
            rows,
            inflow: Some(found.inflow),
            outflow: Some(found.outflow),
            first_date: found.first_date,
            last_date: found.last_date,
        },
        ResourceKind::Owners
        | ResourceKind::Accounts
        | ResourceKind::Bills
        | ResourceKind::Investments => Totals {
            rows,
            ..Totals::default()
        },
    }
}

/// Whether a code says something about the whole link, and that its user must act.
pub(crate) fn is_of_the_link(code: &Code) -> bool {
    ["consent_without_accounts", "invalid_link", "token_required"].contains(&code.as_str())
}

fn decline(link: &mut OpenLink<'_>, kind: ResourceKind, error: Option<&BelvoError>) {
    let said = error.and_then(BelvoError::api_error);
    let code = said.map_or_else(|| Code::lenient("not_found"), |it| it.code.clone());
    tracing::warn!(
        link.id = %link.record.link_id,
        resource.kind = kind.name(),
        belvo.code = code.as_str(),
        belvo.request_id = said.and_then(|it| it.request_id.as_ref()).map(RequestId::as_str),
        "belvo declined to give a resource"
    );
    if is_of_the_link(&code) {
        link.record.needs_user = Some(code.clone());
    }
    let resource = link.record.resource(kind);
    resource.pass = None;
    resource.state = ResourceState::Failed;
    resource.declined = Some(code);
}
