//! LINK records: a job acquires them, reads them, saves them; a user's wish to erase marks them.

use domain::link::EraseMark;
use domain::{ExternalId, Link, LinkId};
use jiff::Timestamp;
use table::item::number;
use table::record::erase_mark::{OF_USER, OF_USER_OR_UNCLAIMED, marking};
use table::record::link;
use table::record::tombstone::{self, Tombstone};
use table::retry::Backoff;
use table::{Consistency, Result, StoreError, Update};

use crate::lease::Lease;
use crate::stores::LinkStore;

/// What a job finds when it acquires a link.
#[derive(Debug)]
pub enum Acquired {
    /// A link to work on; a new record if nothing was known of it.
    Link {
        /// The right to change it.
        lease: Lease,
        /// Its LINK record.
        link: Box<Link>,
    },
    /// A link that its user wants erased.
    Erasing {
        /// The right to bury it.
        lease: Lease,
        /// Its LINK record.
        link: Box<Link>,
    },
    /// A link that was erased.
    Erased(Box<Tombstone>),
}

impl LinkStore {
    /// Acquires a link for a job: takes a new fencing token, and gives its LINK record.
    ///
    /// From here on, fenced writes of a job that acquired it earlier fail.
    pub async fn acquire(&self, link_id: LinkId) -> Result<Acquired> {
        let update = Update::of(link::key(link_id))
            .add("fencing_token", number(1))
            // What was told is told once: every write of the record would tell it again.
            .remove("change");
        let item = self.table.update_and_get(update, "acquiring a link");
        let link = Box::new(link::decode(item.await?)?);
        let lease = Lease {
            link_id,
            fencing_token: link.fencing_token,
        };
        if link.erase.is_some() {
            return Ok(Acquired::Erasing { lease, link });
        }
        // Look for a tombstone only if LINK was never saved: an erasure deletes LINK, so this write
        // has just recreated it empty.
        if link.updated_at.is_none()
            && let Some(tombstone) = self.tombstone(link_id).await?
        {
            let key = link::key(link_id);
            self.table.delete(key, "forgetting a link").await?;
            return Ok(Acquired::Erased(Box::new(tombstone)));
        }
        Ok(Acquired::Link { lease, link })
    }

    /// The LINK record of a link of any user, as of now.
    pub async fn find(&self, link: LinkId) -> Result<Option<Link>> {
        link::find(&self.table, link).await
    }

    /// The LINK records of these links, some moments late; an unknown link has none. A
    /// record that cannot be read counts as unknown, so that it does not hide the others.
    pub async fn find_many(&self, links: &[LinkId]) -> Result<Vec<Link>> {
        link::find_many(&self.table, links, Consistency::Eventual).await
    }

    /// Writes what the job of this lease knows of the link when it is done.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a later job has acquired it, or it is to be erased.
    pub async fn save(&self, lease: &Lease, link: &mut Link, now: Timestamp) -> Result<()> {
        link.saved_token = lease.fencing_token;
        self.save_on_the_way(lease, link, now).await
    }

    /// The same while the job goes on: should it die, the next one sees that it was not done.
    ///
    /// # Errors
    /// As of [`LinkStore::save`].
    pub async fn save_on_the_way(
        &self,
        lease: &Lease,
        link: &mut Link,
        now: Timestamp,
    ) -> Result<()> {
        // Tokens begin again if LINK was erased and is made anew for a moment. What was saved before
        // is no longer there then.
        let condition = match link.updated_at.replace(now) {
            Some(_) => {
                "fencing_token = :token AND attribute_not_exists(#erase) AND attribute_exists(updated_at)"
            }
            None => "fencing_token = :token AND attribute_not_exists(#erase)",
        };
        let mut update = Update::of(link::key(lease.link_id))
            .when(condition)
            .name("erase", "erase")
            .value("token", number(lease.fencing_token));
        for (name, value) in link::members(link)? {
            update = match (name.as_str(), value) {
                // The key, the fencing token, and the mark that its user sets are not the job's to
                // write.
                ("link_id" | "fencing_token" | "erase", _) => update,
                (name, Some(value)) => update.set(name, value),
                (name, None) => update.remove(name),
            };
        }
        match self.table.update(update, "saving a link").await? {
            true => Ok(()),
            false => Err(StoreError::Superseded),
        }
    }

    /// Marks a user's link for erasure. Says whether it did: it may be no link of this user, or be
    /// marked already.
    pub async fn mark(&self, user: &ExternalId, link: LinkId, mark: &EraseMark) -> Result<bool> {
        let update = marking(user, link, mark, OF_USER)?;
        self.table.update(update, "marking a link").await
    }

    /// Marks a link for erasure that Belvo says is this user's, unless it is another's here, or is
    /// being erased, or was. Says whether it did.
    pub async fn mark_listed(
        &self,
        user: &ExternalId,
        link: LinkId,
        mark: &EraseMark,
    ) -> Result<bool> {
        let update = marking(user, link, mark, OF_USER_OR_UNCLAIMED)?;
        let unburied = "attribute_not_exists(link_id)";
        let items = vec![
            self.table.updating(update)?,
            self.table.checking(tombstone::key(link), unburied, None)?,
        ];
        let marked = self
            .table
            .transact(items, Backoff::Request, "marking a link");
        marked.await
    }
}
