//! `GET /api/links/` and `GET /api/links/{id}/`.

use std::collections::HashSet;

use domain::id::InvalidId;
use domain::json::Members;
use domain::link::LinkFacts;
use domain::{ExternalId, LinkId, ResourceKind};
use jiff::Timestamp;

use crate::list::{PageSize, SMALLEST};
use crate::rows::SpoiledRow;
use crate::{Belvo, BelvoError};

/// Belvo's record of a link: the members that a rule decides by. Each may be missing.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// `None` when it is no UUID.
    pub id: Option<LinkId>,
    /// Belvo's name of the bank.
    pub institution: Option<String>,
    /// The user that the widget was opened for: the id it was opened with, which is null when Belvo
    /// took it for personal data. What is no id of ours is an error, because it is somebody else's.
    pub user: Option<Result<ExternalId, InvalidId>>,
    /// The same for each link of one person at one bank; 44 characters.
    pub institution_user_id: Option<String>,
    /// `valid`, `invalid`, `unconfirmed` or `token_required`; an open set.
    pub status: Option<String>,
    /// `single` or `recurrent`.
    pub access_mode: Option<String>,
    /// The resources Belvo retrieves for it, by the names of webhooks; an open set.
    pub fetch_resources: Vec<String>,
    pub created_at: Option<Timestamp>,
    /// When Belvo last reached the bank, at the latest.
    pub last_accessed_at: Option<Timestamp>,
}

impl Link {
    /// Reads Belvo's object. A member of another form than documented counts as missing, so that it
    /// hides neither the others nor the link; what is no object is a link of which nothing is known.
    pub fn read(object: &str) -> Self {
        let members = Members::beginning(object).unwrap_or_default();
        Self {
            id: members.parsed("id", LinkId::parse),
            institution: members.text("institution"),
            user: user(&members),
            institution_user_id: members.text("institution_user_id"),
            status: members.text("status"),
            access_mode: members.text("access_mode"),
            fetch_resources: members.texts("fetch_resources"),
            created_at: members
                .text("created_at")
                .and_then(|it| domain::moment(&it)),
            last_accessed_at: members
                .text("last_accessed_at")
                .and_then(|it| domain::end(&it)),
        }
    }

    /// What a rule of ours decides by.
    pub fn facts(&self) -> LinkFacts {
        let names = self.fetch_resources.iter();
        let kinds = names.filter_map(|name| ResourceKind::lenient(name));
        LinkFacts {
            institution: self.institution.clone(),
            institution_user_id: self.institution_user_id.clone(),
            status: self.status.clone(),
            access_mode: self.access_mode.clone(),
            fetch_resources: kinds.collect(),
            created_at: self.created_at,
            last_accessed_at: self.last_accessed_at,
        }
    }
}

/// One page of the list of links.
#[derive(Clone, Debug)]
pub struct LinkPage {
    /// The number of all links when Belvo wrote this page.
    pub count: u64,
    /// Whether Belvo announces another page.
    pub has_next: bool,
    /// The links of this page. Belvo documents no order.
    pub links: Vec<Link>,
    /// How many were asked for.
    pub size: PageSize,
}

/// The bound of the page loop: more than one user can have made, also where pages are small.
const MAX_PAGES: u32 = 100;

impl Belvo {
    /// Reads the first page of all links. Costs no Open Finance quota.
    pub async fn first_links(&self) -> Result<LinkPage, BelvoError> {
        let read = async |size| self.link_page(&[], 1, size).await;
        self.in_pages(self.page_size(), read).await
    }

    /// Reads page `number` (from 1) of all links, if so many are a page; in parts, if that many cannot
    /// be had. Costs no Open Finance quota.
    pub async fn links(&self, number: u32, size: PageSize) -> Result<LinkPage, BelvoError> {
        let error = match self.link_page(&[], number, size).await {
            Err(error) if error.is_for_its_size() => error,
            result => return result,
        };
        // In an outage, no size helps.
        let part = size.part().filter(|part| part.rows() >= SMALLEST);
        let part = part.ok_or(error)?;
        let parts = size.rows() / part.rows();
        let first = number.saturating_sub(1).saturating_mul(parts);
        let mut page = Box::pin(self.links(first.saturating_add(1), part)).await?;
        for position in 2..=parts {
            if !page.has_next {
                break;
            }
            let number = first.saturating_add(position);
            let next = Box::pin(self.links(number, part)).await?;
            page.has_next = next.has_next;
            page.links.extend(next.links);
        }
        page.size = size;
        Ok(page)
    }

    /// The links of one person at one bank. A renewed consent may have come with a new link.
    pub async fn links_of(&self, institution_user_id: &str) -> Result<Vec<Link>, BelvoError> {
        self.all_links(("institution_user_id", institution_user_id))
            .await
    }

    /// All links that were made for a user. Costs no Open Finance quota.
    ///
    /// The filter is Belvo's, so each link of the answer is checked: a link without this
    /// `external_id` is left out.
    pub async fn links_of_user(&self, external_id: &ExternalId) -> Result<Vec<Link>, BelvoError> {
        let mut links = self
            .all_links(("external_id", external_id.as_str()))
            .await?;
        links.retain(|link| link.user.as_ref() == Some(&Ok(external_id.clone())));
        Ok(links)
    }

