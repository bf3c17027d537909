//! What My Belvo Portal must know of a consent to renew it.

use domain::{ConsentId, ExternalId, LinkId};
use runtime::{Problem, ProblemKind};
use store::{ConsentDetails, LinkRecord};

use crate::handler::Handler;

/// A consent that can be renewed.
pub(crate) struct Renewal {
    pub(crate) link: LinkRecord,
    pub(crate) consent: ConsentId,
    pub(crate) details: ConsentDetails,
}

impl Handler {
    /// Finds the consent behind a link of this user. A link that is not served is as good as none.
    pub(crate) async fn renewal(
        &self,
        user: &ExternalId,
        link: LinkId,
    ) -> Result<Renewal, Problem> {
        let problem = |kind| move || Problem::new(kind);
        let record = self.resources.link_of(user, link).await;
        let record = record.map_err(Problem::unavailable)?;
        let record = record
            .filter(|it| it.is_bound() && it.is_served(self.config.proof_wanted()))
            .ok_or_else(problem(ProblemKind::NotFound))?;
        let consent = record.consent.as_ref().and_then(|consent| consent.id);
        let consent = consent.ok_or_else(problem(ProblemKind::NoConsent))?;
        let details = self.resources.consent(link, consent).await;
        let details = details.map_err(Problem::unavailable)?;
        Ok(Renewal {
            link: record,
            consent,
            details: details.ok_or_else(problem(ProblemKind::NoConsent))?,
        })
    }
}
