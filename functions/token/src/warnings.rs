//! What the app should tell its user before they connect.

use domain::guidance::Text;
use domain::{ExternalId, Holder, InstitutionName, LinkId, guidance};
use serde::Serialize;
use store::LinkRecord;

use crate::handler::Handler;

/// A bank the user has connected already: another link would spend their monthly Open Finance
/// quota once more, where the consent of the one there is could be renewed.
#[derive(Serialize)]
pub(crate) struct Warning {
    code: &'static str,
    institution: InstitutionName,
    link_id: LinkId,
    renew: Renew,
    text: Text,
}

/// A body for `POST /portal`.
#[derive(Serialize)]
struct Renew {
    mode: &'static str,
    link_id: LinkId,
}

impl Handler {
    /// A warning for each of these banks that this user has connected for this holder. It is no
    /// reason to stop: without them, the user connects as before.
    pub(crate) async fn warnings(
        &self,
        user: &ExternalId,
        holder: Holder,
        institutions: &[InstitutionName],
        request_id: &str,
    ) -> Vec<Warning> {
        if institutions.is_empty() {
            return Vec::new();
        }
        let mut links = match self.resources.links_of(user).await {
            Ok(links) => links,
            Err(error) => {
                tracing::error!(request_id, error = %runtime::chain(&error), "no links were read");
                return Vec::new();
            }
        };
        // One that Belvo has lost is served, but cannot be renewed.
        links.retain(|link| link.is_bound() && link.is_served(self.config.proof_wanted()));
        links.retain(|link| link.holder.is_none_or(|it| it == holder));
        let mut warnings: Vec<Warning> = Vec::new();
        for name in institutions {
            // A bank that is named twice is one bank.
            if warnings.iter().all(|it| it.institution != *name) {
                warnings.extend(warning(name, &links));
            }
        }
        warnings
    }
}

fn warning(institution: &InstitutionName, links: &[LinkRecord]) -> Option<Warning> {
    let theirs = links
        .iter()
        .filter(|link| link.institution.as_deref() == Some(institution.as_str()));
    // Of several, the one that is likely to be in use.
    let link_id = theirs.max_by_key(|link| link.bound_at)?.link_id;
    let advice = guidance("already_connected");
    Some(Warning {
        code: advice.code,
        institution: institution.clone(),
        link_id,
        renew: Renew {
            mode: "renew",
            link_id,
        },
        text: advice.text,
    })
}
