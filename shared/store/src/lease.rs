//! The right of a job to a link, and to the rows of the user it is bound to.

use domain::{ExternalId, Link, LinkId};

/// The right to change the records of a link, until a later job acquires it.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    pub(crate) link_id: LinkId,
    /// Raised by each job: a fenced write of an earlier one fails.
    pub(crate) fencing_token: u64,
}

/// The right to read and change the rows of a link, which lie under its user.
#[derive(Clone, Debug)]
pub struct BoundLink {
    pub(crate) lease: Lease,
    pub(crate) external_id: ExternalId,
}

impl Lease {
    /// The right to the rows of this very link, if it is bound to a user.
    pub fn bound(&self, link: &Link) -> Option<BoundLink> {
        let external_id = link.external_id.clone()?;
        let bound = link.link_id == self.link_id && link.is_bound();
        bound.then_some(BoundLink {
            lease: *self,
            external_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const LINK: &str = "30cb4806-6e00-48a4-91c9-ca55968576c8";
    const OTHER: &str = "2f8ca7a1-c28f-46f2-bb41-21633099a280";

    #[test]
    fn only_a_bound_link_gives_a_right_to_rows_and_only_to_its_own() {
        let lease = Lease {
            link_id: LinkId::parse(LINK).unwrap(),
            fencing_token: 7,
        };
        let check = |record: Value, expected: Option<&str>| {
            let record: Link = serde_json::from_value(record).unwrap();
            let bound = lease.bound(&record);
            let user = bound.as_ref().map(|it| it.external_id.as_str());
            assert_eq!(user, expected, "{record:?}");
        };
        check(
            json!({"link_id": LINK, "status": "bound", "external_id": "user-1"}),
            Some("user-1"),
        );
        check(json!({"link_id": LINK, "status": "bound"}), None);
        for status in [
            "announced",
            "awaiting_owner",
            "quarantined",
            "unclaimed",
            "gone",
        ] {
            check(
                json!({"link_id": LINK, "status": status, "external_id": "user-1"}),
                None,
            );
        }
        check(
            json!({"link_id": OTHER, "status": "bound", "external_id": "user-1"}),
            None,
        );
    }
}
