//! `POST /api/links/{id}/refresh/`: Belvo reads the bank again.

use domain::{LinkId, RequestId, ResourceKind};
use serde::Serialize;

use crate::calls::Accepted;
use crate::{Belvo, BelvoError};

impl Belvo {
    /// Makes Belvo read the bank again: these resources, or all of the link if the list is empty.
    /// Gives the `request_id` of the webhooks that follow, if Belvo names one.
    ///
    /// **This is the one call that spends the user's monthly Open Finance quota**, a unit of each
    /// resource, and those units are shared with everybody who asks through Belvo. So it is made
    /// only because the user has asked for it.
    ///
    /// # Errors
    /// The call is never repeated here, because one that failed may have been made all the same:
    /// after [`BelvoError::Transport`], [`BelvoError::Gateway`], [`BelvoError::Unexpected`] and a
    /// status of 408 or 5xx its fate is unknown. Asking again within ten minutes is safe, and
    /// `link_refreshed` then says that it was made; later it may spend twice.
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
        let body = body.into();
        let accepted: Accepted = self.post_once(&url, &body, "a refresh").await?;
        Ok(RequestId::parse(&accepted.request_id).ok())
    }
}
