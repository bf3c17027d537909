//! What My Belvo Portal must know of a consent to renew it.

use domain::link::UserStatus;
use domain::{ConsentId, Link, LinkId, UserScope};
use runtime::{Problem, ProblemKind};
use user_store::ConsentDetails;

use crate::handler::Handler;

/// A consent that can be renewed.
pub(crate) struct Renewal {
    pub(crate) link: Link,
    pub(crate) consent: ConsentId,
    pub(crate) details: ConsentDetails,
}

impl Handler {
    /// Finds the consent behind a link of this user. A link that is not served is as good as none,
    /// and one whose place another has taken needs no renewal.
    pub(crate) async fn renewal(
        &self,
        scope: &UserScope,
        link_id: LinkId,
    ) -> Result<Renewal, Problem> {
        let problem = |kind| move || Problem::new(kind);
        let link = self.links.link(scope, link_id).await;
        let link = link?
            .filter(|it| it.is_bound() && it.is_served(self.config.proof_wanted()))
            .ok_or_else(problem(ProblemKind::NotFound))?;
        let links = self.links.links(scope).await?;
        let user = UserStatus::of(&links, self.config.proof_wanted(), self.clock.now());
        if user.duplicate_of(link_id).is_some() {
            return Err(Problem::new(ProblemKind::LinkReplaced));
        }
        let consent = link.consent.as_ref().and_then(|consent| consent.id);
        let consent = consent.ok_or_else(problem(ProblemKind::NoConsent))?;
        let details = self.links.consent(scope, link_id, consent).await?;
        Ok(Renewal {
            link,
            consent,
            details: details.ok_or_else(problem(ProblemKind::NoConsent))?,
        })
    }
}
