//! An attempt of a user to connect an institution.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use crate::callback_id::CallbackId;
use crate::code::{Code, InstitutionName};
use crate::id::{ExternalId, LinkId, SessionId};
use crate::identity::{Holder, Identity};
use crate::key::SigningKeys;
use crate::tax_id::DocumentHash;

/// What is known of an attempt from the moment its token is minted.
///
/// It travels inside the signed session and inside jobs, so the documents are hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub session_id: SessionId,
    pub external_id: ExternalId,
    /// When the token was minted.
    pub started_at: Timestamp,
    /// The CPF the token was minted for.
    pub person: DocumentHash,
    /// The CNPJ the token was minted for, if it was for a company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<DocumentHash>,
}

impl Attempt {
    /// Describes an attempt of `external_id` for `identity`.
    pub fn new(
        session_id: SessionId,
        external_id: ExternalId,
        started_at: Timestamp,
        identity: &Identity,
        keys: &SigningKeys,
    ) -> Self {
        let company = identity.company.as_ref();
        Self {
            session_id,
            external_id,
            started_at,
            person: keys.hash_document(&(&identity.person.cpf).into()),
            company: company.map(|company| keys.hash_document(&(&company.cnpj).into())),
        }
    }

    /// Whose accounts the user set out to connect.
    pub fn holder(&self) -> Holder {
        match self.company {
            Some(_) => Holder::Company,
            None => Holder::Individual,
        }
    }

    /// The document of the company, or else the person's.
    pub fn expected_owner(&self) -> &DocumentHash {
        self.company.as_ref().unwrap_or(&self.person)
    }
}

/// An attempt, and how it ended.
#[derive(Clone, Debug, Deserialize)]
pub struct AttemptRecord {
    #[serde(flatten)]
    pub attempt: Attempt,
    /// The link it led to, as its callback said.
    pub linked: Option<LinkId>,
    /// How it ended, as its callback said: `success`, `exit`, `error`, `warning`; `started` before.
    pub outcome: Option<Code>,
    /// Belvo's code, where there was one.
    pub code: Option<Code>,
    /// The bank, where one was chosen.
    pub institution: Option<InstitutionName>,
    /// The callbacks that are done.
    #[serde(default)]
    pub callbacks: Vec<String>,
}

impl AttemptRecord {
    /// Whether all that this callback leads to was done, or is on LINK.
    pub fn is_done(&self, callback: CallbackId) -> bool {
        self.callbacks.contains(&callback.to_string())
    }
}

/// Whether Belvo reads the link once or keeps it up to date.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, EnumIter, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AccessMode {
    /// Read once; later only on request.
    Single,
    /// Kept up to date at the refresh rate agreed with Belvo. Belvo's default.
    #[default]
    Recurrent,
}

impl AccessMode {
    /// The value of Belvo's `access_mode`.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