    /// Every page of the links of this filter, until Belvo says that there is no more.
    async fn all_links(&self, filter: (&str, &str)) -> Result<Vec<Link>, BelvoError> {
        let read = async |size| {
            let (mut links, mut seen) = (Vec::new(), HashSet::new());
            for number in 1..=MAX_PAGES {
                let page = match self.link_page(&[filter], number, size).await {
                    // Belvo's answer for a page after the last one.
                    Err(BelvoError::NotFound { .. }) if number > 1 => return Ok(links),
                    page => page?,
                };
                // A list that goes on with what it has given has ended, unless it counts more.
                let news = page.links.iter().filter(|it| seen.insert(it.id)).count();
                links.extend(page.links);
                if !page.has_next || (news == 0 && page.count <= links.len() as u64) {
                    return Ok(links);
                }
                if news == 0 {
                    break;
                }
            }
            // A partial list would pass for the complete one.
            let what = "a list of links that ends";
            Err(BelvoError::Unexpected { what })
        };
        self.in_pages(self.page_size(), read).await
    }

    async fn link_page(
        &self,
        filters: &[(&str, &str)],
        number: u32,
        size: PageSize,
    ) -> Result<LinkPage, BelvoError> {
        let mut url = self.url(["api", "links"]);
        if !filters.is_empty() {
            url.query_pairs_mut().extend_pairs(filters);
        }
        let list = self
            .list_page(&url, number, size, "a page of links")
            .await?;
        let (count, has_next) = (list.count, list.has_next());
        // Of each row there is a link, so that their number is the size of the page.
        let rows = list.rows.iter().map(|row| row.get());
        let links = rows
            .chain(list.spoiled.iter().map(SpoiledRow::text))
            .map(Link::read);
        let links: Vec<Link> = links.collect();
        Ok(LinkPage {
            count: count.unwrap_or(links.len() as u64),
            has_next,
            links,
            size,
        })
    }

    /// Looks at one link. Costs no Open Finance quota.
    ///
    /// # Errors
    /// [`BelvoError::NotFound`] is Belvo's word that the link is no more. An object with another id
    /// is no answer about this link: [`BelvoError::Unexpected`].
    pub async fn link(&self, id: LinkId) -> Result<Link, BelvoError> {
        let url = self.url(["api", "links", &id.to_string()]);
        let link = match self.get_row(&url, "a link").await? {
            Ok(row) => Link::read(row.get()),
            Err(spoiled) => Link::read(spoiled.text()),
        };
        let what = "the link that was asked for";
        match link.id == Some(id) {
            true => Ok(link),
            false => Err(BelvoError::Unexpected { what }),
        }
    }
}

/// `external_id`, unless it is null, absent or empty. One of another form than a text is no user's of
/// ours either.
fn user(members: &Members<'_>) -> Option<Result<ExternalId, InvalidId>> {
    let written = members.raw("external_id")?;
    let is_absent = ["null", r#""""#].contains(&written);
    let text = members.text("external_id").unwrap_or_default();
    (!is_absent).then(|| ExternalId::parse(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_members_of_a_link_count_as_missing() {
        let id = "2f8ca7a1-c28f-46f2-bb41-21633099a280";
        let link = format!(
            r#"{{"id": "{id}", "institution": 1e999, "created_at": 1e999, "status": ["valid"],
                "external_id": "user-1", "fetch_resources": ["OWNERS", 7], "status": "invalid",
                "last_accessed_at": "2026-11-23T12:00:00"}}"#
        );
        let link = Link::read(&link);
        assert_eq!(link.id, LinkId::parse(id).ok());
        assert_eq!((link.institution, link.created_at), (None, None));
        assert_eq!(
            link.status.as_deref(),
            Some("invalid"),
            "the last one counts"
        );
        assert_eq!(link.fetch_resources, ["OWNERS"]);
        assert_eq!(link.user, Some(ExternalId::parse("user-1")));
        assert_eq!(link.last_accessed_at, "2026-11-23T12:00:00Z".parse().ok());
        for none in ["7", "null", "[]", r#"{"id": 7}"#, "{}"] {
            assert_eq!(Link::read(none).id, None, "{none}");
        }
    }

    #[test]
    fn a_user_is_absent_ours_or_somebody_elses() {
        let check = |members: &str, is_known: bool, is_ours: bool| {
            let user = Link::read(&format!("{{{members}}}")).user;
            let is_parsed = user.as_ref().is_some_and(Result::is_ok);
            assert_eq!(
                (user.is_some(), is_parsed),
                (is_known, is_ours),
                "{members}"
            );
        };
        check("", false, false);
        check(r#""external_id": null"#, false, false);
        check(r#""external_id": """#, false, false);
        check(r#""external_id": "user-1""#, true, true);
        for odd in [
            "7", "[]", "{}", "false", "1e999", "NaN", r#"" ""#, r#""a@b""#,
        ] {
            check(&format!(r#""external_id": {odd}"#), true, false);
        }
    }
}
