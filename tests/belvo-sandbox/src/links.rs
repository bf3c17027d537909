//! Links and their consents, one to one.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    banks::Bank,
    clock,
    data::LinkData,
    json::{Null, Raw, object},
    resources::Resource,
};

/// A user's connection to a bank.
pub struct Link {
    pub id: Uuid,
    pub bank: &'static Bank,
    /// `single` or `recurrent`.
    pub access_mode: String,
    /// `valid`, `invalid`, `unconfirmed` or `token_required`.
    pub status: String,
    /// The app's id for the user; null if it looked like personal data.
    pub external_id: Option<String>,
    /// Belvo's `institution_user_id`: equal for all links of one person at one bank.
    pub institution_user_id: String,
    pub created_at: Timestamp,
    /// Belvo's `last_accessed_at`.
    pub last_accessed_at: Timestamp,
    /// Belvo's `stale_in`.
    pub stale_in: String,
    pub fetch_resources: Vec<String>,
    /// Whether the API hides the link, as if it belonged to another customer.
    pub gone: bool,
    /// The kinds that are readable already.
    pub ready: BTreeSet<Resource>,
    /// Whether the fault `loading` holds its data back.
    pub loading: bool,
    pub data: Arc<LinkData>,
    pub consent: Consent,
    /// The time of the last `POST …/refresh/`.
    pub refreshed_at: Option<Timestamp>,
    /// The request id of all its webhooks: Belvo's samples show that it is not unique.
    pub webhook_id: String,
}

#[derive(Debug, Clone)]
pub struct Consent {
    pub id: Uuid,
    pub document_number: String,
    /// All documents that find the consent.
    pub documents: Vec<String>,
    /// Name of the person who gave it.
    pub user_name: String,
    /// The customer's company name.
    pub organization: String,
    /// Its end; absent for a consent without end.
    pub expired_at: Option<Timestamp>,
    /// Its duration in days.
    pub duration: Option<i64>,
    pub created_at: Timestamp,
    /// Belvo's status, as of the last change.
    pub status: String,
}

impl Link {
    /// The requested kinds, among the six that the sandbox has.
    pub fn requested(&self) -> Vec<Resource> {
        let asked = |kind: &Resource| self.fetch_resources.iter().any(|name| name == kind.name());
        Resource::ALL.into_iter().filter(asked).collect()
    }

    /// Whether the API lists its rows of this kind.
    pub fn shows(&self, resource: Resource) -> bool {
        !self.gone && self.ready.contains(&resource)
    }

    /// Whether Belvo refreshes its data by itself.
    pub fn is_recurrent(&self) -> bool {
        self.access_mode == "recurrent"
    }

    pub fn write(&self) -> Raw {
        object! {
            "id": self.id,
            "institution": self.bank.name,
            "access_mode": self.access_mode,
            "last_accessed_at": clock::millis(self.last_accessed_at),
            "created_at": clock::micros(self.created_at),
            "external_id": self.external_id,
            "institution_user_id": self.institution_user_id,
            "status": self.status,
            "created_by": "bcef7f35-67f2-4b19-b009-cb38795faf09",
            "refresh_rate": self.is_recurrent().then_some("7d"),
            "credentials_storage": "store",
            "fetch_resources": self.fetch_resources,
            "stale_in": self.stale_in,
        }
    }

    pub fn write_consent(&self) -> Raw {
        let consent = &self.consent;
        let mut object = crate::json::Object::new();
        object.field("id", &consent.id);
        object.field("display_name", &consent.user_name);
        object.field("document_number", &consent.document_number);
        object.field("belvo_institution_name", &self.bank.name);
        object.field("institution_display_name", &self.bank.display_name);
        object.field("institution_icon_logo", &self.bank.logo());
        object.field("belvo_organization_name", &consent.organization);
        object.field("link_id", &self.id);
        object.field("user_name", &consent.user_name);
        match consent.expired_at {
            Some(moment) => object.field("expired_at", &clock::millis(moment)),
            None => object.field("expired_at", &Null),
        }
        object.field(
            "undefined_consent_expiration",
            &consent.expired_at.is_none(),
        );
        object.field("consent_duration", &consent.duration);
        object.field("created_at", &clock::micros(consent.created_at));
        object.field("status", &consent.status);
        object.field("permissions", &permissions(self.data.profile.is_company()));
        object.finish()
    }
}

/// The Open Finance permissions of the four groups; those of investments are always included.
fn permissions(company: bool) -> Raw {
    let register = if company {
        [
            "CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ",
            "CUSTOMERS_BUSINESS_ADITTIONALINFO_READ",
        ]
    } else {
        [
            "CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ",
            "CUSTOMERS_PERSONAL_ADITTIONALINFO_READ",
        ]
    };
    object! {
        "ACCOUNTS": [
            "ACCOUNTS_OVERDRAFT_LIMITS_READ",
            "ACCOUNTS_READ",
            "ACCOUNTS_TRANSACTIONS_READ",
            "ACCOUNTS_BALANCES_READ",
        ],
        "CREDIT_CARDS": [
            "CREDIT_CARDS_ACCOUNTS_LIMITS_READ",
            "CREDIT_CARDS_ACCOUNTS_BILLS_READ",
            "CREDIT_CARDS_ACCOUNTS_TRANSACTIONS_READ",
            "CREDIT_CARDS_ACCOUNTS_BILLS_TRANSACTIONS_READ",
            "CREDIT_CARDS_ACCOUNTS_READ",
        ],
        "CREDIT_OPERATIONS": [
            "LOANS_READ",
            "LOANS_WARRANTIES_READ",
            "LOANS_SCHEDULED_INSTALMENTS_READ",
            "LOANS_PAYMENTS_READ",
        ],
        "REGISTER": register,
        "RESOURCES": ["RESOURCES_READ"],
        "INVESTMENTS": [
            "BANK_FIXED_INCOMES_READ",
            "CREDIT_FIXED_INCOMES_READ",
            "FUNDS_READ",
            "VARIABLE_INCOMES_READ",
            "TREASURE_TITLES_READ",
        ],
    }
}
