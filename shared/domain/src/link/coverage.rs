//! Which of a person's links at a bank shows what, where everything of a user is shown.
//!
//! Belvo gives the links of one person at one bank the same `institution_user_id`. They need not
//! hold the same accounts, because the person chooses them at each consent. Of an account that
//! several hold, the first of them shows the days it covers, and the next one the days that are left.
//! Rows are not compared: the same movement has another id in each link.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::held_account::{AccountDays, HeldAccount, MAX_ACCOUNTS};
use super::state::Link;
use crate::id::LinkId;
use crate::resource::ResourceKind;

/// What other links show of the accounts of one, by account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShownElsewhere {
    accounts: BTreeMap<String, Covered>,
    /// Up to which day the link shows anything itself, if the rest is known.
    last_day: Option<Date>,
}

/// What other links show of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Covered {
    /// Of the days on which the link has transactions of it.
    days: Vec<AccountDays>,
    /// Whether they show its pending movements.
    pending: bool,
}

/// How a link does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// New data comes.
    Good,
    /// Not every resource was synced yet.
    Loading,
    /// No new data comes unless the user acts.
    Broken,
}

/// A link that is served, and how it does.
#[derive(Clone, Copy)]
pub(super) struct Ranked<'a> {
    pub(super) link: &'a Link,
    pub(super) health: Health,
}

/// What follows from the links of a user for each other.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    pub(super) elsewhere: BTreeMap<LinkId, ShownElsewhere>,
    /// For a link, the one that has taken its place.
    pub(super) successors: BTreeMap<LinkId, LinkId>,
}

impl ShownElsewhere {
    /// Whether another link shows this day of the account. A movement without a day is pending.
    pub fn has(&self, account: &str, day: Option<Date>) -> bool {
        self.accounts.get(account).is_some_and(|it| match day {
            Some(day) => it.days.iter().any(|days| days.contains(day)),
            None => it.pending,
        })
    }

    /// Up to which day the link shows anything itself; `None` if that is not known.
    pub fn last_day(&self) -> Option<Date> {
        self.last_day
    }
}

impl Coverage {
    /// Over these links of one user.
    pub(super) fn of(links: &[Ranked<'_>]) -> Self {
        let renewals = renewals(links);
        let mut coverage = Self::default();
        for ranked in by_person(links).into_values() {
            for (position, it) in ranked.iter().enumerate() {
                let (before, _) = ranked.split_at(position);
                let counts = |it: &&Ranked<'_>| !renewals.contains_key(&it.link.link_id);
                if let Some(successor) = successor(it, before, ranked.iter(), counts) {
                    coverage.successors.insert(it.link.link_id, successor);
                }
                if !before.is_empty() {
                    let elsewhere = shown_elsewhere(it.link, before);
                    coverage.elsewhere.insert(it.link.link_id, elsewhere);
                }
            }
        }
        coverage.successors.extend(renewals);
        coverage
    }
}

/// For each link that was renewed as another one, the newest of those, whatever accounts it holds:
/// the user has chosen them anew.
fn renewals(links: &[Ranked<'_>]) -> BTreeMap<LinkId, LinkId> {
    let mut newest_last: Vec<&Link> = links.iter().map(|it| it.link).collect();
    newest_last.sort_by_key(|it| (it.created_at, it.link_id));
    let pairs = newest_last.into_iter();
    pairs
        .filter_map(|it| Some((it.replaces?, it.link_id)))
        .collect()
}

/// The links of each person at a bank, the one that counts first: it has a statement, is healthy,
/// and is the newest of those.
fn by_person<'a>(links: &[Ranked<'a>]) -> BTreeMap<&'a str, Vec<Ranked<'a>>> {
    let mut persons: BTreeMap<&str, Vec<Ranked<'_>>> = BTreeMap::new();
    for it in links {
        let person = it.link.institution_user_id.as_deref();
        if let Some(person) = person.filter(|it| !it.is_empty()) {
            persons.entry(person).or_default().push(*it);
        }
    }
    for ranked in persons.values_mut() {
        ranked.sort_by_key(|it| {
            let made = (it.link.created_at, it.link.link_id);
            Reverse((has_statement(it.link), it.is_healthy(), made))
        });
    }
    persons
}

