//! Belvo's data of one link: seeded, plausible, and complete with Belvo's null fields.
//!
//! All rows except transactions are stored as finished text ([`rows::Rows`]). A transaction is
//! stored as a few facts ([`transactions::Transaction`]) and rendered on request, so that a link
//! with a million of them takes some 100 MB instead of three gigabytes.

pub mod accounts;
pub mod bills;
pub mod catalogue;
pub mod changes;
pub mod finder;
pub mod investments;
pub mod loans;
pub mod objects;
pub mod owners;
pub mod rows;
pub mod transactions;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    banks::Bank,
    json::Raw,
    random::{Seed, Tag},
    resources::Resource,
};

use self::{bills::BillMonth, finder::Finder, rows::Rows, transactions::Transaction};

/// Owner, bank and times of a link's data.
#[derive(Debug, Clone)]
pub struct Profile {
    pub link_id: Uuid,
    /// The seed of this link's content.
    pub seed: Seed,
    /// The part that the ids of its rows share.
    pub tag: Tag,
    pub bank: &'static Bank,
    /// CPF or CNPJ of the owner.
    pub document: String,
    pub name: String,
    /// CPF and name of the person who acts for the company, when the owner is one.
    pub representative: Option<(String, String)>,
    pub created_at: Timestamp,
    /// The time of the last collection.
    pub collected_at: Timestamp,
    /// Whether values break Belvo's own schema, as Belvo's samples do.
    pub quirks: bool,
}

impl Profile {
    pub fn is_company(&self) -> bool {
        self.document.len() == 14
    }

    pub fn row_id(&self, seed: Seed) -> Uuid {
        seed.tagged_uuid(self.tag)
    }
}

/// A finished object, with the fields needed to find and sort it.
#[derive(Debug, Clone)]
pub struct Stored {
    pub id: Uuid,
    /// Belvo's `created_at`.
    pub created_at: Timestamp,
    /// The account of a bill, or the investment of a movement, which the object embeds.
    pub parent: Option<Uuid>,
    pub text: Arc<Raw>,
}

/// All of Belvo's data for one link.
#[derive(Debug, Clone)]
pub struct LinkData {
    pub profile: Profile,
    /// One owner, unless a test adds more.
    owners: Rows,
    /// Checking, savings, card and loan in this order, then accounts that a test has added.
    pub accounts: Rows,
    /// The Open Finance names of the account types.
    pub account_kinds: Vec<String>,
    /// Sorted by creation and id.
    pub transactions: Vec<Transaction>,
    /// The index of the transactions.
    pub finder: Finder,
    /// One bill per closed month.
    bills: Rows,
    investments: Rows,
    movements: Rows,
    /// Opening balances of the deposit accounts.
    openings: [i64; 2],
    /// The total of each closed month, in cents.
    bill_totals: BTreeMap<BillMonth, i64>,
    /// The time at which each bill was first seen closed.
    bill_seen: BTreeMap<BillMonth, Timestamp>,
    /// Number of changes so far; it seeds the next one.
    changes_made: u64,
}

/// The changes of bills that a collection found.
#[derive(Debug, Clone, Copy)]
pub struct BillNews {
    /// Months that have closed since the last collection.
    pub closed: usize,
    /// Whether any bill is new or has another total.
    pub changed: bool,
}

impl LinkData {
    /// Data of a new link, with this many transactions in the last twelve months.
    pub fn generate(profile: Profile, transactions: u64) -> Self {
        let history = transactions::history(&profile, transactions);
        let (investments, movements) = investments::investments(&profile);
        let mut data = Self {
            owners: Rows::drawn(vec![owners::owner(&profile)]),
            openings: accounts::openings(&profile, &history),
            transactions: history,
            finder: Finder::default(),
            accounts: Rows::default(),
            account_kinds: Vec::new(),
            bills: Rows::default(),
            investments: Rows::drawn(investments),
            movements: Rows::drawn(movements),
            bill_totals: BTreeMap::new(),
            bill_seen: BTreeMap::new(),
            changes_made: 0,
            profile,
        };
        data.collect(data.profile.collected_at);
        data
    }

    /// Collects again: balances and dates change, months close.
    pub fn collect(&mut self, now: Timestamp) -> BillNews {
        self.profile.collected_at = now;
        let accounts = accounts::accounts(&self.profile, self.openings, &self.transactions);
        self.accounts.draw(accounts);
        self.dress();
        let totals = bills::closed_totals(&self.profile, &self.transactions);
        let closed = totals
            .keys()
            .filter(|month| !self.bill_totals.contains_key(month));
        let news = BillNews {
            closed: closed.count(),
            changed: totals != self.bill_totals,
        };
        self.bill_totals = totals;
        let bills = bills::closed_bills(
            &self.profile,
            self.accounts.all().get(accounts::CARD),
            &self.bill_totals,
            &mut self.bill_seen,
        );
        self.bills.draw(bills);
        self.dress();
        news
    }

    /// Updates the rows that embed another row.
    fn dress(&mut self) {
        self.owners.dress(None);
        self.accounts.dress(None);
        self.bills.dress(Some(("account", &self.accounts)));
        self.investments.dress(None);
        self.movements
            .dress(Some(("investment", &self.investments)));
        self.account_kinds = self.accounts.all().iter().map(accounts::kind).collect();
        self.finder = Finder::default();
    }

    pub fn count(&self, resource: Resource) -> usize {
        match self.rows(resource) {
            Some(rows) => rows.listed().len(),
            None => self.transactions.len(),
        }
    }

    pub fn row(&self, resource: Resource, position: usize) -> Option<String> {
        match self.rows(resource) {
            Some(rows) => Some(rows.listed().get(position)?.text.0.clone()),
            None => {
                let transaction = self.transactions.get(position)?;
                Some(transactions::write(self, transaction))
            }
        }
    }

    pub fn position(&self, resource: Resource, id: Uuid) -> Option<usize> {
        match self.rows(resource) {
            Some(rows) => rows.listed().iter().position(|row| row.id == id),
            None => self.transactions.iter().position(|row| row.id == id),
        }
    }

    /// The rows stored as text; transactions are not among them.
    pub fn rows(&self, resource: Resource) -> Option<&Rows> {
        match resource {
            Resource::Owners => Some(&self.owners),
            Resource::Accounts => Some(&self.accounts),
            Resource::Bills => Some(&self.bills),
            Resource::Investments => Some(&self.investments),
            Resource::InvestmentTransactions => Some(&self.movements),
            Resource::Transactions => None,
        }
    }

    fn rows_mut(&mut self, resource: Resource) -> Option<&mut Rows> {
        match resource {
            Resource::Owners => Some(&mut self.owners),
            Resource::Accounts => Some(&mut self.accounts),
            Resource::Bills => Some(&mut self.bills),
            Resource::Investments => Some(&mut self.investments),
            Resource::InvestmentTransactions => Some(&mut self.movements),
            Resource::Transactions => None,
        }
    }
}
