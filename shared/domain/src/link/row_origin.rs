//! Whose a row of Belvo's is.
//!
//! Belvo filters its lists by link, and a filter can be ignored: then a list holds the rows of every
//! user. So a row counts for what it says itself. One that names another link is refused, and one
//! that names none is believed only while something else shows that the list is filtered.

use std::collections::BTreeSet;

use super::state::Link;
use super::tally::Tally;
use crate::id::{ExternalId, LinkId};

/// A slip of a bank or of Belvo misplaces a few rows. A list with more of them was not filtered, and
/// may hold the rows of all users.
const MOST_MISPLACED: u64 = 50;

/// The links and users that a row names, what is embedded in it included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowNames {
    pub links: BTreeSet<LinkId>,
    pub users: BTreeSet<String>,
    /// Whether it names a link by something that is no id of a link.
    pub unreadable: bool,
}

/// Whose a row is that was asked for as a link's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrigin {
    /// It names the link.
    Own,
    /// It names a link of the same user and person at the same bank, which this one has renewed.
    Renewed,
    /// It names no link.
    Unnamed,
    /// It names another link, or another user.
    Foreign,
}

impl Link {
    /// Whose a row is. `user` is the link's, as far as that is known; `renewed` are the links that
    /// [`Self::has_renewed`] was found to hold for.
    pub fn row_origin(
        &self,
        names: &RowNames,
        user: Option<&ExternalId>,
        renewed: impl Fn(LinkId) -> bool,
    ) -> RowOrigin {
        let is_other = |user: &ExternalId| names.users.iter().any(|it| it != user.as_str());
        let mut others = names.links.iter().filter(|id| **id != self.link_id);
        if names.unreadable || user.is_some_and(is_other) || !others.all(|id| renewed(*id)) {
            RowOrigin::Foreign
        } else if names.links.contains(&self.link_id) {
            RowOrigin::Own
        } else if names.links.is_empty() {
            RowOrigin::Unnamed
        } else {
            RowOrigin::Renewed
        }
    }

    /// Whether rows of the other link can come as rows of this one, which is this user's: Belvo may
    /// keep the rows of a person at a bank when they consent again and get a new link.
    pub fn has_renewed(&self, other: &Self, user: &ExternalId) -> bool {
        let person = self.institution_user_id.as_ref();
        let person = person.filter(|it| !it.is_empty());
        let same_person = person.is_some() && person == other.institution_user_id.as_ref();
        let same_user = other.external_id.as_ref() == Some(user) && other.bound_at.is_some();
        same_person && same_user && other.erase.is_none()
    }
}

impl Tally {
    /// Whether the rows of others are too many for a list that is filtered.
    pub fn shows_no_filter(&self) -> bool {
        self.foreign_rows > MOST_MISPLACED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::EraseMark;
    use crate::link::fixtures::*;

    fn names(links: &[u8], users: &[&str]) -> RowNames {
        RowNames {
            links: links.iter().map(|it| link_id(*it)).collect(),
            users: users.iter().map(|it| (*it).to_owned()).collect(),
            unreadable: false,
        }
    }

    /// Of link 1, which has renewed link 2.
    #[track_caller]
    fn check(names: &RowNames, expected: RowOrigin) {
        let renewed = |id| id == link_id(2);
        let origin = bound().row_origin(names, Some(&user(1)), renewed);
        assert_eq!(origin, expected, "{names:?}");
    }

    #[test]
    fn a_row_is_of_the_link_it_names() {
        use RowOrigin::{Foreign, Own, Renewed, Unnamed};
        for (links, expected) in [
            (&[][..], Unnamed),
            (&[1], Own),
            (&[2], Renewed),
            (&[3], Foreign),
            (&[1, 2], Own),
            (&[1, 3], Foreign),
            (&[2, 3], Foreign),
        ] {
            check(&names(links, &[]), expected);
            check(&names(links, &["user-1"]), expected);
            check(&names(links, &["user-2"]), Foreign);
            check(&names(links, &["user-1", "user-2"]), Foreign);
            let unreadable = RowNames {
                unreadable: true,
                ..names(links, &[])
            };
            check(&unreadable, Foreign);
        }
        // Before it is settled whose the link is, no user is another one.
        let of_user = names(&[1], &["user-2"]);
        assert_eq!(bound().row_origin(&of_user, None, |_| false), Own);
    }

    #[test]
    fn a_link_renews_one_of_the_same_user_and_person_that_is_not_erased() {
        let of_person = |number: u8, person: Option<&str>| {
            let mut link = bound();
            link.link_id = link_id(number);
            link.institution_user_id = person.map(str::to_owned);
            link
        };
        let check = |mine: Option<&str>, other: Link, expected: bool| {
            let link = of_person(1, mine);
            let renewed = link.has_renewed(&other, &user(1));
            assert_eq!(renewed, expected, "{mine:?} {other:?}");
        };
        let earlier = || of_person(2, Some("person"));
        check(Some("person"), earlier(), true);
        check(Some("another"), earlier(), false);
        check(None, earlier(), false);
        check(None, of_person(2, None), false);
        check(Some(""), of_person(2, Some("")), false);
        let anothers = Link {
            external_id: Some(user(2)),
            ..earlier()
        };
        check(Some("person"), anothers, false);
        let never_bound = Link {
            bound_at: None,
            ..earlier()
        };
        check(Some("person"), never_bound, false);
        let erased = Link {
            erase: Some(EraseMark {
                receipt_id: "30cb4806-6e00-48a4-91c9-ca5596857001"
                    .to_owned()
                    .try_into()
                    .unwrap(),
                requested_at: now(),
            }),
            ..earlier()
        };
        check(Some("person"), erased, false);
    }

    #[test]
    fn fifty_rows_of_others_are_misplaced_and_more_were_not_filtered() {
        for (foreign_rows, expected) in [(0, false), (50, false), (51, true)] {
            let tally = Tally {
                foreign_rows,
                ..Tally::default()
            };
            assert_eq!(tally.shows_no_filter(), expected, "{foreign_rows}");
        }
    }
}
