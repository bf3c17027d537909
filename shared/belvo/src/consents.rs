//! `GET /api/consents/{id}/`.

use domain::{ConsentId, LinkId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Belvo, BelvoError};

/// What Belvo says of a consent. It has no `Debug`: whatever prints it prints somebody's data.
pub struct Consent {
    /// The link it belongs to; there is one link for each consent.
    pub link_id: Option<LinkId>,
    /// The whole object as Belvo wrote it.
    pub object: Box<RawValue>,
}

impl Belvo {
    /// Looks at one consent. Costs no Open Finance quota.
    pub async fn consent(&self, id: ConsentId) -> Result<Consent, BelvoError> {
        #[derive(Deserialize)]
        struct Fields {
            link_id: Option<String>,
        }
        let url = self.url(["api", "consents", &id.to_string()]);
        let object: Box<RawValue> = self.get(&url, "a consent").await?;
        let fields: Fields = serde_json::from_str(object.get())
            .map_err(|_| BelvoError::Unexpected { what: "a consent" })?;
        Ok(Consent {
            link_id: fields.link_id.and_then(|id| LinkId::parse(&id).ok()),
            object,
        })
    }
}
