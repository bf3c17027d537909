//! `POST /portal`: from the request to an address of My Belvo Portal.

use belvo::{AccessToken, PortalToken};
use domain::{ExternalId, Job};
use gateway::Context;
use jiff::Timestamp;
use lambda_http::http::Response;
use runtime::{Claims, Problem};
use serde::Serialize;
use url::Url;

use crate::handler::{Handler, created, expiry};
use crate::identity::Who;
use crate::portal_request::PortalRequest;
use crate::portal_url;
use crate::problems::{no_secret, unavailable};

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
        let portal = &self.config.portal_url;
        let opened = match PortalRequest::read(body, request_id)? {
            PortalRequest::Public => Opened {
                portal_url: portal.clone(),
                expires_at: None,
            },
            PortalRequest::Manage(who) => {
                let (user, claims) = self.caller(context).await?;
                let token = self.portal_token(&user, claims, &who, request_id).await?;
                Opened {
                    portal_url: portal_url::managing(portal, &token.access),
                    expires_at: Some(token.expires_at),
                }
            }
            PortalRequest::Renew(link, who) => {
                let (user, claims) = self.caller(context).await?;
                let renewal = self.renewal(&user, link, request_id).await?;
                // Only whoever gave the consent can renew it.
                let holder = renewal.holder.or(who.holder);
                let who = Who { holder, ..who };
                let token = self.portal_token(&user, claims, &who, request_id).await?;
                // Nobody tells when it is done, so the consent is looked at from now on.
                let job = Job::ConsentRenewal {
                    link_id: link,
                    opened_at: self.clock.now(),
                };
                self.send(&job, request_id).await?;
                Opened {
                    portal_url: portal_url::renewing(portal, &token.access, &renewal),
                    expires_at: Some(token.expires_at),
                }
            }
        };
        created(&opened).map_err(|error| unavailable(request_id, &error))
    }

    async fn portal_token(
        &self,
        user: &ExternalId,
        claims: &Claims,
        who: &Who,
        request_id: &str,
    ) -> Result<Token, Problem> {
        let now = self.clock.now();
        let identity = self.identify(claims, who, request_id)?;
        let keys = self.session_keys.get().await;
        let keys = keys.map_err(|error| no_secret("session", request_id, &error))?;
        self.count(user, &identity, &keys, now, request_id).await?;
        let token = PortalToken {
            identity: &identity,
            terms_and_conditions_url: &self.config.widget.terms_and_conditions_url,
        };
        let minted = self.belvo.create_portal_token(&token).await;
        let access = minted.map_err(|error| self.belvo_problem(&error, request_id))?;
        Ok(Token {
            access,
            expires_at: expiry(now),
        })
    }
}
