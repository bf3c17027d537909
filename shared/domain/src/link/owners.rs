//! What the owners that Belvo names say about the attempts of a user: theirs, surely somebody else's,
//! or not to be told.

use crate::attempt::{Attempt, AttemptRecord};
use crate::key::SigningKeys;
use crate::owner_document::OwnerDocument;
use crate::tax_id::{Cnpj, Cpf, Document};

/// An owner of a link's accounts, as OWNERS name one.
#[derive(Clone, Debug)]
pub struct NamedOwner {
    /// The owner's own document, if Belvo names it.
    pub document: Option<OwnerDocument>,
    /// Those of the people who act for the owner, by law or by a power of attorney; none of a company.
    pub procurators: Vec<OwnerDocument>,
}

/// What the owners that Belvo names say about the attempts.
#[derive(Clone, Copy, Debug)]
pub enum OwnerEvidence<'a> {
    /// One of them holds the document this attempt was for.
    Matches(&'a Attempt),
    /// None does, and one of them is related to the one that consented in this attempt.
    Related(&'a Attempt),
    /// A document among them is masked, missing or cannot be read: that owner may be the user.
    Unclear,
    /// All of them are surely somebody else.
    Differs,
    /// Belvo names no document of any owner yet.
    Missing,
}

impl<'a> OwnerEvidence<'a> {
    /// Compares the owners with a user's attempts, the likeliest first.
    pub fn of(owners: &[NamedOwner], attempts: &'a [AttemptRecord], keys: &SigningKeys) -> Self {
        let find = |is_of: &dyn Fn(&NamedOwner, &Attempt) -> bool| {
            let attempts = attempts.iter().map(|it| &it.attempt);
            let mut attempts = attempts.filter(|it| owners.iter().any(|owner| is_of(owner, it)));
            attempts.next()
        };
        if let Some(attempt) = find(&|owner, attempt| owner.is_expected(attempt, keys)) {
            return Self::Matches(attempt);
        }
        if let Some(attempt) = find(&|owner, attempt| owner.is_related(attempt, keys)) {
            return Self::Related(attempt);
        }
        let is_clear = |it: &NamedOwner| {
            let mut documents = it.procurators.iter().chain(&it.document);
            it.document.is_some() && documents.all(OwnerDocument::is_readable)
        };
        if owners.iter().all(|it| it.document.is_none()) {
            return Self::Missing;
        }
        match owners.iter().all(is_clear) {
            true => Self::Differs,
            false => Self::Unclear,
        }
    }

    /// Whether it speaks for the user.
    pub fn is_theirs(self) -> bool {
        matches!(self, Self::Matches(_) | Self::Related(_))
    }
}

impl NamedOwner {
    /// What the owner's own document can be.
    pub fn readings(&self) -> &[Document] {
        let document = self.document.as_ref();
        document.map_or(&[], OwnerDocument::readings)
    }

    /// Whether this is the owner the token was minted for.
    fn is_expected(&self, attempt: &Attempt, keys: &SigningKeys) -> bool {
        let mut readings = self.readings().iter();
        readings.any(|it| keys.is_hash_of(it, attempt.expected_owner()))
    }

    /// Whether the owner is related to the one that consented: a company's account is held by the very
    /// person who consented for it, or by a branch of the same legal person (the first eight
    /// characters of a CNPJ); or the person who consented acts for another person. Of a company it must
    /// be known which one: a person may act for many.
    fn is_related(&self, attempt: &Attempt, keys: &SigningKeys) -> bool {
        let is_person = |it: &Document| keys.is_hash_of(it, &attempt.person);
        let readings = self.readings();
        let is_cpf = |it: &Document| Cpf::parse(it.normalized()).is_ok();
        let mut acts = self.procurators.iter().flat_map(OwnerDocument::readings);
        if readings.iter().any(is_cpf) && acts.any(is_person) {
            return true;
        }
        let Some(company) = &attempt.company else {
            return false;
        };
        readings.iter().any(is_person)
            || readings.iter().any(|it| {
                let cnpj = Cnpj::parse(it.normalized()).ok();
                cnpj.is_some_and(|it| keys.is_hash_of_any(it.branches(), company))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::fixtures::{attempt, minutes};

    const CPF: &str = "76109277673";
    const OTHER_CPF: &str = "23824264030";
    const COMPANY: &str = "11222333000181";
    const BRANCH: &str = "11222333000262";

    fn owner(document: &str, procurators: &[&str]) -> NamedOwner {
        let read = |text: &str| OwnerDocument::read(text).unwrap();
        NamedOwner {
            document: OwnerDocument::read(document),
            procurators: procurators.iter().map(|text| read(text)).collect(),
        }
    }

    #[test]
    fn owners_are_theirs_or_somebody_elses_or_cannot_be_told() {
        let keys = format!(r#"{{"current":"{}"}}"#, "k".repeat(40));
        let keys = SigningKeys::from_json(&keys).unwrap();
        let hash = |text| keys.hash_document(&Document::from_text(text).unwrap());
        let mut person = attempt(1, minutes(-5));
        person.attempt.person = hash(CPF);
        let mut company = attempt(2, minutes(-6));
        company.attempt.person = hash(CPF);
        company.attempt.company = Some(hash(COMPANY));
        let check = |attempts: &[AttemptRecord], owners: &[NamedOwner], expected: &str| {
            let evidence = OwnerEvidence::of(owners, attempts, &keys);
            let shown = match evidence {
                OwnerEvidence::Matches(it) | OwnerEvidence::Related(it) => it.session_id.as_str(),
                OwnerEvidence::Unclear | OwnerEvidence::Differs | OwnerEvidence::Missing => "",
            };
            let name = format!("{evidence:?}");
            let name = name.split('(').next().unwrap();
            let shown = shown.get(..2).unwrap_or_default();
            assert_eq!(format!("{name} {shown}").trim(), expected, "{owners:?}");
        };
        let (person, company) = (&[person][..], &[company][..]);
        let both = [company, person].concat();
        check(person, &[], "Missing");
        check(person, &[owner(CPF, &[])], "Matches 01");
        check(
            person,
            &[owner(OTHER_CPF, &[]), owner(CPF, &[])],
            "Matches 01",
        );
        check(&both, &[owner(CPF, &[])], "Matches 01");
        check(&both, &[owner(COMPANY, &[])], "Matches 02");
        check(company, &[owner(CPF, &[])], "Related 02");
        check(company, &[owner(BRANCH, &[])], "Related 02");
        check(person, &[owner(OTHER_CPF, &[CPF])], "Related 01");
        check(person, &[owner(OTHER_CPF, &[])], "Differs");
        check(person, &[owner(BRANCH, &[])], "Differs");
        check(company, &[owner(OTHER_CPF, &[])], "Differs");
        check(company, &[owner("11444777000161", &[CPF])], "Differs");
        check(person, &[owner("***.092.776-**", &[])], "Unclear");
        check(person, &[owner(OTHER_CPF, &["***.092.776-**"])], "Unclear");
        check(person, &[owner(OTHER_CPF, &[]), owner("1", &[])], "Unclear");
        check(person, &[owner("", &[]), owner("", &[])], "Missing");
        check(person, &[owner("", &[]), owner(CPF, &[])], "Matches 01");
        check(person, &[owner(OTHER_CPF, &[]), owner("", &[])], "Unclear");
        check(person, &[owner("", &[OTHER_CPF])], "Missing");
        check(person, &[owner("XXXXX333000156", &[])], "Unclear");
    }
}
