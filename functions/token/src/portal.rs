//! `POST /portal`: from the request to an address of My Belvo Portal.

use belvo::{AccessToken, PortalToken};
use domain::{ExternalId, Job};
use gateway::Context;
use jiff::Timestamp;
use lambda_http::http::{Response, StatusCode};
use runtime::{Claims, Problem};
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
        let portal = &self.config.portal_url;
        let opened = match PortalRequest::read(body)? {
            PortalRequest::Public => Opened {
                portal_url: portal.clone(),
                expires_at: None,
            },
            PortalRequest::Manage(who) => {
                let (user, claims) = self.caller.user(context.claims).await?;
                let token = self.portal_token(&user, claims, &who).await?;
                Opened {
                    portal_url: portal_url::managing(portal, &token.access),
                    expires_at: Some(token.expires_at),
                }
            }
            PortalRequest::Renew(link, who) => {
                let (user, claims) = self.caller.user(context.claims).await?;
                let renewal = self.renewal(&user, link).await?;
                // Only whoever gave the consent can renew it.
                let holder = renewal.holder.or(who.holder);
                let who = Who { holder, ..who };
                let token = self.portal_token(&user, claims, &who).await?;
                // Nobody tells when it is done, so the consent is looked at from now on.
                let job = Job::ConsentRenewal {
                    link_id: link,
                    opened_at: self.clock.now(),
                };
                self.send(&job).await?;
                Opened {
                    portal_url: portal_url::renewing(portal, &token.access, &renewal),
                    expires_at: Some(token.expires_at),
                }
            }
        };
        Ok(gateway::json(StatusCode::CREATED, &opened))
    }

    async fn portal_token(
        &self,
        user: &ExternalId,
        claims: &Claims,
        who: &Who,
    ) -> Result<Token, Problem> {
        let now = self.clock.now();
        let identity = self.identify(claims, who)?;
        let keys = self.keys().await?;
        self.count(user, &identity, &keys, now).await?;
        let token = PortalToken {
            identity: &identity,
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
