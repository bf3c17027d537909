//! `POST /links/{link_id}/refresh`: the app wants Belvo to read the bank again.
//!
//! It spends the user's monthly limits, so it is asked for once in ten minutes at most. The job
//! judges the same again: two requests at one moment are one refresh.

use domain::link::COOL_DOWN;
use domain::{Job, RefreshId, ResourceKind};
use jiff::Timestamp;
use lambda_http::http::StatusCode;
use runtime::{Problem, ProblemKind};
use serde::Deserialize;
use serde_json::json;

use crate::handler::{Answer, Handler, UserRequest};

/// Nothing we accept comes near this.
const MAX_BODY: usize = 4 * 1024;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    resources: Vec<ResourceKind>,
}

impl Handler {
    pub(crate) async fn refresh(&self, request: &UserRequest<'_>) -> Answer {
        let link = self.served_link(request).await?;
        if !link.is_bound() {
            // Belvo has lost it.
            return Err(Problem::new(ProblemKind::LinkNotServed));
        }
        let body = read(request)?;
        let now = self.clock.now();
        if let Some(until) = link.limited_until.filter(|until| *until > now) {
            return Err(later(Problem::new(ProblemKind::LimitReached), until, now));
        }
        if let Some(at) = link.refresh_available_at(now) {
            return Err(later(Problem::new(ProblemKind::RefreshedRecently), at, now));
        }
        let job = Job::LinkRefresh {
            link_id: link.link_id,
            refresh_id: RefreshId::from_random(self.random()?),
            resources: body.resources,
        };
        self.send(&job).await?;
        let answer = json!({
            "link_id": link.link_id,
            "requested_at": now,
            "available_at": now.saturating_add(COOL_DOWN).unwrap_or(now),
        });
        Ok(gateway::json(StatusCode::ACCEPTED, &answer))
    }
}

/// An empty body asks for everything.
fn read(request: &UserRequest<'_>) -> Result<Body, Problem> {
    let form = r#"must be empty or {"resources": ["ACCOUNTS", …]}"#;
    let body: Body = runtime::json(request.http.body().as_ref(), MAX_BODY, form)?;
    let repeated = |kind: &&ResourceKind| body.resources.iter().filter(|it| it == kind).count() > 1;
    match body.resources.iter().any(|kind| repeated(&kind)) {
        true => Err(Problem::new(ProblemKind::InvalidRequest)
            .at("/resources", "must not list a resource twice")),
        false => Ok(body),
    }
}

fn later(problem: Problem, at: Timestamp, now: Timestamp) -> Problem {
    let seconds = at.duration_since(now).as_secs().max(1);
    problem.retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}
