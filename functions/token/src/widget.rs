//! The URL that opens the widget, and the URLs the widget sends the user back to.

use belvo::{AccessToken, CallbackUrls};
use domain::session::MAX_PATH;
use domain::{AccessMode, CallbackKind, ExternalId, InstitutionName, ReturnUrl};
use domain::{Session, SigningKeys};
use runtime::{Problem, ProblemKind};
use url::Url;

use crate::config::WidgetConfig;
use crate::request::{CallbackTarget, TokenRequest};

/// The address of the hosted widget for one user and one attempt.
pub(crate) fn widget_url(
    config: &WidgetConfig,
    token: &AccessToken,
    access_mode: AccessMode,
    external_id: &ExternalId,
    institutions: &[InstitutionName],
) -> Url {
    let mut url = config.url.clone();
    let mut query = url.query_pairs_mut();
    query
        .append_pair("access_token", token.expose())
        .extend_pairs(&config.parameters)
        .append_pair("access_mode", access_mode.name())
        .append_pair("external_id", external_id.as_str());
    if !institutions.is_empty() {
        let names: Vec<_> = institutions.iter().map(InstitutionName::as_str).collect();
        query.append_pair("institutions", &names.join(","));
    }
    drop(query);
    url
}

/// The three callback addresses, below this API's or below the app's, each with the session in its
/// path. The session holds the return URL, so a long one makes a long path.
pub(crate) fn callback_urls(
    request: &TokenRequest,
    public_url: &Url,
    session: &Session,
    keys: &SigningKeys,
) -> Result<CallbackUrls, Problem> {
    let target = |kind: CallbackKind| {
        let session = session.sign(kind, keys)?;
        let url = match (request.callback, &request.return_url) {
            (CallbackTarget::App, Some(app)) => below_app(app, &session, kind.name()),
            _ => below(public_url, &["callback", &session, kind.name()]),
        };
        match url.path().len() > MAX_PATH {
            true => Err(too_long()),
            false => Ok(url),
        }
    };
    Ok(CallbackUrls {
        success: target(CallbackKind::Success)?,
        exit: target(CallbackKind::Exit)?,
        event: target(CallbackKind::Event)?,
        application_link: request.application_link.clone(),
    })
}

fn too_long() -> Problem {
    let rule = format!(
        "must be shorter: with the user's id, the callback's path has more than {MAX_PATH} bytes"
    );
    Problem::new(ProblemKind::InvalidRequest).at("/return_url", rule)
}

fn below_app(app: &ReturnUrl, session: &str, outcome: &str) -> Url {
    let mut url = app.with_segments(&[session, outcome]);
    // Belvo does not document how it appends to a URL that has a query.
    url.set_query(None);
    url
}

fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    // Cannot fail: the configuration takes http and https addresses only.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}
