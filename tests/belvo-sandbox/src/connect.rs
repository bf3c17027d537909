//! The end of a connection: the user consented, left, or failed.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use jiff::Timestamp;
use url::Url;
use uuid::Uuid;

use crate::{
    banks::{BUSINESS_BANK, Bank, MOCK_BANK},
    clock, collect,
    data::{LinkData, Profile},
    links::{Consent, Link},
    people,
    random::{Seed, Tag},
    redirects::with_query,
    resources::Resource,
    tokens::{Creation, Token, Use},
    world::World,
};

/// Transactions of a link if the caller names no number: three pages of 1,000.
pub const USUAL_TRANSACTIONS: u64 = 2_300;

/// The user's choices in the widget.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The token the widget was opened with.
    pub access_token: String,
    pub external_id: Option<String>,
    /// `single` or `recurrent`.
    pub access_mode: String,
    /// The bank; by default one that fits the token's identity.
    pub bank: Option<&'static Bank>,
    /// An account holder other than the token's person, for a user who consents with another
    /// person's account.
    pub owner: Option<String>,
    /// Duration of the consent in days; without end if absent.
    pub duration: Option<i64>,
    /// Number of transactions of the link.
    pub transactions: u64,
}

#[derive(Debug)]
pub struct Connected {
    pub link_id: Uuid,
    pub consent_id: Uuid,
    /// The address the user returns to.
    pub redirect_url: Url,
}

/// Everything a new link is made from.
pub struct Order {
    /// The seed of its ids.
    pub identity: Seed,
    /// The seed of its content: links with the same seed hold the same content.
    pub seed: Seed,
    pub bank: &'static Bank,
    /// Document and name of the account holder.
    pub owner: (String, String),
    /// Document and name of the person who consents.
    pub person: (String, String),
    /// Every document the consent can be found by.
    pub documents: Vec<String>,
    /// The customer's company name.
    pub organization: String,
    pub external_id: Option<String>,
    /// `single` or `recurrent`.
    pub access_mode: String,
    /// Belvo's `stale_in`.
    pub stale_in: String,
    pub fetch_resources: Vec<String>,
    /// Duration of the consent in days; without end if absent.
    pub duration: Option<i64>,
    pub transactions: u64,
    pub now: Timestamp,
    /// Whether values break Belvo's own schema, as Belvo's samples do.
    pub quirks: bool,
}

/// The token, if it can still make a link.
pub fn creation_token(world: &World, access_token: &str) -> Option<(Token, Creation)> {
    let inner = world.lock();
    let token = inner
        .tokens
        .get(access_token)
        .filter(|token| token.is_alive(inner.now()))?;
    match &token.use_ {
        Use::Creation(creation) => Some((token.clone(), (**creation).clone())),
        Use::Management => None,
    }
}

/// Makes a link as the widget does, uses up the token, and starts the webhooks.
///
/// # Errors
/// Why there is no link, in words for the user.
pub async fn connect(world: &Arc<World>, choice: Choice) -> Result<Connected, String> {
    let refused = || String::from("the access token is unknown, used or older than ten minutes");
    let (token, creation) = creation_token(world, &choice.access_token).ok_or_else(refused)?;
    let (document, name) = token.document().clone();
    let owner = match choice.owner {
        Some(document) => {
            let name = people::name_of(&document).unwrap_or("Titular Diferente da Silva");
            (document, name.to_owned())
        }
        None => (document, name),
    };
    let usual_bank = if token.company.is_some() {
        BUSINESS_BANK
    } else {
        MOCK_BANK
    };
    let mut documents = token.documents();
    documents.push(owner.0.clone());
    let order = {
        let mut inner = world.lock();
        // Taken first, so that a double click makes only one link.
        match inner.tokens.get_mut(&choice.access_token) {
            Some(token) if !token.used => token.used = true,
            _ => return Err(refused()),
        }
        let seed = inner.next_seed(world.seed, "link");
        Order {
            identity: seed,
            seed,
            bank: choice.bank.unwrap_or(usual_bank),
            owner,
            person: token.person.clone(),
            documents,
            organization: creation.company_name.clone(),
            external_id: choice.external_id.filter(|id| !looks_personal(id)),
            access_mode: choice.access_mode,
            stale_in: creation.stale_in.clone(),
            fetch_resources: creation.fetch_resources.clone(),
            duration: choice.duration,
            transactions: choice.transactions,
            now: inner.now(),
            quirks: inner.faults.quirks,
        }
    };
    let link = make(order).await?;
    let (link_id, consent_id, bank) = (link.id, link.consent.id, link.bank);
    register(world, link, true);
    let redirect_url = with_query(
        &creation.success,
        &[("link", &link_id.to_string()), ("institution", bank.name)],
    );
    Ok(Connected {
        link_id,
        consent_id,
        redirect_url,
    })
}

