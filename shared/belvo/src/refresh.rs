//! `POST /api/links/{id}/refresh/`: Belvo reads the bank again.

use domain::{LinkId, RequestId, ResourceKind};
use serde::{Deserialize, Serialize};

use crate::{Belvo, BelvoError};

impl Belvo {
    /// Makes Belvo read the bank again: these resources or, without any, all of the link.
    /// The id that comes back is the `request_id` of the webhooks that follow.
    ///
    /// **This is the one call that spends the user's monthly Open Finance quota**, a unit of each
    /// resource, and those units are shared with everybody who asks through Belvo. So it is made
    /// only because somebody has asked for it.
    ///
    /// # Errors
    /// The call is never repeated here, because one that failed may have been made all the same:
    /// after [`BelvoError::Transport`] and a status of 408 or 5xx nobody knows. Asking again within
    /// ten minutes is safe, and `link_refreshed` then says that it was made; later it may spend
    /// twice.
    pub async fn refresh(
        &self,
        link: LinkId,
        resources: &[ResourceKind],
    ) -> Result<Option<RequestId>, BelvoError> {
        #[derive(Serialize)]
        struct Wish<'a> {
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            fetch_resources: &'a [ResourceKind],
        }
        let url = self.url(["api", "links", &link.to_string(), "refresh"]);
        let wish = Wish {
            fetch_resources: resources,
        };
        let wish = serde_json::to_vec(&wish);
        let wish = wish.map_err(|_| BelvoError::Unexpected { what: "a request" })?;
        Ok(request_id(&self.post_once(&url, &wish.into()).await?))
    }
}

/// Belvo has accepted, whatever its answer looks like.
fn request_id(answer: &[u8]) -> Option<RequestId> {
    #[derive(Deserialize)]
    struct Accepted {
        request_id: String,
    }
    let accepted: Accepted = serde_json::from_slice(answer).ok()?;
    RequestId::parse(&accepted.request_id).ok()
}
