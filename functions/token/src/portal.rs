//! `POST /portal`: from the request to an address of My Belvo Portal.

use belvo::{AccessToken, PortalToken};
use domain::{ExternalId, Identity, Job, LinkId};
use gateway::Context;
use jiff::Timestamp;
use lambda_http::http::Response;
use runtime::Problem;
use serde::Serialize;
use url::Url;

use crate::handler::{Handler, expiry};
use crate::identity::Who;
use crate::portal_request::PortalRequest;
use crate::portal_url;

#[derive(Serialize)]
struct Opened {
    portal_url: Url,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

struct Token {
    access: AccessToken,
    expires_at: Timestamp,
}

impl Handler {
    /// Answers `POST /portal`.
    pub(crate) async fn open_portal(
        &self,
        context: &Context<'_>,
        body: &[u8],
    ) -> Result<Response<String>, Problem> {
        let request_id = context.request_id;
        let opened = match PortalRequest::read(body, request_id)? {
            PortalRequest::Public => self.public_portal(),
            PortalRequest::Manage(who) => self.manage(context, &who).await?,
            PortalRequest::Renew(link, who) => self.renew(context, link, who).await?,
        };
        Ok(gateway::json(StatusCode::CREATED, &opened))
    }

    /// The portal that asks who the user is. It is also the answer for documents that are not
    /// proven to be the user's: no token is minted, so there is none to count.
    fn public_portal(&self) -> Opened {
        Opened {
            portal_url: self.config.portal_url.clone(),
            expires_at: None,
        }
    }

    async fn manage(&self, context: &Context<'_>, who: &Who) -> Result<Opened, Problem> {
        let request_id = context.request_id;
        let (user, claims) = self.caller(context).await?;
        let identity = self.identify(claims, who, request_id)?;
        if !self.is_theirs(&user, &identity, request_id).await? {
            return Ok(self.public_portal());
        }
        let token = self.portal_token(&user, &identity, request_id).await?;
        Ok(Opened {
            portal_url: portal_url::managing(&self.config.portal_url, &token.access),
            expires_at: Some(token.expires_at),
        })
    }

    async fn renew(
        &self,
        context: &Context<'_>,
        link: LinkId,
        who: Who,
    ) -> Result<Opened, Problem> {
        let request_id = context.request_id;
        let (user, claims) = self.caller(context).await?;
        let renewal = self.renewal(&user, link, request_id).await?;
        // Only whoever gave the consent can renew it.
        let holder = renewal.link.holder.or(who.holder);
        let identity = self.identify(claims, &Who { holder, ..who }, request_id)?;
        let theirs = self.is_theirs_to_renew(&renewal, &identity, request_id);
        if !theirs.await? {
            return Ok(self.public_portal());
        }
        let token = self.portal_token(&user, &identity, request_id).await?;
        // Belvo sends no webhook when a renewal is done, so the fetcher looks at the consent from
        // now on.
        let job = Job::ConsentRenewal {
            link_id: link,
            opened_at: self.clock.now(),
        };
        self.send(&job, request_id).await?;
        Ok(Opened {
            portal_url: portal_url::renewing(&self.config.portal_url, &token.access, &renewal),
            expires_at: Some(token.expires_at),
        })
    }

    async fn portal_token(
        &self,
        user: &ExternalId,
        identity: &Identity,
        request_id: &str,
    ) -> Result<Token, Problem> {
        let now = self.clock.now();
        let keys = self.session_keys.get().await;
        let keys = keys.map_err(|error| no_secret("session", request_id, &error))?;
        self.count(user, identity, &keys, now, request_id).await?;
        let token = PortalToken {
            identity,
            terms_and_conditions_url: &self.config.widget.terms_and_conditions_url,
        };
        let minted = self.belvo.create_portal_token(&token).await;
        let access = minted.map_err(|error| self.belvo_problem(&error))?;
        Ok(Token {
            access,
            expires_at: expiry(now),
        })
    }
}
