//! Asking Belvo to read the bank again, because the user's app wants it.
//!
//! It spends the user's monthly limits, so only the app's own request leads here, and a request is
//! made once: it is noted on LINK before Belvo is asked, and a job that repeats it within Belvo's
//! ten minutes is told by Belvo itself that it was made.

use belvo::{BelvoError, Retry, Wait};
use domain::link::{Reason, RefreshAnswer, RefreshStart};
use domain::{Code, Quota, RefreshId, ResourceKind};
use runtime::Metric;

use crate::error::{Result, log_refusal};
use crate::leased::LeasedLink;
use crate::metrics;
use crate::outcome::JobOutcome;
use crate::usage;

/// The user's app wants fresh data.
pub(crate) async fn requested(
    link: &mut LeasedLink<'_>,
    id: RefreshId,
    resources: Vec<ResourceKind>,
) -> Result<JobOutcome> {
    if !link.record.is_bound() {
        return Ok(JobOutcome::NotBound);
    }
    let now = link.fetcher.clock.now();
    let asked_before = match link.record.start_refresh(id, resources, now) {
        RefreshStart::Answered => return Ok(JobOutcome::RefreshAnswered),
        RefreshStart::CoolingDown => return Ok(JobOutcome::RefreshedRecently),
        RefreshStart::AskAgain => true,
        RefreshStart::Ask => {
            link.save_on_the_way().await?;
            false
        }
    };
    ask(link, asked_before).await?;
    link.save().await?;
    Ok(JobOutcome::RefreshRequested)
}

/// Asks for the refresh on LINK, and keeps Belvo's answer. `asked_before` says that Belvo may have
/// received the request.
pub(crate) async fn ask(link: &mut LeasedLink<'_>, asked_before: bool) -> Result<()> {
    let fetcher = link.fetcher;
    let now = fetcher.clock.now();
    let was_open = link.record.refresh.as_ref().is_some_and(|it| it.is_open());
    if link.record.asks_for_refresh(asked_before, now) {
        if link.batch.deadline.check().is_err() {
            link.record.schedule.set(Reason::Refresh, now);
        } else {
            let answer = ask_belvo(link).await;
            let now = fetcher.clock.now();
            link.record.observe_refresh(answer, asked_before, now);
        }
    }
    if was_open && let Some((refresh, kinds)) = link.record.refreshed(&fetcher.config.policy) {
        let spent = kinds.into_iter().map(Quota::of_refreshing);
        let (occasion, at) = (refresh.id.to_string(), refresh.asked_at);
        usage::count(fetcher, &link.record, &occasion, at, spent).await?;
    }
    Ok(())
}

async fn ask_belvo(link: &LeasedLink<'_>) -> RefreshAnswer {
    let link_id = link.record.link_id;
    let refresh = link.record.refresh.as_ref();
    let resources = refresh.map_or(&[][..], |it| &it.resources);
    let error = match link.fetcher.belvo.refresh(link_id, resources).await {
        Ok(request_id) => return RefreshAnswer::Accepted(request_id),
        Err(error) => error,
    };
    let answer = answer_of(&error);
    let error = error.into();
    metrics::hear_if_unknown(link.fetcher, &error).await;
    log_refusal(link_id, None, &error, "belvo did not refresh a link");
    runtime::count(Metric::BelvoFailed, link.fetcher.clock.now());
    answer
}

fn answer_of(error: &BelvoError) -> RefreshAnswer {
    let code = error.api_error().map(|it| it.code.clone());
    match error.retry() {
        _ if code.as_ref().map(Code::as_str) == Some("link_refreshed") => {
            RefreshAnswer::RefreshedRecently
        }
        Retry::InPlace | Retry::Later(Wait::Longer | Wait::Minutes | Wait::Unknown) => {
            RefreshAnswer::Unavailable(code)
        }
        Retry::Later(Wait::NextMonth) => RefreshAnswer::LimitReached(code),
        Retry::Later(Wait::Hours) | Retry::Never => RefreshAnswer::Declined(code),
    }
}
