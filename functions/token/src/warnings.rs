//! Warnings for the app to show before its user connects.

use std::collections::BTreeSet;

use domain::guidance::Text;
use domain::link::UserStatus;
use domain::{Holder, InstitutionName, Link, LinkId, UserScope, guidance};
use serde::Serialize;

use crate::handler::Handler;

/// A bank that the user has connected already. Another link would spend the monthly Open Finance
/// quota again; renewing the first link's consent would not.
#[derive(Serialize)]
pub(crate) struct Warning {
    code: &'static str,
    institution: InstitutionName,
    link_id: LinkId,
    renew: Renew,
    text: Text,
}

/// A body for `POST /portal` that renews the link's consent.
#[derive(Serialize)]
struct Renew {
    mode: &'static str,
    link_id: LinkId,
}

impl Handler {
    /// A warning for each of these banks that this user has connected for this holder. Links that
    /// cannot be read are logged, and the user connects without a warning.
    pub(crate) async fn warnings(
        &self,
        scope: &UserScope,
        holder: Holder,
        institutions: &[InstitutionName],
        request_id: &str,
    ) -> Vec<Warning> {
        if institutions.is_empty() {
            return Vec::new();
        }
        let mut links = match self.links.links(scope).await {
            Ok(links) => links,
            Err(error) => {
                tracing::error!(request_id, error = %runtime::chain(&error), "no links were read");
                return Vec::new();
            }
        };
        let proof_wanted = self.config.proof_wanted();
        let replaced: BTreeSet<LinkId> = {
            let user = UserStatus::of(&links, proof_wanted, self.clock.now());
            let ids = links.iter().map(|it| it.link_id);
            ids.filter(|it| user.duplicate_of(*it).is_some()).collect()
        };
        // A link that is gone at Belvo is still served, but cannot be renewed.
        links.retain(|link| link.is_bound() && link.is_served(proof_wanted));
        links.retain(|link| !replaced.contains(&link.link_id));
        links.retain(|link| link.holder.is_none_or(|it| it == holder));
        let mut warnings: Vec<Warning> = Vec::new();
        for name in institutions {
            // The request may name a bank twice.
            if warnings.iter().all(|it| it.institution != *name) {
                warnings.extend(warning(name, &links));
            }
        }
        warnings
    }
}

fn warning(institution: &InstitutionName, links: &[Link]) -> Option<Warning> {
    let theirs = links
        .iter()
        .filter(|link| link.institution.as_deref() == Some(institution.as_str()));
    // Of several links, the newest is the likeliest to be in use.
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
