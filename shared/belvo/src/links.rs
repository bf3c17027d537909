//! `GET /api/links/{id}/`.

use domain::LinkId;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{Belvo, BelvoError};

/// What Belvo says of a link. Only what somebody decides by; everything may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Link {
    /// Belvo's name of the bank.
    pub institution: Option<String>,
    /// The id the widget was opened with; null when Belvo took it for personal data.
    pub external_id: Option<String>,
    /// The same for each link of one person at one bank; 44 characters.
    pub institution_user_id: Option<String>,
    /// `valid`, `invalid`, `unconfirmed` or `token_required`; an open set.
    pub status: Option<String>,
    /// `single` or `recurrent`.
    pub access_mode: Option<String>,
    /// When the link was made.
    pub created_at: Option<Timestamp>,
    /// When Belvo last reached the bank.
    pub last_accessed_at: Option<Timestamp>,
}

impl Belvo {
    /// Looks at one link. Costs no Open Finance quota.
    pub async fn link(&self, id: LinkId) -> Result<Link, BelvoError> {
        let url = self.url(["api", "links", &id.to_string()]);
        self.get(&url, "a link").await
    }
}
