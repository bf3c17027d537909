//! The three stores.

use aws_config::SdkConfig;
use table::Table;

/// `LinkTable`: what is known and planned of links. No bank data.
#[derive(Clone, Debug)]
pub struct LinkStore {
    pub(crate) table: Table,
}

/// `ResourceTable`: Belvo's objects, and nothing else.
#[derive(Clone, Debug)]
pub struct ResourceStore {
    pub(crate) table: Table,
    /// Where the fencing token of a link is.
    pub(crate) links: Table,
}

/// `ConnectionTable`: attempts to connect, receipts of erasures, what was spent.
#[derive(Clone, Debug)]
pub struct ConnectionStore {
    pub(crate) table: Table,
}

impl LinkStore {
    /// The table of this name.
    pub fn new(config: &SdkConfig, link_table: String) -> Self {
        Self {
            table: Table::new(config, link_table),
        }
    }
}

impl ResourceStore {
    /// The tables of these names. Of `LinkTable` only the fencing tokens are looked at.
    pub fn new(config: &SdkConfig, link_table: String, resource_table: String) -> Self {
        Self {
            table: Table::new(config, resource_table),
            links: Table::new(config, link_table),
        }
    }
}

impl ConnectionStore {
    /// The table of this name.
    pub fn new(config: &SdkConfig, connection_table: String) -> Self {
        Self {
            table: Table::new(config, connection_table),
        }
    }
}
