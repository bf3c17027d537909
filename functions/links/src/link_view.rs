//! How a link looks from outside.

use std::collections::BTreeMap;

use domain::link::{Resource, Status, StatusReport};
use domain::{Code, ConsentId, Guidance, Holder, Limits, Link, LinkId, Month, Quota, ResourceKind};
use jiff::Timestamp;
use serde::Serialize;
use user_store::{ConsentDetails, Spent};

/// A link. Of one whose data is not shown, the state and what to do.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LinkView {
    link_id: LinkId,
    status: Status,
    institution: Institution,
    access_mode: Option<String>,
    holder: Option<Holder>,
    connected_at: Option<Timestamp>,
    last_accessed_at: Option<Timestamp>,
    duplicate_of: Option<LinkId>,
    replaces: Option<LinkId>,
    next_action: Guidance,
    consent: Option<ConsentView>,
    resources: Option<BTreeMap<String, ResourceView>>,
    limits: Option<LimitsView>,
    refresh: Option<RefreshView>,
}

#[derive(Clone, Debug, Serialize)]
struct Institution {
    name: Option<String>,
    display_name: Option<String>,
    logo: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct ConsentView {
    consent_id: Option<ConsentId>,
    status: Option<String>,
    expires_at: Option<Timestamp>,
    days_left: Option<i64>,
    indefinite: Option<bool>,
    permissions: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, Serialize)]
struct ResourceView {
    state: &'static str,
    rows: u64,
    announced_rows: Option<u64>,
    completeness: &'static str,
    as_of: Option<Timestamp>,
    age_seconds: Option<i64>,
    rejected: u64,
    code: Option<Code>,
}

#[derive(Clone, Debug, Serialize)]
struct LimitsView {
    month: String,
    resets_at: Timestamp,
    limited_until: Option<Timestamp>,
    resources: Vec<LimitView>,
}

#[derive(Clone, Debug, Serialize)]
struct LimitView {
    resource: Quota,
    spent: u64,
    limit: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
struct RefreshView {
    requested_at: Option<Timestamp>,
    available_at: Option<Timestamp>,
    code: Option<Code>,
}

/// What is shown of a link besides what LINK says.
pub(crate) struct Facts<'a> {
    pub(crate) report: StatusReport,
    pub(crate) duplicate_of: Option<LinkId>,
    pub(crate) consent: ConsentDetails,
    pub(crate) spent: Spent,
    pub(crate) limits: &'a Limits,
    pub(crate) now: Timestamp,
}

impl LinkView {
    pub(crate) fn new(link: &Link, facts: Facts<'_>) -> Self {
        let Facts { report, now, .. } = facts;
        let shown = !matches!(
            report.status,
            Status::AwaitingOwner | Status::AwaitingProof | Status::Quarantined
        );
        Self {
            link_id: link.link_id,
            status: report.status,
            institution: Institution {
                name: link.institution.clone(),
                display_name: facts.consent.institution_display_name.clone(),
                logo: facts.consent.institution_icon_logo.clone(),
            },
            access_mode: link.access_mode.clone(),
            holder: link.holder,
            connected_at: link.created_at,
            last_accessed_at: link.last_accessed_at,
            duplicate_of: facts.duplicate_of,
            replaces: link.replaces,
            next_action: report.next_action,
            limits: shown.then(|| LimitsView::new(link, &facts)),
            consent: shown
                .then(|| ConsentView::new(link, facts.consent, now))
                .flatten(),
            resources: shown.then(|| resources(link)),
            refresh: shown.then(|| RefreshView::new(link, now)),
        }
    }

    /// Says how old everything is now. What has not changed otherwise is the same answer.
    pub(crate) fn grow_old(&mut self, now: Timestamp) {
        for resource in self.resources.iter_mut().flat_map(BTreeMap::values_mut) {
            let age = resource.as_of.map(|at| now.duration_since(at).as_secs());
            resource.age_seconds = age.map(|age| age.max(0));
        }
    }
}

impl ConsentView {
    fn new(link: &Link, details: ConsentDetails, now: Timestamp) -> Option<Self> {
        let facts = link.consent.as_ref()?;
        let days = |end: Timestamp| (end.duration_since(now).as_hours() / 24).max(0);
        Some(Self {
            consent_id: facts.id,
            status: facts.status.clone(),
            expires_at: facts.expires_at,
            days_left: facts.expires_at.map(days),
            // Belvo's samples leave the flag out, and an end tells as much.
            indefinite: match facts.expires_at {
                Some(_) => Some(false),
                None => details.indefinite,
            },
            permissions: details.permissions,
        })
    }
}

impl LimitsView {
    fn new(link: &Link, facts: &Facts<'_>) -> Self {
        let month = Month::of(facts.now);
        let resources = Quota::all().filter_map(|resource| {
            let spent = facts.spent.get(&resource).copied().unwrap_or_default();
            let limit = facts.limits.of(resource);
            (spent > 0 || limit.is_some()).then_some(LimitView {
                resource,
                spent,
                limit,
            })
        });
        Self {
            month: month.to_string(),
            resets_at: month.end(),
            limited_until: link.limited_until.filter(|until| *until > facts.now),
            resources: resources.collect(),
        }
    }
}

impl RefreshView {
    fn new(link: &Link, now: Timestamp) -> Self {
        let refresh = link.refresh.as_ref();
        Self {
            requested_at: refresh.map(|it| it.asked_at),
            available_at: link.refresh_available_at(now),
            code: refresh.and_then(|it| it.declined.clone()),
        }
    }
}

/// The resources, by their names in our answers.
fn resources(link: &Link) -> BTreeMap<String, ResourceView> {
    let view = |kind: ResourceKind| (kind.name().to_ascii_lowercase(), resource(link, kind));
    ResourceKind::all().map(view).collect()
}

fn resource(link: &Link, kind: ResourceKind) -> ResourceView {
    let unknown = Resource::default();
    let known = link.resources.get(&kind);
    let wanted =
        link.fetch_resources.is_empty() || link.fetch_resources.contains(&kind) || known.is_some();
    let resource = known.unwrap_or(&unknown);
    ResourceView {
        state: match wanted {
            true if resource.last_sync.is_some() && resource.is_settling() => "settling",
            true => resource.state.into(),
            false => "not_requested",
        },
        rows: resource.rows,
        announced_rows: resource.announced_rows,
        completeness: resource.totals.map_or("unknown", Into::into),
        as_of: resource.last_sync.map(|it| it.started_at),
        age_seconds: None,
        rejected: resource.rejected_rows,
        code: resource.declined.clone(),
    }
}
