//! Asking Belvo to read the bank again, because the user's app wants it.
//!
//! It spends the user's monthly limits, so nothing but the app's own request leads here, and a
//! request is made once: it is noted on LINK before Belvo is asked, and whoever repeats the job
//! within Belvo's ten minutes is told by Belvo itself that it was made.

use belvo::{BelvoError, Retry, Wait};
use domain::{Code, LinkId, Month, RefreshId, RequestId, ResourceKind};
use jiff::{SignedDuration, Timestamp};
use runtime::Metric;
use store::{Due, LinkRecord, Refresh};

use crate::calendar;
use crate::fetcher::{Fetcher, JobError};
use crate::open::{Batch, ERASED, OpenLink};

/// Belvo refreshes a link once in ten minutes (OpenAPI 1.223.0, `link_refreshed`).
const COOL_DOWN: SignedDuration = SignedDuration::from_mins(10);

/// How long a request is repeated whose fate is unknown: as long as Belvo remembers it for certain.
/// Later, asking again could spend twice.
const REPEATED: SignedDuration = SignedDuration::from_mins(8);

/// Between two of these tries.
const PAUSE: SignedDuration = SignedDuration::from_mins(2);

/// Whether Belvo may have received this very request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Before,
    NotYet,
}

impl Fetcher {
    /// The user's app wants fresh data.
    pub(crate) async fn link_refresh(
        &self,
        link_id: LinkId,
        refresh_id: RefreshId,
        resources: Vec<ResourceKind>,
        batch: &mut Batch,
    ) -> Result<&'static str, JobError> {
        let Some(mut link) = self.open(link_id, batch).await? else {
            return Ok(ERASED);
        };
        if !link.record.is_bound() {
            return Ok("not bound");
        }
        let now = self.clock.now();
        let known = link.record.refresh.as_ref();
        let asked = match known.filter(|it| it.id == refresh_id) {
            Some(known) if known.accepted || known.declined.is_some() => return Ok("asked before"),
            Some(_) => Asked::Before,
            None if known.is_some_and(|it| is_cooling_down(it, now)) => {
                return Ok("refreshed recently");
            }
            None => {
                link.record.agenda.clear(Due::Refresh);
                link.record.refresh = Some(Refresh {
                    id: refresh_id,
                    asked_at: now,
                    resources,
                    accepted: false,
                    declined: None,
                });
                self.save(&mut link).await?;
                Asked::NotYet
            }
        };
        self.ask_to_refresh(&mut link, asked).await?;
        self.save(&mut link).await?;
        Ok("asked")
    }

    /// Asks for what is noted on LINK, and notes what Belvo says.
    pub(crate) async fn ask_to_refresh(
        &self,
        link: &mut OpenLink<'_>,
        asked: Asked,
    ) -> Result<(), JobError> {
        let now = self.clock.now();
        let Some(mut refresh) = link.record.refresh.clone().filter(is_open) else {
            return Ok(());
        };
        let last = calendar::later(refresh.asked_at, REPEATED);
        if asked == Asked::Before && now >= last {
            // Nobody can say for certain any more; what has come since, has come of it.
            match was_announced_since(&link.record, refresh.asked_at) {
                true => refresh.accepted = true,
                false => refresh.declined = Some(unknown()),
            }
        } else if link.batch.deadline.check().is_err() {
            link.record.agenda.set(Due::Refresh, now);
        } else {
            self.ask_belvo(link, &mut refresh, asked, last).await;
        }
        let accepted = refresh.accepted;
        link.record.refresh = Some(refresh);
        if accepted {
            link.record.limited_until = None;
            self.count_refreshing(&link.record).await?;
        }
        Ok(())
    }

    /// Asks, and notes the answer, or when to ask again.
    async fn ask_belvo(
        &self,
        link: &mut OpenLink<'_>,
        refresh: &mut Refresh,
        asked: Asked,
        last: Timestamp,
    ) {
        let link_id = link.record.link_id;
        let error = match self.belvo.refresh(link_id, &refresh.resources).await {
            Ok(_) => return refresh.accepted = true,
            Err(error) if is_refreshed(&error) && asked == Asked::Before => {
                return refresh.accepted = true;
            }
            Err(error) => error,
        };
        self.report_refusal(link_id, &error);
        let again = calendar::later(self.clock.now(), PAUSE);
        match error.retry() {
            Retry::InPlace | Retry::Later(Wait::Longer | Wait::Minutes)
                if again < last && !is_refreshed(&error) =>
            {
                link.record.agenda.set(Due::Refresh, again);
            }
            wait => {
                if wait == Retry::Later(Wait::NextMonth) {
                    link.record.limited_until = Some(Month::of(self.clock.now()).end());
                }
                let code = error.api_error().map(|it| it.code.clone());
                refresh.declined = Some(code.unwrap_or_else(unknown));
            }
        }
    }

    fn report_refusal(&self, link_id: LinkId, error: &BelvoError) {
        let said = error.api_error();
        tracing::warn!(
            link.id = %link_id,
            belvo.code = said.map(|it| it.code.as_str()),
            belvo.request_id = said.and_then(|it| it.request_id.as_ref()).map(RequestId::as_str),
            "belvo did not refresh a link"
        );
        runtime::count(Metric::BelvoFailed, self.clock.now());
    }
}

fn is_open(refresh: &Refresh) -> bool {
    !refresh.accepted && refresh.declined.is_none()
}

fn was_announced_since(link: &LinkRecord, moment: Timestamp) -> bool {
    let announced = link.resources.values().filter_map(|it| it.announced_at);
    announced.max().is_some_and(|at| at > moment)
}

fn unknown() -> Code {
    Code::lenient("no_answer")
}

fn is_cooling_down(refresh: &Refresh, now: Timestamp) -> bool {
    refresh.declined.is_none() && now.duration_since(refresh.asked_at) < COOL_DOWN
}

fn is_refreshed(error: &BelvoError) -> bool {
    let code = error.api_error().map(|it| it.code.as_str());
    code == Some("link_refreshed")
}
