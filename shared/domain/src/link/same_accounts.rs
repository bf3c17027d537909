//! Which accounts of a link are the same as those of other links of the person at the bank, and of
//! which days their transactions are stored.
//!
//! What tells an account from others is compared in memory; LINK gets ids.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::held_account::{AccountDays, HeldAccount, MAX_ACCOUNTS};
use super::state::Link;
use crate::id::LinkId;

/// What tells an account from others of the same person at the same bank. It has no `Debug`:
/// whatever prints it prints bank data.
#[derive(Clone)]
pub struct AccountIdentity {
    id: String,
    /// The bank's own id.
    internal: Option<String>,
    /// Category, agency and number.
    number: Option<String>,
}

impl AccountIdentity {
    /// What Belvo's object says; nothing, if it has no id.
    pub fn read(object: &str) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_str(object).ok()?;
        let word = |name: &str| fields.get(name).and_then(word);
        let number = word("number").zip(word("category"));
        let agency = word("agency").unwrap_or_default();
        Some(Self {
            id: fields.get("id")?.as_str()?.to_owned(),
            internal: word("internal_identification"),
            number: number.map(|(number, category)| format!("{category} {agency} {number}")),
        })
    }

    /// Belvo's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same account among those of another link. What fits two accounts of one link tells
    /// nothing.
    fn twin<'a>(&self, own: &[Self], others: &'a [Self]) -> Option<&'a Self> {
        let by_id = others.iter().find(|it| it.id == self.id);
        let by = |key: fn(&Self) -> Option<&str>| {
            let wanted = key(self)?;
            let fits = |it: &&Self| key(it) == Some(wanted);
            let mut twins = others.iter().filter(fits);
            let twin = twins.next()?;
            let is_clear = twins.next().is_none() && own.iter().filter(fits).count() == 1;
            is_clear.then_some(twin)
        };
        by_id
            .or_else(|| by(|it| it.internal.as_deref()))
            .or_else(|| by(|it| it.number.as_deref()))
    }
}

/// Letters and digits alone, without the zeros in front: banks differ in how they write them. What
/// has none is no word.
fn word(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let kept = text.chars().filter(|it| it.is_alphanumeric());
    let kept: String = kept.flat_map(char::to_uppercase).collect();
    let kept = kept.trim_start_matches('0');
    (!kept.is_empty()).then(|| kept.to_owned())
}

impl Link {
    /// Notes the accounts that Belvo lists, and which of them the other links of the person at the
    /// bank hold as well.
    pub fn observe_accounts(
        &mut self,
        own: &[AccountIdentity],
        others: &[(LinkId, Vec<AccountIdentity>)],
    ) {
        let mut known = std::mem::take(&mut self.accounts);
        for account in own.iter().take(MAX_ACCOUNTS) {
            let twins = others.iter().filter_map(|(link, theirs)| {
                let twin = account.twin(own, theirs)?;
                Some((*link, twin.id.clone()))
            });
            let same_as = twins.collect();
            let held = known.remove(&account.id).unwrap_or_default();
            let held = HeldAccount { same_as, ..held };
            self.accounts.insert(account.id.clone(), held);
        }
        // Transactions of an account that is listed no more are still stored.
        known.retain(|_, it| it.days.is_some());
        self.accounts.extend(known);
    }

    /// Notes the days of which a run has found transactions. With `whole`, it has found every
    /// transaction that is stored.
    pub(super) fn observe_days(&mut self, found: BTreeMap<String, AccountDays>, whole: bool) {
        if whole {
            self.accounts.values_mut().for_each(|it| it.days = None);
        }
        for (account, days) in found {
            let has_room = self.accounts.len() < MAX_ACCOUNTS;
            if has_room || self.accounts.contains_key(&account) {
                let known = &mut self.accounts.entry(account).or_default().days;
                *known = Some(known.map_or(days, |it| it.and(days)));
            }
        }
    }

