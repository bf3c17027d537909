//! `DELETE /api/links/{id}/`: Belvo forgets a link and everything it holds of it.

use bytes::Bytes;
use domain::LinkId;
use http::{Response, StatusCode};

use crate::calls::{Accepted, json};
use crate::{Belvo, BelvoError};

/// What has become of a link that is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Belvo will do it, and tell by a `link_deleted` webhook.
    Requested,
    /// Belvo knows no such link, or not any more.
    Gone,
}

impl Belvo {
    /// Deletes a link at Belvo, in the mode of which any number may be deleted at once.
    ///
    /// Whether the consent at the bank ends with it, Belvo's documentation says both ways: the
    /// user ends it for certain in My Belvo Portal.
    pub async fn delete(&self, link: LinkId) -> Result<Deletion, BelvoError> {
        let url = self.url(["api", "links", &link.to_string()]);
        match self.delete_at(&url, deletion).await {
            Err(BelvoError::NotFound { .. }) => Ok(Deletion::Gone),
            result => result,
        }
    }
}

/// A success that is none of the documented ones was not written by Belvo, and confirms nothing. Nor
/// does a 204, which any gateway can write: Belvo answers it in the mode that is not asked for.
fn deletion(answer: Response<Bytes>) -> Result<Deletion, BelvoError> {
    let what = "a deletion";
    match answer.status() {
        StatusCode::NO_CONTENT => Ok(Deletion::Requested),
        StatusCode::ACCEPTED => {
            let _: Accepted = json(what)(answer)?;
            Ok(Deletion::Requested)
        }
        _ => Err(BelvoError::Unexpected { what }),
    }
}
