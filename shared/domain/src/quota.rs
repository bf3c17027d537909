//! The monthly limits of Open Finance Brazil.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoEnumIterator as _, IntoStaticStr};

use crate::resource::ResourceKind;

/// Something of which a bank gives only so much in a month, for each CPF or CNPJ
/// (Belvo: "Open Finance Network Limits (Brazil)").
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Quota {
    /// Reads of owners.
    Owners,
    /// Reads of accounts.
    Accounts,
    /// Reads of the transactions of a year.
    Transactions,
    /// Reads of the transactions of the last days, which are all that a refresh reads.
    RecentTransactions,
    /// Reads of bills.
    Bills,
    /// Reads of investments.
    Investments,
    /// Reads of the movements of investments.
    InvestmentTransactions,
}

impl Quota {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// What connecting a bank spends on a resource.
    pub fn of_connecting(kind: ResourceKind) -> Self {
        match kind {
            ResourceKind::Owners => Self::Owners,
            ResourceKind::Accounts => Self::Accounts,
            ResourceKind::Transactions => Self::Transactions,
            ResourceKind::Bills => Self::Bills,
            ResourceKind::Investments => Self::Investments,
            ResourceKind::InvestmentTransactions => Self::InvestmentTransactions,
        }
    }

    /// What a refresh spends on a resource.
    pub fn of_refreshing(kind: ResourceKind) -> Self {
        match kind {
            ResourceKind::Transactions => Self::RecentTransactions,
            other => Self::of_connecting(other),
        }
    }

    /// The name in the API, the tables and the configuration.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The documented limits; of what is not listed, none is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits(BTreeMap<Quota, u64>);

/// The text is not a list of limits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must list limits such as OWNERS=4,ACCOUNTS=4,TRANSACTIONS=4,RECENT_TRANSACTIONS=240,BILLS=30"
)]
pub struct InvalidLimits;

impl Limits {
    /// Takes a comma list of names and numbers; an empty one knows no limit.
    pub fn parse(text: &str) -> Result<Self, InvalidLimits> {
        let mut limits = BTreeMap::new();
        for pair in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let (name, limit) = pair.split_once('=').ok_or(InvalidLimits)?;
            let quota = name.parse().map_err(|_| InvalidLimits)?;
            let limit = limit.parse().map_err(|_| InvalidLimits)?;
            let repeated = limits.insert(quota, limit);
            if repeated.is_some() {
                return Err(InvalidLimits);
            }
        }
        Ok(Self(limits))
    }

    /// The limit of a quota, if one is known.
    pub fn of(&self, quota: Quota) -> Option<u64> {
        self.0.get(&quota).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_name_what_they_limit() {
        let limits = Limits::parse("OWNERS=8, RECENT_TRANSACTIONS=240").unwrap();
        assert_eq!(limits.of(Quota::Owners), Some(8));
        assert_eq!(limits.of(Quota::RecentTransactions), Some(240));
        assert_eq!(limits.of(Quota::Bills), None);
        assert_eq!(Limits::parse(""), Ok(Limits::default()));
        for bad in [
            "OWNERS",
            "OWNERS=",
            "OWNERS=many",
            "OWNER=8",
            "BILLS=1,BILLS=2",
        ] {
            assert_eq!(Limits::parse(bad), Err(InvalidLimits), "{bad}");
        }
    }
}
