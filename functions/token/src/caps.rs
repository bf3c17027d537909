//! How many tokens a user, and a CPF or CNPJ, may get in an hour.

use domain::{Document, Identity, SigningKeys, UserScope};
use jiff::Timestamp;
use runtime::{Metric, Problem, ProblemKind};
use user_store::Cap;

use crate::handler::Handler;

impl Handler {
    /// Each link spends a person's monthly Open Finance quota, and each token opens a person's
    /// consents: both are capped, together.
    pub(crate) async fn count(
        &self,
        scope: &UserScope,
        identity: &Identity,
        keys: &SigningKeys,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let person = Document::from(&identity.person.cpf);
        let company = identity.company.as_ref();
        let company = company.map(|company| Document::from(&company.cnpj));
        let documents = std::iter::once(person).chain(company);
        let hashes: Vec<_> = documents.map(|it| keys.hash_document(&it)).collect();
        let user = (Cap::User(scope), self.config.attempts_per_user);
        let per_document = self.config.attempts_per_document;
        let caps = hashes
            .iter()
            .map(|hash| (Cap::Document(hash), per_document));
        for (cap, limit) in std::iter::once(user).chain(caps) {
            let counted = self.connections.count(cap, limit, now).await;
            if !counted? {
                runtime::count(Metric::AttemptCapped, now);
                let rest = 3600 - now.as_second().rem_euclid(3600);
                return Err(Problem::new(ProblemKind::TooManyAttempts)
                    .retry_after(u32::try_from(rest).unwrap_or(3600)));
            }
        }
        Ok(())
    }
}
