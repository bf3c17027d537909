//! `POST /api/links/{id}/refresh/`: Belvo reads the bank again.

use domain::{LinkId, RequestId, ResourceKind};
use serde::{Deserialize, Serialize};

use crate::{Belvo, BelvoError};

impl Belvo {
    /// Makes Belvo read the bank again: these resources, or all of the link if the list is empty.
    /// Gives the `request_id` of the webhooks that follow, if Belvo names one.
    ///
    /// **This is the one call that spends the user's monthly Open Finance quota**, a unit of each
    /// resource, and all of Belvo's customers share those units. So only a user's app causes it.
    ///
    /// # Errors
    /// The call is never repeated here. After [`BelvoError::Transport`] and a status of 408 or 5xx,
    /// Belvo may have refreshed the link all the same. A second call within ten minutes is safe:
    /// `link_refreshed` then says that Belvo has. A later one may spend a second unit.
    pub async fn refresh(
        &self,
        link: LinkId,
        resources: &[ResourceKind],
    ) -> Result<Option<RequestId>, BelvoError> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            fetch_resources: &'a [ResourceKind],
        }
        let url = self.url(["api", "links", &link.to_string(), "refresh"]);
        let body = Body {
            fetch_resources: resources,
        };
        let body = serde_json::to_vec(&body);
        let body = body.map_err(|_| BelvoError::Unexpected { what: "a request" })?;
        Ok(request_id(&self.post_once(&url, &body.into()).await?))
    }
}

/// Belvo has accepted also with an answer of another form.
fn request_id(answer: &[u8]) -> Option<RequestId> {
    #[derive(Deserialize)]
    struct Accepted {
        request_id: String,
    }
    let accepted: Accepted = serde_json::from_slice(answer).ok()?;
    RequestId::parse(&accepted.request_id).ok()
}