/// Builds a link on a blocking thread, because a large link takes a while.
///
/// # Errors
/// When the sandbox is stopping.
pub async fn make(order: Order) -> Result<Link, String> {
    tokio::task::spawn_blocking(move || build(order))
        .await
        .map_err(|_| String::from("the sandbox is stopping"))
}

/// Adds the link and starts its first collection.
pub fn register(world: &Arc<World>, link: Link, webhooks: bool) {
    let mut inner = world.lock();
    let id = link.id;
    inner.tags.insert(link.data.profile.tag, id);
    let loading = inner.faults.loading;
    let link = inner.links.entry(id).or_insert(link);
    link.loading = loading && webhooks;
    if link.loading {
        return;
    }
    if webhooks {
        collect::first(world, &mut inner, id);
    } else {
        link.ready = Resource::ALL.into_iter().collect();
    }
}

fn build(order: Order) -> Link {
    let id = order.identity.uuid();
    let (document, name) = order.owner;
    let company = document.len() == 14;
    let profile = Profile {
        link_id: id,
        seed: order.seed,
        tag: Tag::of(order.identity),
        bank: order.bank,
        representative: company.then(|| order.person.clone()),
        created_at: order.now,
        collected_at: order.now,
        quirks: order.quirks,
        document,
        name,
    };
    let consenting = if company {
        order.person
    } else {
        (profile.document.clone(), profile.name.clone())
    };
    let consent = Consent {
        id: order.identity.child("consent").uuid(),
        document_number: consenting.0,
        documents: order.documents,
        user_name: consenting.1,
        organization: order.organization,
        expired_at: order
            .duration
            .map(|days| clock::seconds_from(order.now, days.saturating_mul(86_400))),
        duration: order.duration,
        created_at: order.now,
        status: "AUTHORISED".into(),
    };
    Link {
        id,
        bank: order.bank,
        access_mode: order.access_mode,
        status: "valid".into(),
        external_id: order.external_id,
        institution_user_id: institution_user_id(&profile.document, order.bank),
        created_at: order.now,
        last_accessed_at: order.now,
        stale_in: order.stale_in,
        fetch_resources: order.fetch_resources,
        gone: false,
        ready: BTreeSet::new(),
        loading: false,
        data: Arc::new(LinkData::generate(profile, order.transactions)),
        consent,
        refreshed_at: None,
        webhook_id: order.identity.child("webhook").hex(),
    }
}

/// 44 characters that depend on person and bank only, independent of the seed.
fn institution_user_id(document: &str, bank: &Bank) -> String {
    let seed = Seed::new(0).child(document).child(bank.name);
    let bytes: Vec<u8> = (0..4)
        .flat_map(|part| seed.at(part).number().to_be_bytes())
        .collect();
    URL_SAFE.encode(bytes)
}

/// Whether Belvo would treat an `external_id` as personal data and drop it.
pub fn looks_personal(id: &str) -> bool {
    let digits = id.chars().filter(char::is_ascii_digit).count();
    let only_digits_and_marks = id
        .chars()
        .all(|c| c.is_ascii_digit() || "+-(). /_".contains(c));
    id.contains('@') || (only_digits_and_marks && (10..=14).contains(&digits))
}

/// Whether an `external_id` has Belvo's form.
pub fn is_external_id(id: &str) -> bool {
    (3..=256).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
