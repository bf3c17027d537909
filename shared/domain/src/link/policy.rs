//! What the customer decided about links.

use crate::resource::ResourceSet;

/// What the customer decided. The rules of a link take it as an argument.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What Belvo retrieves for links, unless Belvo's record of a link says otherwise.
    pub fetch_resources: ResourceSet,
    pub owner_check: OwnerCheck,
    /// Whether a link needs no attempt to connect of ours.
    pub adopt_existing_links: bool,
    /// How many days before the last sync an incremental sync begins.
    pub transaction_window_days: u16,
    /// For how many days the data of a link stays that Belvo has deleted.
    pub deleted_link_days: u16,
}

/// What the owner of a link's accounts must have to do with its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerCheck {
    /// The owner holds the document the token was minted for; otherwise nothing is stored.
    Required,
    /// The verdict is recorded, and the data is stored in any case.
    Warn,
    /// Owners are not compared.
    Off,
}
