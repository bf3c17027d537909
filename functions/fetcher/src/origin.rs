//! Whose rows are that Belvo gives for a link. The rule is in [`domain::link`]; here the table is
//! asked for the other links that rows name, and Belvo for whether it filters its lists.

use std::collections::{BTreeMap, BTreeSet};

use belvo::{Belvo, BelvoError, PageSize, Retry, Row};
use domain::link::{RowNames, RowOrigin};
use domain::{DateRange, ExternalId, Link, LinkId, ResourceKind};
use runtime::Metric;

use crate::error::{JobError, Result};
use crate::fetcher::Fetcher;

/// The resources that name their link in each row, and of which each link has a row.
const NAMING: [ResourceKind; 2] = [ResourceKind::Owners, ResourceKind::Accounts];

/// A link whose rows Belvo is asked for, and its user as far as that is known.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) fetcher: &'a Fetcher,
    pub(crate) link: &'a Link,
    pub(crate) user: Option<&'a ExternalId>,
}

/// What a job knows of other links that rows have named: each is looked up once.
#[derive(Default)]
pub(crate) struct Origins {
    /// Whether the link that is asked for has renewed them.
    renewed: BTreeMap<LinkId, bool>,
    /// Whether OWNERS or ACCOUNTS name the link that is asked for.
    is_named: Option<bool>,
}

impl Origins {
    /// Whose each of these rows is.
    pub(crate) async fn of_rows(
        &mut self,
        asked: Asked<'_>,
        rows: &[Row],
    ) -> Result<Vec<RowOrigin>> {
        let names: Vec<RowNames> = rows.iter().map(|row| belvo::row_names(row)).collect();
        if let Some(user) = asked.user {
            self.look_up(asked, user, &names).await?;
        }
        let renewed = |id| self.renewed.get(&id) == Some(&true);
        let origin = |names| asked.link.row_origin(names, asked.user, renewed);
        Ok(names.iter().map(origin).collect())
    }

    /// Notes whose rows a list gave in the same job.
    pub(crate) fn observe(&mut self, kind: ResourceKind, origins: &[RowOrigin]) {
        if NAMING.contains(&kind) && origins.contains(&RowOrigin::Own) {
            self.is_named = Some(true);
        }
    }

    /// Whether OWNERS or ACCOUNTS name the link.
    async fn name_link(&mut self, asked: Asked<'_>) -> Result<bool> {
        let is_named = match self.is_named {
            Some(known) => known,
            None => is_named(asked, self).await?,
        };
        self.is_named = Some(is_named);
        Ok(is_named)
    }

    async fn look_up(
        &mut self,
        asked: Asked<'_>,
        user: &ExternalId,
        names: &[RowNames],
    ) -> Result<()> {
        let named = names.iter().flat_map(|it| &it.links).copied();
        let is_new = |id: &LinkId| *id != asked.link.link_id && !self.renewed.contains_key(id);
        let others: BTreeSet<LinkId> = named.filter(is_new).collect();
        let others: Vec<LinkId> = others.into_iter().collect();
        if others.is_empty() {
            return Ok(());
        }
        let known = asked.fetcher.links.find_many(&others).await?;
        self.renewed.extend(others.iter().map(|id| (*id, false)));
        let renewed = known.iter().filter(|it| asked.link.has_renewed(it, user));
        self.renewed.extend(renewed.map(|it| (it.link_id, true)));
        Ok(())
    }
}

/// What one read of a list has found out about Belvo's filter, as far as it needed to.
#[derive(Default)]
pub(crate) struct Filter {
    /// Whether Belvo filters this very list.
    is_applied: Option<bool>,
    /// Whether Belvo names the link in rows of it.
    names_link: bool,
}

impl Filter {
    /// Notes whose rows the list itself gave.
    pub(crate) fn observe(&mut self, origins: &[RowOrigin]) {
        self.names_link |= origins.contains(&RowOrigin::Own);
    }

    /// Whether a row of this list is believed to be of the link. One that does not name it is only
    /// while Belvo filters the list; one that names none only if the list, OWNERS or ACCOUNTS name the
    /// link as well.
    pub(crate) async fn vouches_for(
        &mut self,
        origin: RowOrigin,
        asked: Asked<'_>,
        kind: ResourceKind,
        origins: &mut Origins,
    ) -> Result<bool> {
        match origin {
            RowOrigin::Own => Ok(true),
            RowOrigin::Foreign => Ok(false),
            RowOrigin::Renewed => self.is_applied(asked, kind).await,
            RowOrigin::Unnamed => Ok(self.is_applied(asked, kind).await?
                && (self.names_link || origins.name_link(asked).await?)),
        }
    }

    async fn is_applied(&mut self, asked: Asked<'_>, kind: ResourceKind) -> Result<bool> {
        let applied = match self.is_applied {
            Some(known) => known,
            None => applies_filter(&asked.fetcher.belvo, kind).await?,
        };
        self.is_applied = Some(applied);
        Ok(applied)
    }
}

/// Codes with which Belvo may refuse a link that it does not know, instead of an empty list.
const NO_SUCH_LINK: [&str; 3] = ["not_found", "does_not_exist", "invalid"];

/// A link that does not exist has no rows, unless the list ignores its filter.
async fn applies_filter(belvo: &Belvo, kind: ResourceKind) -> Result<bool> {
    let nobody = LinkId::default();
    match belvo.count(kind, nobody, DateRange::ALL).await {
        // Any other refusal, such as of a permission, says nothing about the filter.
        Err(error) if error.retry() == Retry::Never => {
            let said = error.api_error().map(|it| it.code.as_str());
            Ok(said.is_some_and(|code| NO_SUCH_LINK.contains(&code)))
        }
        rows => Ok(rows? == Some(0)),
    }
}

/// Whether OWNERS or ACCOUNTS name the link, as Belvo lists them now: what it named on another day says
/// nothing about this read.
async fn is_named(asked: Asked<'_>, origins: &mut Origins) -> Result<bool> {
    let (belvo, link_id) = (&asked.fetcher.belvo, asked.link.link_id);
    // One row that names the link is enough. It is usually the first.
    for size in [PageSize::of(1), belvo.page_size()] {
        for kind in NAMING {
            let page = belvo.first_page(kind, link_id, DateRange::ALL, size);
            let page = match page.await {
                Err(error) if error.retry() == Retry::Never => continue,
                page => page?,
            };
            let found = origins.of_rows(asked, &page.rows).await?;
            if found.contains(&RowOrigin::Foreign) {
                return Ok(false);
            }
            if found.contains(&RowOrigin::Own) || found.contains(&RowOrigin::Renewed) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The list that was given up: Belvo is asked for it again later, as after an outage.
pub(crate) fn unfiltered() -> JobError {
    let what = "a list of the link that was asked for";
    BelvoError::Unexpected { what }.into()
}

/// Says that Belvo has given rows of others for a link.
pub(crate) fn report_foreign(fetcher: &Fetcher, link_id: LinkId, kind: ResourceKind, rows: u64) {
    runtime::count(Metric::RowsForeign, fetcher.clock.now());
    tracing::warn!(
        link.id = %link_id,
        resource.kind = kind.name(),
        rows,
        "belvo gave rows of another link, or of none"
    );
}
