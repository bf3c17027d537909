//! The six resources of a link that are kept here.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoEnumIterator as _, IntoStaticStr};

/// How long after Belvo has reached a bank data may still be loading.
///
/// Belvo says when a resource is ready, by webhook, and not how long that takes at most. This is
/// our own caution, for when no webhook comes: an earlier look may find a part.
pub const LOADING: SignedDuration = SignedDuration::from_mins(90);

/// A resource of Belvo's Open Finance aggregation, by the name webhooks and tokens use.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ResourceKind {
    /// Who holds the accounts: a person or a company.
    Owners,
    /// Checking, savings, card, loan and investment accounts, with balances.
    Accounts,
    /// Movements of the accounts, of the last 12 months.
    Transactions,
    /// Closed credit card bills.
    Bills,
    /// Positions.
    Investments,
    /// Movements of the positions.
    InvestmentTransactions,
}

impl ResourceKind {
    /// All six, in the order Belvo's guide announces them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// The name on the wire, such as `INVESTMENT_TRANSACTIONS`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether its objects are movements, which have a date and a direction.
    pub fn is_dated(self) -> bool {
        matches!(self, Self::Transactions | Self::InvestmentTransactions)
    }

    /// What Belvo embeds in each object of the resource: an object of which resource, under which
    /// name.
    pub fn parent(self) -> Option<(Self, &'static str)> {
        match self {
            Self::Transactions | Self::Bills => Some((Self::Accounts, "account")),
            Self::InvestmentTransactions => Some((Self::Investments, "investment")),
            Self::Owners | Self::Accounts | Self::Investments => None,
        }
    }

    /// Whether Belvo embeds its objects in those of other resources.
    pub fn is_embedded(self) -> bool {
        Self::all().any(|kind| kind.parent().is_some_and(|(parent, _)| parent == self))
    }

    /// Reads a wire name in any case, singular or plural: Belvo's samples differ.
    pub fn lenient(text: &str) -> Option<Self> {
        let text = text.to_ascii_uppercase();
        Self::all().find(|kind| {
            let plural = kind.name();
            text == plural || Some(text.as_str()) == plural.strip_suffix('S')
        })
    }
}

/// The resources Belvo is asked to retrieve, in the order the customer wrote them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ResourceSet(Vec<ResourceKind>);

/// The text is not a list of resources.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResourceSet {
    /// A name is not one of the six.
    #[error(
        "must list ACCOUNTS, TRANSACTIONS, OWNERS, BILLS, INVESTMENTS or INVESTMENT_TRANSACTIONS, \
         separated by commas"
    )]
    Unknown,
    /// A name stands there twice.
    #[error("must not list a resource twice")]
    Repeated,
}

impl ResourceSet {
    /// Takes a comma list of wire names, at least one, none twice.
    pub fn parse(text: &str) -> Result<Self, InvalidResourceSet> {
        let mut kinds = Vec::new();
        for name in text.split(',').map(str::trim) {
            let kind = name.parse().map_err(|_| InvalidResourceSet::Unknown)?;
            if kinds.contains(&kind) {
                return Err(InvalidResourceSet::Repeated);
            }
            kinds.push(kind);
        }
        Ok(Self(kinds))
    }

    /// Whether the resource is asked for.
    pub fn contains(&self, kind: ResourceKind) -> bool {
        self.0.contains(&kind)
    }

    /// The resources, in the customer's order.
    pub fn iter(&self) -> impl Iterator<Item = ResourceKind> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_keep_their_order_and_refuse_strangers() {
        let set = ResourceSet::parse("ACCOUNTS, OWNERS").unwrap();
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [ResourceKind::Accounts, ResourceKind::Owners]
        );
        assert_eq!(ResourceSet::parse(""), Err(InvalidResourceSet::Unknown));
        assert_eq!(
            ResourceSet::parse("INCOMES"),
            Err(InvalidResourceSet::Unknown)
        );
        assert_eq!(
            ResourceSet::parse("OWNERS,OWNERS"),
            Err(InvalidResourceSet::Repeated)
        );
    }
}
