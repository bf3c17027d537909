//! CONSENT: what the user allowed, and until when.

use std::collections::BTreeMap;

use domain::{ConsentId, LinkId, OwnerDocument};

use crate::item::{self, Item, number_of, text_of};

/// What the sort key of the record begins with.
pub const PREFIX: &str = "CONSENT#";

/// What a user sees of a consent, and whose it is. Members of another form than documented are left
/// out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentDetails {
    /// The CPF of the person who consented, also where that person acts for a company (Belvo's
    /// `document_number`). It is compared, and shown to no user.
    pub consented_by: Option<OwnerDocument>,
    /// Belvo's name of the bank.
    pub institution: Option<String>,
    /// The bank's name as people know it.
    pub institution_display_name: Option<String>,
    /// Where its logo is.
    pub institution_icon_logo: Option<String>,
    /// Whether it has no end.
    pub indefinite: Option<bool>,
    /// What was allowed, by group.
    pub permissions: BTreeMap<String, Vec<String>>,
}

/// The key of the record.
pub fn key(link_id: LinkId, id: ConsentId) -> Item {
    let record = format!("{PREFIX}{id}");
    item::key(("link_id", link_id), ("record", record))
}

/// The consent of a sort key.
pub fn parse_sort_key(key: &str) -> Option<ConsentId> {
    ConsentId::parse(key.strip_prefix(PREFIX)?).ok()
}

/// A text, or a number that has lost its leading zeros.
fn document(data: &Item) -> Option<OwnerDocument> {
    let number = || number_of::<u64>(data, "document_number").map(|it| it.to_string());
    match text_of(data, "document_number") {
        Some(text) => OwnerDocument::read(text),
        None => OwnerDocument::read(&number()?),
    }
}

/// What a user sees of a stored consent.
pub fn details(data: &Item) -> ConsentDetails {
    let text = |name: &str| text_of(data, name).map(str::to_owned);
    let groups = data.get("permissions").and_then(|it| it.as_m().ok());
    let permissions = groups.into_iter().flatten().filter_map(|(group, list)| {
        let names = list.as_l().ok()?.iter();
        let names = names.filter_map(|name| name.as_s().ok().cloned());
        Some((group.clone(), names.collect()))
    });
    ConsentDetails {
        consented_by: document(data),
        institution: text("belvo_institution_name"),
        institution_display_name: text("institution_display_name"),
        institution_icon_logo: text("institution_icon_logo"),
        indefinite: data
            .get("undefined_consent_expiration")
            .and_then(|it| it.as_bool().ok().copied()),
        permissions: permissions.collect(),
    }
}
