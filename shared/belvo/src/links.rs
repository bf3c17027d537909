//! `GET /api/links/` and `GET /api/links/{id}/`.

use domain::link::LinkFacts;
use domain::{ExternalId, LinkId, ResourceKind};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::list::PageSize;
use crate::{Belvo, BelvoError};

/// Belvo's record of a link: the members that a rule decides by. Each may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Link {
    /// `None` when it is no UUID.
    #[serde(deserialize_with = "lenient")]
    pub id: Option<LinkId>,
    /// Belvo's name of the bank.
    #[serde(deserialize_with = "lenient")]
    pub institution: Option<String>,
    /// The id the widget was opened with; null when Belvo took it for personal data.
    #[serde(deserialize_with = "lenient")]
    pub external_id: Option<String>,
    /// The same for each link of one person at one bank; 44 characters.
    #[serde(deserialize_with = "lenient")]
    pub institution_user_id: Option<String>,
    /// `valid`, `invalid`, `unconfirmed` or `token_required`; an open set.
    #[serde(deserialize_with = "lenient")]
    pub status: Option<String>,
    /// `single` or `recurrent`.
    #[serde(deserialize_with = "lenient")]
    pub access_mode: Option<String>,
    /// The resources Belvo retrieves for it, by the names of webhooks; an open set.
    #[serde(deserialize_with = "lenient")]
    pub fetch_resources: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient")]
    pub created_at: Option<Timestamp>,
    /// When Belvo last reached the bank.
    #[serde(deserialize_with = "lenient")]
    pub last_accessed_at: Option<Timestamp>,
}

impl Link {
    fn read(row: &RawValue) -> Option<Self> {
        serde_json::from_str(row.get()).ok()
    }

    /// What a rule of ours decides by.
    pub fn facts(&self) -> LinkFacts {
        let names = self.fetch_resources.iter().flatten();
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
        let Some(part) = size
            .smaller()
            .filter(|part| size.rows().is_multiple_of(part.rows()))
        else {
            return Err(error);
        };
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
        links.retain(|link| link.external_id.as_deref() == Some(external_id.as_str()));
        Ok(links)
    }

    /// Every page of the links of this filter, until Belvo says that there is no more.
    async fn all_links(&self, filter: (&str, &str)) -> Result<Vec<Link>, BelvoError> {
        let read = async |size| {
            let mut links = Vec::new();
            for number in 1..=MAX_PAGES {
                let page = match self.link_page(&[filter], number, size).await {
                    // Belvo's answer for a page after the last one.
                    Err(BelvoError::NotFound { .. }) if number > 1 => return Ok(links),
                    page => page?,
                };
                links.extend(page.links);
                if !page.has_next {
                    return Ok(links);
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
        url.query_pairs_mut()
            .extend_pairs(filters)
            .append_pair("page_size", &size.rows().to_string())
            .append_pair("page", &number.to_string());
        let list = self.get_list(&url, size, "a page of links").await?;
        let (count, has_next) = (list.count, list.has_next());
        let links = list.into_readable();
        let links: Vec<Link> = links.iter().filter_map(|row| Link::read(row)).collect();
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
        let row = match self.get_row(&url, "a link").await? {
            Ok(row) => Some(row),
            Err(spoiled) => spoiled.readable(),
        };
        let link = row.and_then(|row| Link::read(&row)).unwrap_or_default();
        let what = "the link that was asked for";
        match link.id == Some(id) {
            true => Ok(link),
            false => Err(BelvoError::Unexpected { what }),
        }
    }
}

/// A member of another form than documented counts as missing, so that one odd link does not hide the
/// others of its page.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_members_of_a_link_count_as_missing() {
        let link = r#"{"id": 7, "created_at": "soon", "status": ["valid"], "external_id": "user-1",
                       "fetch_resources": null, "last_accessed_at": "2026-11-23T12:00:00.123Z"}"#;
        let link: Link = serde_json::from_str(link).unwrap();
        assert_eq!((link.id, link.created_at), (None, None));
        assert_eq!((link.status, link.fetch_resources), (None, None));
        assert_eq!(link.external_id.as_deref(), Some("user-1"));
        assert!(link.last_accessed_at.is_some());
    }
}
