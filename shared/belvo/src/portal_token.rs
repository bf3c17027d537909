//! The token that opens My Belvo Portal, where people see, renew and revoke their consents.

use domain::Identity;
use serde::Serialize;
use url::Url;

use crate::token::{AccessToken, Terms};
use crate::{Belvo, BelvoError};

/// Exactly what Belvo's guide prints for managing consents.
const SCOPES: &str = "read_consents,write_consents,write_consent_callback";

/// The person, or the company, whose consents the portal shows.
#[derive(Clone, Copy, Debug)]
pub struct PortalToken<'a> {
    pub identity: &'a Identity,
    pub terms_and_conditions_url: &'a Url,
}

impl Belvo {
    /// Mints a token for My Belvo Portal. One kind of token serves managing and renewing.
    pub async fn create_portal_token(
        &self,
        token: &PortalToken<'_>,
    ) -> Result<AccessToken, BelvoError> {
        #[derive(Serialize)]
        struct Request<'a> {
            scopes: &'static str,
            widget: Widget<'a>,
        }
        #[derive(Serialize)]
        struct Widget<'a> {
            openfinance_feature: &'static str,
            consent: Terms<'a>,
        }
        let consent = Terms::new(token.identity, token.terms_and_conditions_url);
        self.mint(&Request {
            scopes: SCOPES,
            widget: Widget {
                openfinance_feature: "consent_management",
                consent,
            },
        })
        .await
    }
}
