//! What Belvo holds of one link: seeded, believable, and complete with Belvo's null fields.
//!
//! Everything but the transactions is kept as finished text ([`rows::Rows`]).
//! A transaction is kept as a few facts ([`transactions::Transaction`]) and written when asked for,
//! so that a link with a million of them takes some 100 MB and not three gigabytes.

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

/// Whose data it is, where, and as of when.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The link.
    pub link_id: Uuid,
    /// Where all choices about this link start.
    pub seed: Seed,
    /// What the ids of its rows have in common.
    pub tag: Tag,
    /// The bank.
    pub bank: &'static Bank,
    /// CPF or CNPJ of the owner.
    pub document: String,
    /// Name of the owner.
    pub name: String,
    /// CPF and name of the person who acts for the company, when the owner is one.
    pub representative: Option<(String, String)>,
    /// When the link was made.
    pub created_at: Timestamp,
    /// When the bank was last read.
    pub collected_at: Timestamp,
    /// Whether values break Belvo's own schema, as Belvo's samples do.
    pub quirks: bool,
}

impl Profile {
    /// Whether the owner is a company.
    pub fn is_company(&self) -> bool {
        self.document.len() == 14
    }

    /// The id of a row of this link.
    pub fn row_id(&self, seed: Seed) -> Uuid {
        seed.tagged_uuid(self.tag)
    }
}

/// A finished object and what is needed to find and sort it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Belvo's id.
    pub id: Uuid,
    /// When it came into Belvo's store.
    pub created_at: Timestamp,
    /// The account of a bill, the investment of a movement: what is shown inside it.
    pub parent: Option<Uuid>,
    /// The object.
    pub text: Arc<Raw>,
}

/// Everything Belvo holds of one link.
#[derive(Debug, Clone)]
pub struct LinkData {
    /// Whose data it is.
    pub profile: Profile,
    /// One person or one company, unless a test adds more.
    owners: Rows,
    /// Checking, savings, card and loan, in this order, then those a test has added.
    pub accounts: Rows,
    /// The network's names for the kinds of the accounts.
    pub account_kinds: Vec<String>,
    /// Sorted by creation and id.
    pub transactions: Vec<Transaction>,
    /// Finds transactions without looking at all of them.
    pub finder: Finder,
    /// One per closed month.
    bills: Rows,
    /// Positions.
    investments: Rows,
    /// Movements of the positions.
    movements: Rows,
    /// What the deposit accounts held before the first transaction.
    openings: [i64; 2],
    /// What each closed month comes to, in cents.
    bill_totals: BTreeMap<BillMonth, i64>,
    /// When each bill was first seen closed.
    bill_seen: BTreeMap<BillMonth, Timestamp>,
    /// How many changes were made so far; makes the next one different.
    changes_made: u64,
}

/// What a collection has found out about bills.
#[derive(Debug, Clone, Copy)]
pub struct BillNews {
    /// How many months have closed since the last one.
    pub closed: usize,
    /// Whether any bill is new or comes to another total.
    pub changed: bool,
}

impl LinkData {
    /// A new link's data, with this many transactions in the last twelve months.
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

    /// Reads the bank again: balances and dates move, months close.
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

    /// Brings everything up to date that shows something else.
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

    /// How many rows of a kind there are.
    pub fn count(&self, resource: Resource) -> usize {
        match self.rows(resource) {
            Some(rows) => rows.listed().len(),
            None => self.transactions.len(),
        }
    }

    /// One row as text.
    pub fn row(&self, resource: Resource, position: usize) -> Option<String> {
        match self.rows(resource) {
            Some(rows) => Some(rows.listed().get(position)?.text.0.clone()),
            None => {
                let transaction = self.transactions.get(position)?;
                Some(transactions::write(self, transaction))
            }
        }
    }

    /// Where the row with this id is.
    pub fn position(&self, resource: Resource, id: Uuid) -> Option<usize> {
        match self.rows(resource) {
            Some(rows) => rows.listed().iter().position(|row| row.id == id),
            None => self.transactions.iter().position(|row| row.id == id),
        }
    }

    /// The rows that are kept as text, which transactions are not.
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
