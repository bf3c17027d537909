//! The addresses of My Belvo Portal.

use belvo::AccessToken;
use url::Url;

use crate::renewal::Renewal;

/// The portal with this user's consents to the customer. The query of the configured address is
/// for the public portal, and left out.
pub(crate) fn managing(portal: &Url, token: &AccessToken) -> Url {
    with_query(portal, &[("access_token", token.expose())])
}

/// The portal at the renewal of one consent, with the facts Belvo's page needs.
pub(crate) fn renewing(portal: &Url, token: &AccessToken, renewal: &Renewal) -> Url {
    let (link, consent) = (
        renewal.link.link_id.to_string(),
        renewal.consent.to_string(),
    );
    let details = &renewal.details;
    // Facts of the bank that Belvo did not give are left out.
    let pairs = [
        ("access_token", Some(token.expose())),
        ("link_id", Some(link.as_str())),
        ("consent_id", Some(consent.as_str())),
        ("institution", details.institution.as_deref()),
        (
            "institution_display_name",
            details.institution_display_name.as_deref(),
        ),
        (
            "institution_icon_logo",
            details.institution_icon_logo.as_deref(),
        ),
        ("action", Some("renew")),
    ];
    let pairs = pairs.into_iter();
    let pairs: Vec<_> = pairs
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    with_query(portal, &pairs)
}

fn with_query(portal: &Url, pairs: &[(&str, &str)]) -> Url {
    let mut url = portal.clone();
    url.set_query(None);
    url.query_pairs_mut().extend_pairs(pairs);
    // Belvo writes a blank as `%20`, and a page may read `+` literally. A literal plus is `%2B`.
    let query = url.query().map(|query| query.replace('+', "%20"));
    url.set_query(query.as_deref());
    url
}
