//! The pending work of a link.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::resource::ResourceKind;

/// How much of a resource a sync reads. A larger one includes the smaller ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// What can have changed since the last sync.
    Incremental,
    /// The whole list.
    #[serde(alias = "recheck")]
    Full,
}

/// The pending work of a link. A job that cannot do it leaves it here for a later one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pending {
    /// Belvo's record of the link must be read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub link: bool,
    /// The consents behind the link must be read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub consents: bool,
    /// Resources to sync.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<ResourceKind, SyncMode>,
}

impl Pending {
    /// Asks for a sync. Of several requests for one resource the largest mode counts.
    pub fn request_sync(&mut self, kind: ResourceKind, mode: SyncMode) {
        let known = self.resources.entry(kind).or_insert(mode);
        *known = mode.max(*known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_requested_mode_counts() {
        use SyncMode::{Full, Incremental};
        let check = |requests: &[SyncMode], expected| {
            let mut pending = Pending::default();
            for mode in requests {
                pending.request_sync(ResourceKind::Bills, *mode);
            }
            assert_eq!(pending.resources.get(&ResourceKind::Bills), expected);
        };
        check(&[], None);
        check(&[Incremental], Some(&Incremental));
        check(&[Incremental, Full], Some(&Full));
        check(&[Full, Incremental], Some(&Full));
    }

    #[test]
    fn nothing_pending_is_stored_as_an_empty_object() {
        let nothing = serde_json::to_string(&Pending::default()).unwrap();
        assert_eq!(nothing, "{}");
        assert_eq!(
            serde_json::from_str::<Pending>(&nothing).unwrap(),
            Pending::default()
        );
    }
}
