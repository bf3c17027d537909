//! Whether a document of a request is the user's own.
//!
//! A token of My Belvo Portal shows the consents of the documents it names, and lets them be
//! revoked. Documents from claims are vouched for by the identity provider. Documents from the body
//! are what the app's user has typed, so a link must be the evidence: one that is served, to which
//! the user's own browser came back (the proof), and whose OWNERS name the document.

use domain::link::OwnerVerdict;
use domain::{Document, Identity, Link, OwnerDocument, SigningKeys, UserScope};
use runtime::Problem;
use user_store::ConsentDetails;

use crate::handler::Handler;
use crate::renewal::Renewal;

impl Handler {
    /// Whether any link of the user is evidence for these documents.
    ///
    /// Only the user's own links are read, so the answer tells nothing about other users.
    pub(crate) async fn is_theirs(
        &self,
        scope: &UserScope,
        identity: &Identity,
    ) -> Result<bool, Problem> {
        if !self.config.proof_wanted() {
            return Ok(true);
        }
        let links = self.links.links(scope).await?;
        for link in links {
            if !self.is_owned(&link, identity).await? {
                continue;
            }
            let consent = self.consent_of(scope, &link).await?;
            if has_consented(&consent, identity) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the link that is to be renewed is evidence for these documents. Another link of the
    /// user is none: it may be of another person.
    pub(crate) async fn is_theirs_to_renew(
        &self,
        renewal: &Renewal,
        identity: &Identity,
    ) -> Result<bool, Problem> {
        if !self.config.proof_wanted() {
            return Ok(true);
        }
        let owned = self.is_owned(&renewal.link, identity).await?;
        Ok(owned && has_consented(&renewal.details, identity))
    }

    /// Whether OWNERS of a served link name the company, or the person who acts for none. LINK
    /// repeats the document that OWNERS were compared with, as a hash.
    async fn is_owned(&self, link: &Link, identity: &Identity) -> Result<bool, Problem> {
        if !link.is_served(self.config.proof_wanted()) {
            return Ok(false);
        }
        let document = identity.expected_owner();
        let keys = self.keys().await?;
        if is_matched_owner(link, &document, &keys) {
            return Ok(true);
        }
        // LINK may hold a hash under a key that this process has not read yet.
        let keys = self.session_keys.reread().await;
        let keys = keys.map_err(|error| error.problem("session"))?;
        Ok(is_matched_owner(link, &document, &keys))
    }

    async fn consent_of(&self, scope: &UserScope, link: &Link) -> Result<ConsentDetails, Problem> {
        let Some(consent) = link.consent.as_ref().and_then(|it| it.id) else {
            return Ok(ConsentDetails::default());
        };
        let details = self.links.consent(scope, link.link_id, consent).await?;
        Ok(details.unwrap_or_default())
    }
}

/// Whether OWNERS were compared with this very document, and name it. Under another verdict the hash
/// is only what the user has typed.
fn is_matched_owner(link: &Link, document: &Document, keys: &SigningKeys) -> bool {
    let owner = link.owner_document.as_ref();
    link.owner_verdict == Some(OwnerVerdict::Matched)
        && owner.is_some_and(|owner| keys.is_hash_of(document, owner))
}

/// Whether the person is the one who has consented. OWNERS of a company's link name the company
/// alone, and the token names the person as well, who may have consents of their own.
fn has_consented(consent: &ConsentDetails, identity: &Identity) -> bool {
    let person = Document::from(&identity.person.cpf);
    match identity.company {
        Some(_) => {
            let consented_by = consent.consented_by.iter();
            let mut readings = consented_by.flat_map(OwnerDocument::readings);
            readings.any(|it| *it == person)
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Cnpj, Company, Cpf, FullName, Person};
    use serde_json::{Value, json};

    const OLD: &str = "old-old-old-old-old-old-old-old-old-";
    const NEW: &str = "new-new-new-new-new-new-new-new-new-";
    const CPF: &str = "76109277673";
    const OTHER_CPF: &str = "23824264030";

    fn keys(current: &str, previous: Option<&str>) -> SigningKeys {
        let keys = json!({"current": current, "previous": previous});
        SigningKeys::from_json(&keys.to_string()).unwrap()
    }

    fn document(text: &str) -> Document {
        Document::from_text(text).unwrap()
    }

    #[test]
    fn the_owner_on_link_counts_only_after_owners_named_it() {
        let check = |verdict: Value, typed: &str, keys_now: &SigningKeys, expected: bool| {
            let owner = keys(OLD, None).hash_document(&document(CPF));
            let link = json!({
                "link_id": "2f8ca7a1-c28f-46f2-bb41-21633099a280",
                "owner_document": owner,
                "owner_verdict": verdict,
            });
            let link: Link = serde_json::from_value(link).unwrap();
            let found = is_matched_owner(&link, &document(typed), keys_now);
            assert_eq!(found, expected, "{verdict} {typed}");
        };
        let matched = || json!("matched");
        check(matched(), CPF, &keys(OLD, None), true);
        check(matched(), CPF, &keys(NEW, Some(OLD)), true);
        check(matched(), CPF, &keys(NEW, None), false);
        check(matched(), OTHER_CPF, &keys(OLD, None), false);
        check(json!("mismatched"), CPF, &keys(OLD, None), false);
        check(json!("not_checked"), CPF, &keys(OLD, None), false);
        check(Value::Null, CPF, &keys(OLD, None), false);
    }

    #[test]
    fn whoever_acts_for_a_company_must_have_consented() {
        let name = || FullName::parse("Ralph Bragg").unwrap();
        let check = |company: bool, consented_by: Option<&str>, expected: bool| {
            let identity = Identity {
                person: Person {
                    cpf: Cpf::parse(CPF).unwrap(),
                    name: name(),
                },
                company: company.then(|| Company {
                    cnpj: Cnpj::parse_in_sandbox("50685362006773").unwrap(),
                    name: name(),
                }),
            };
            let consent = ConsentDetails {
                consented_by: consented_by.and_then(OwnerDocument::read),
                ..ConsentDetails::default()
            };
            let found = has_consented(&consent, &identity);
            assert_eq!(found, expected, "{company} {consented_by:?}");
        };
        check(true, Some(CPF), true);
        check(true, Some("761.092.776-73"), true);
        check(true, Some("CPF 761.092.776\u{2011}73"), true);
        check(true, Some("00076109277673"), true);
        check(true, Some("***.092.776-**"), false);
        check(true, Some(OTHER_CPF), false);
        check(true, None, false);
        check(false, None, true);
    }
}