    /// The id under which another link holds an account of this one. Each may know it of the other:
    /// the later one was compared with the earlier.
    pub(super) fn twin_in<'a>(&'a self, account: &str, other: &'a Self) -> Option<&'a str> {
        let known = self.accounts.get(account)?.same_as.get(&other.link_id);
        if let Some(id) = known.filter(|id| other.accounts.contains_key(*id)) {
            return Some(id);
        }
        let mut theirs = other.accounts.iter();
        let is_it = |it: &HeldAccount| {
            let id = it.same_as.get(&self.link_id);
            id.is_some_and(|id| id == account)
        };
        theirs.find_map(|(id, it)| is_it(it).then_some(id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::fixtures::*;
    use jiff::civil::Date;
    use serde_json::json;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn account(id: &str, members: Value) -> AccountIdentity {
        let mut object = json!({"id": id, "category": "CHECKING_ACCOUNT"});
        for (name, value) in members.as_object().unwrap() {
            object[name] = value.clone();
        }
        AccountIdentity::read(&object.to_string()).unwrap()
    }

    /// The account of link 2 that is the one of this link.
    #[track_caller]
    fn check(own: &[AccountIdentity], theirs: Vec<AccountIdentity>, expected: Option<&str>) {
        let mut link = bound();
        link.observe_accounts(own, &[(link_id(2), theirs)]);
        let twin = link.accounts["a"].same_as.get(&link_id(2));
        assert_eq!(twin.map(String::as_str), expected);
    }

    #[test]
    fn accounts_are_the_same_if_agency_number_and_category_or_the_banks_own_id_agree() {
        let own = || {
            account(
                "a",
                json!({"agency": "0417", "number": "12-3", "internal_identification": "x"}),
            )
        };
        for (theirs, expected) in [
            (json!({"agency": "417", "number": "0123"}), true),
            (json!({"agency": 417, "number": 123}), true),
            (json!({"agency": "0418", "number": "123"}), false),
            (json!({"agency": null, "number": "123"}), false),
            (json!({"agency": "0417", "number": "124"}), false),
            (json!({"agency": "0417", "number": null}), false),
            (
                json!({"agency": "0417", "number": "123", "category": "SAVINGS_ACCOUNT"}),
                false,
            ),
            (
                json!({"agency": "1", "number": "2", "category": "X", "internal_identification": "x"}),
                true,
            ),
            (
                json!({"agency": "0417", "number": "123", "internal_identification": "y"}),
                true,
            ),
        ] {
            let expected = expected.then_some("b");
            check(&[own()], vec![account("b", theirs)], expected);
        }
        let nothing = || json!({"number": "", "agency": "", "internal_identification": ""});
        check(
            &[account("a", nothing())],
            vec![account("b", nothing())],
            None,
        );
        // Belvo may keep the very object.
        check(
            &[account("a", nothing())],
            vec![account("a", nothing())],
            Some("a"),
        );
    }

    #[test]
    fn what_fits_two_accounts_of_one_link_tells_nothing() {
        let card = |id, internal| {
            account(
                id,
                json!({"number": "1234", "internal_identification": internal}),
            )
        };
        let own = [card("a", "x")];
        check(&own, vec![card("b", "y"), card("c", "z")], None);
        check(&own, vec![card("b", "y"), card("c", "x")], Some("c"));
        check(
            &[card("a", "x"), card("d", "w")],
            vec![card("b", "y")],
            None,
        );
    }

    #[test]
    fn a_twin_is_known_from_either_side() {
        let identity = |id| account(id, json!({"number": "1", "agency": "2"}));
        let (mut older, mut newer) = (bound(), bound());
        newer.link_id = link_id(2);
        older.observe_accounts(&[identity("a")], &[]);
        newer.observe_accounts(&[identity("b")], &[(link_id(1), vec![identity("a")])]);
        assert_eq!(newer.twin_in("b", &older), Some("a"));
        assert_eq!(older.twin_in("a", &newer), Some("b"));
        assert_eq!(older.twin_in("c", &newer), None);
        newer.accounts.clear();
        assert_eq!(older.twin_in("a", &newer), None);
    }

    #[test]
    fn days_are_those_of_the_stored_transactions() {
        let days = |first, last| AccountDays {
            first: day(first),
            last: day(last),
        };
        let found = |first, last| BTreeMap::from([("a".to_owned(), days(first, last))]);
        let mut link = bound();
        let check = |link: &Link, expected| assert_eq!(link.accounts["a"].days, expected);
        link.observe_days(found("2026-03-01", "2026-04-01"), true);
        link.observe_days(found("2026-03-20", "2026-05-01"), false);
        check(&link, Some(days("2026-03-01", "2026-05-01")));
        link.observe_days(found("2026-04-01", "2026-04-02"), true);
        check(&link, Some(days("2026-04-01", "2026-04-02")));
        // It stays while its transactions do.
        link.observe_accounts(&[], &[]);
        check(&link, Some(days("2026-04-01", "2026-04-02")));
        link.observe_days(BTreeMap::new(), true);
        link.observe_accounts(&[], &[]);
        assert!(link.accounts.is_empty());
    }
}
