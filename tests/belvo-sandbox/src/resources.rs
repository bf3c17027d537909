//! The six kinds of data of a link.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Who holds the accounts.
    Owners,
    /// Deposit accounts, cards and loans.
    Accounts,
    /// Movements of the accounts.
    Transactions,
    /// Closed card bills.
    Bills,
    /// Positions.
    Investments,
    /// Movements of the positions.
    InvestmentTransactions,
}

impl Resource {
    /// All of them, in the order in which their webhooks go out.
    pub const ALL: [Self; 6] = [
        Self::Owners,
        Self::Accounts,
        Self::Transactions,
        Self::Bills,
        Self::Investments,
        Self::InvestmentTransactions,
    ];

    /// The name in `fetch_resources` and `webhook_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owners => "OWNERS",
            Self::Accounts => "ACCOUNTS",
            Self::Transactions => "TRANSACTIONS",
            Self::Bills => "BILLS",
            Self::Investments => "INVESTMENTS",
            Self::InvestmentTransactions => "INVESTMENT_TRANSACTIONS",
        }
    }

    /// The name in lower case, as in `total_accounts`.
    pub fn lower(self) -> &'static str {
        match self {
            Self::Owners => "owners",
            Self::Accounts => "accounts",
            Self::Transactions => "transactions",
            Self::Bills => "bills",
            Self::Investments => "investments",
            Self::InvestmentTransactions => "investment_transactions",
        }
    }

    /// The path of its list.
    pub fn path(self) -> &'static str {
        match self {
            Self::Owners => "/api/owners/",
            Self::Accounts => "/api/accounts/",
            Self::Transactions => "/api/transactions/",
            Self::Bills => "/api/bills/",
            Self::Investments => "/api/br/investments/",
            Self::InvestmentTransactions => "/api/br/investment-transactions/",
        }
    }

    pub fn parse_lower(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.lower() == name)
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
