//! Belvo's webhooks, as signals.
//!
//! A webhook never carries data: it says what changed, and we read that again. So an event keeps
//! what decides the reaction and what a read can be compared with, and nothing else of the body.
//! Belvo's own samples contradict each other, therefore every field is optional and open.

mod reading;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::code::{Code, RequestId};
use crate::id::{ConsentId, ExternalId, LinkId};
use crate::resource::ResourceKind;

/// What a webhook says happened, and to which link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The link; `None` when it is missing or no UUID.
    pub link_id: Option<LinkId>,
    /// The user Belvo names; often null on consent events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// What to react to.
    #[serde(flatten)]
    pub kind: EventKind,
    /// `webhook_type` as Belvo wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_type: Option<Code>,
    /// `webhook_code` as Belvo wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_code: Option<Code>,
    /// Belvo's id of the request that led here, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// What a read should find.
    #[serde(default, skip_serializing_if = "Totals::is_empty")]
    pub totals: Totals,
    /// Codes in `data.errors` or `data.error_code`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Code>,
}

/// The events of Belvo's catalogue for Open Finance Brazil, by what we do about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// `historical_update`: the whole resource is ready to be read.
    HistoricalUpdate {
        /// Which.
        resource: ResourceKind,
    },
    /// `new_…_available`: there are new rows.
    ResourceChanged {
        /// Which.
        resource: ResourceKind,
    },
    /// `transactions_updated` or `transactions_deleted`: rows changed or went. Which, Belvo's
    /// documentation does not say. A code that is not known here counts as one of these.
    ResourceRevised {
        /// Which.
        resource: ResourceKind,
    },
    /// A consent event: the consent must be read again.
    Consent {
        /// Which.
        change: ConsentChange,
        /// Belvo's id of the consent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        consent_id: Option<ConsentId>,
        /// When it runs out, if the event says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_at: Option<Timestamp>,
    },
    /// `invalid_credentials` or `token_required`: the user must act.
    LinkNeedsUser,
    /// `link_deleted`: an asynchronous deletion is complete.
    LinkDeleted,
    /// A code of the type LINK that is not known here: Belvo's record of the link is read again.
    LinkChanged,
    /// Anything else: logged, and nothing is done.
    Unknown,
}

/// What happened to a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentChange {
    /// `openfinance_consent_expired`, `consent_expired`.
    Expired,
    /// `openfinance_consent_about_to_expire`.
    AboutToExpire,
    /// `openfinance_consent_expiration_changed`.
    ExpirationChanged,
    /// `openfinance_consent_with_unrecoverable_resources`.
    UnrecoverableResources,
    /// `openfinance_consent_with_temporarily_unavailable_resources`.
    UnavailableResources,
    /// A code that is not known here. What changed is on Belvo's record of the consent.
    Other,
}

/// Counts and dates an event announces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Rows in all (`total_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Rows that are new (`new_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_rows: Option<u64>,
    /// Rows of type INFLOW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inflow: Option<u64>,
    /// Rows of type OUTFLOW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outflow: Option<u64>,
    /// The earliest `value_date`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_date: Option<Date>,
    /// The latest `value_date`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_date: Option<Date>,
}

impl Totals {
    /// Whether they are of the whole resource.
    pub fn is_of_all(&self) -> bool {
        let of_new = Self {
            new_rows: self.new_rows,
            ..Self::default()
        };
        *self != of_new
    }

    /// Whether all that was read agrees with this announcement, as far as it says anything of all.
    pub fn agree_with(&self, read: &Self) -> bool {
        fn agree<T: PartialEq>(announced: Option<&T>, read: Option<&T>) -> bool {
            announced.is_none() || announced == read
        }
        agree(self.rows.as_ref(), read.rows.as_ref())
            && agree(self.inflow.as_ref(), read.inflow.as_ref())
            && agree(self.outflow.as_ref(), read.outflow.as_ref())
            && agree(self.first_date.as_ref(), read.first_date.as_ref())
            && agree(self.last_date.as_ref(), read.last_date.as_ref())
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Event {
    /// How many new rows a read should find. That there are some, the event itself says.
    pub fn new_rows(&self) -> u64 {
        match matches!(self.kind, EventKind::ResourceChanged { .. }) {
            true => self.totals.new_rows.unwrap_or(1),
            false => 0,
        }
    }
}

impl EventKind {
    /// The resource to read again, if it is about one.
    pub fn resource(&self) -> Option<ResourceKind> {
        match self {
            Self::HistoricalUpdate { resource }
            | Self::ResourceChanged { resource }
            | Self::ResourceRevised { resource } => Some(*resource),
            Self::Consent { .. }
            | Self::LinkNeedsUser
            | Self::LinkDeleted
            | Self::LinkChanged
            | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_compared_as_far_as_they_were_announced() {
        let read = Totals {
            rows: Some(3),
            new_rows: None,
            inflow: Some(1),
            outflow: Some(2),
            first_date: "2026-01-01".parse().ok(),
            last_date: "2026-02-01".parse().ok(),
        };
        let check = |change: fn(&mut Totals), expected: bool| {
            let mut announced = read.clone();
            change(&mut announced);
            assert_eq!(announced.agree_with(&read), expected, "{announced:?}");
        };
        check(|_| {}, true);
        check(|totals| *totals = Totals::default(), true);
        check(|totals| totals.rows = None, true);
        check(|totals| totals.new_rows = Some(9), true);
        check(|totals| totals.rows = Some(4), false);
        check(|totals| totals.inflow = Some(0), false);
        check(|totals| totals.outflow = Some(0), false);
        check(
            |totals| totals.first_date = "2026-01-02".parse().ok(),
            false,
        );
        check(|totals| totals.last_date = "2026-01-02".parse().ok(), false);
    }
}