impl Ranked<'_> {
    fn is_healthy(&self) -> bool {
        self.health == Health::Good
    }

    fn is_broken(&self) -> bool {
        self.health == Health::Broken
    }

    fn is_loading(&self) -> bool {
        self.health == Health::Loading
    }

    fn made_at(&self) -> Option<Timestamp> {
        self.link.created_at
    }
}

/// The healthy link that holds every account of this one, or the best of several that do together.
/// A broken link is also followed by a newer one whose accounts are not known yet, because the user
/// has most likely done what was asked. Only links that `counts` holds for are considered.
fn successor<'a>(
    it: &Ranked<'_>,
    before: &[Ranked<'_>],
    all: impl Iterator<Item = &'a Ranked<'a>>,
    counts: impl Fn(&&Ranked<'_>) -> bool,
) -> Option<LinkId> {
    let is_newer = |other: &&Ranked<'_>| it.is_broken() && other.made_at() > it.made_at();
    let newer: Vec<&Ranked<'_>> = all.filter(is_newer).filter(&counts).collect();
    let is_on_its_way = |it: &&&Ranked<'_>| it.is_loading() && !has_accounts(it.link);
    if let Some(expected) = newer.iter().find(is_on_its_way) {
        return Some(expected.link.link_id);
    }
    let accounts = &it.link.accounts;
    if accounts.is_empty() {
        // Nothing of it can be missing. What was stored by an older release is not known.
        let healthy = newer.iter().find(|other| other.is_healthy());
        let holds_none = stored_accounts(it.link) == 0;
        return Some(healthy.filter(|_| holds_none)?.link.link_id);
    }
    let healthy = before.iter().filter(|other| other.is_healthy());
    let healthy: Vec<&Ranked<'_>> = healthy.filter(&counts).collect();
    let holds = |other: &Ranked<'_>, account: &str| it.link.twin_in(account, other.link).is_some();
    let mut ids = accounts.keys();
    let is_covered = ids.all(|id| healthy.iter().any(|other| holds(other, id)));
    let mut best = healthy.iter();
    let best = best.find(|other| accounts.keys().any(|id| holds(other, id)));
    let may_follow = is_covered && !it.is_loading();
    Some(best.filter(|_| may_follow)?.link.link_id)
}

/// What the links before this one in rank show of its accounts.
fn shown_elsewhere(link: &Link, before: &[Ranked<'_>]) -> ShownElsewhere {
    let accounts = link.accounts.iter().map(|(account, held)| {
        let twins = before.iter().filter_map(|other| {
            let twin = link.twin_in(account, other.link)?;
            Some((other, other.link.accounts.get(twin)?.days?))
        });
        let mut covered = Covered::default();
        for (other, days) in twins {
            covered.pending |= other.is_healthy();
            let both = held.days.and_then(|held| held.of_both(days));
            covered.days.extend(both);
        }
        (account.clone(), covered)
    });
    let accounts: BTreeMap<String, Covered> = accounts.collect();
    ShownElsewhere {
        last_day: last_day(link, &accounts),
        accounts,
    }
}

/// The day before other links show all that is left of every account of this one.
fn last_day(link: &Link, elsewhere: &BTreeMap<String, Covered>) -> Option<Date> {
    if link.accounts.len() >= MAX_ACCOUNTS {
        return None;
    }
    let with_days = |(account, held): (&String, &HeldAccount)| Some((account.clone(), held.days?));
    let with_days = link.accounts.iter().filter_map(with_days);
    let from = with_days.map(|(account, held)| {
        let days = elsewhere.get(&account)?.days.iter();
        let to_the_end = days.filter(|it| it.last == held.last);
        to_the_end.map(|it| it.first).min()
    });
    // One account that goes on leaves it open.
    let from: Option<Vec<Date>> = from.collect();
    from?.into_iter().max()?.yesterday().ok()
}

/// Whether its statement was read, and Belvo still gives it.
fn has_statement(link: &Link) -> bool {
    let statement = link.resources.get(&ResourceKind::Transactions);
    statement.is_some_and(|it| it.last_sync.is_some() && it.declined.is_none())
}

/// Whether it is known which accounts it holds, or that Belvo does not give them.
fn has_accounts(link: &Link) -> bool {
    let accounts = link.resources.get(&ResourceKind::Accounts);
    accounts.is_some_and(super::resource::Resource::is_settled)
}

fn stored_accounts(link: &Link) -> u64 {
    let accounts = link.resources.get(&ResourceKind::Accounts);
    accounts.map_or(0, |it| it.rows)
}

#[cfg(test)]
mod tests;
