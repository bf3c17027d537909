//! `POST /portal`: from the request to an address of My Belvo Portal.

use std::error::Error;

use belvo::{AccessToken, PortalToken};
use domain::{Identity, Job, LinkId, UserScope, dedup_id};
use gateway::Context;
use jiff::Timestamp;
use lambda_http::http::{Response, StatusCode};
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
        let opened = match PortalRequest::read(body)? {
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
        let (scope, claims) = self.principal.user(context.claims).await?;
        let identity = self.identify(claims, who)?;
        if !self.is_theirs(&scope, &identity).await? {
            self.look_at_consents(&scope, context).await;
            return Ok(self.public_portal());
        }
        let token = self.portal_token(&scope, &identity).await?;
        self.look_at_consents(&scope, context).await;
        Ok(Opened {
            portal_url: portal_url::managing(&self.config.portal_url, &token.access),
            expires_at: Some(token.expires_at),
        })
    }

    async fn renew(
        &self,
        context: &Context<'_>,
        link_id: LinkId,
        who: Who,
    ) -> Result<Opened, Problem> {
        let (scope, claims) = self.principal.user(context.claims).await?;
        let renewal = self.renewal(&scope, link_id).await?;
        // Only the holder who gave the consent can renew it.
        let holder = renewal.link.holder.or(who.holder);
        let identity = self.identify(claims, &Who { holder, ..who })?;
        if !self.is_theirs_to_renew(&renewal, &identity).await? {
            self.look_at_consents(&scope, context).await;
            return Ok(self.public_portal());
        }
        let token = self.portal_token(&scope, &identity).await?;
        // Belvo sends no webhook when a renewal is done, so the fetcher reads the consent a few
        // times from now on.
        let job = Job::ConsentRenewal {
            link_id,
            opened_at: self.clock.now(),
            manages: false,
        };
        self.send(&job).await?;
        Ok(Opened {
            portal_url: portal_url::renewing(&self.config.portal_url, &token.access, &renewal),
            expires_at: Some(token.expires_at),
        })
    }

    /// Has the consents of the user read a few times from now on: any of them may be renewed or
    /// revoked, and of single links no webhook tells it. The portal opens all the same, because the
    /// way to it is the user's right, and the daily look makes up for this one.
    async fn look_at_consents(&self, scope: &UserScope, context: &Context<'_>) {
        if let Err(error) = self.queue_looks(scope).await {
            let (request_id, error) = (context.request_id, runtime::chain(&*error));
            tracing::error!(request_id, %error, "consents are not looked at soon");
        }
    }

    async fn queue_looks(&self, scope: &UserScope) -> Result<(), Box<dyn Error + Send + Sync>> {
        let opened_at = self.clock.now();
        let links = self.links.links(scope).await?;
        let bound = links.iter().filter(|link| link.is_bound());
        let jobs = bound.map(|link| {
            let job = Job::ConsentRenewal {
                link_id: link.link_id,
                opened_at,
                manages: true,
            };
            // An app may open the portal again and again; the first time counts for five minutes.
            let id = dedup_id(&["manages", &link.link_id.to_string()]);
            (job, id)
        });
        let jobs: Vec<_> = jobs.collect();
        Ok(self.queue.send_all(&jobs).await?)
    }

    async fn portal_token(&self, scope: &UserScope, identity: &Identity) -> Result<Token, Problem> {
        let now = self.clock.now();
        let keys = self.keys().await?;
        self.count(scope, identity, &keys, now).await?;
        let token = PortalToken {
            identity,
            terms_and_conditions_url: &self.config.widget.terms_and_conditions_url,
        };
        let access = match self.belvo.create_portal_token(&token).await {
            Ok(access) => access,
            Err(error) => return Err(self.belvo_problem(&error).await),
        };
        Ok(Token {
            access,
            expires_at: expiry(now),
        })
    }
}
