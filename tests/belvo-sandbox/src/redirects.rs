//! The addresses to which the widget returns the user.

use url::{Url, form_urlencoded};

use crate::{banks::Bank, tokens::Creation};

/// The end of a visit to the widget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WidgetOutcome {
    Success,
    /// The user left, after this error if there was one.
    Exit(Option<String>),
    /// The widget refused the token.
    Error,
    /// The bank is switched off.
    Warning,
}

/// The address for a visit that made no link.
pub fn redirect_without_link(
    creation: &Creation,
    outcome: &WidgetOutcome,
    bank: Option<&Bank>,
) -> Url {
    let code = match outcome {
        WidgetOutcome::Exit(code) => code.as_deref(),
        WidgetOutcome::Error => {
            let text = "The access token was not provided or is not valid";
            let query = [("error", "ACCESS_TOKEN_NOT_VALID"), ("error_message", text)];
            return with_query(&creation.event, &query);
        }
        WidgetOutcome::Warning => {
            let text = "The institution is temporarily unavailable.";
            let query = [
                ("warning", "institution_disabled"),
                ("warning_message", text),
            ];
            return with_query(&creation.event, &query);
        }
        WidgetOutcome::Success => None,
    };
    let mut query = Vec::new();
    if let Some(code) = code {
        query.push(("last_encountered_error_code", code));
        query.push(("last_encountered_error_message", message_of(code)));
    }
    match bank {
        Some(bank) => query.push(("meta_data_institution_name", bank.name)),
        None => query.push(("meta_data_step", "abandon-survey")),
    }
    with_query(&creation.exit, &query)
}

fn message_of(code: &str) -> &'static str {
    match code {
        "login_error" => "Invalid credentials provided to login to the institution",
        "institution_down" => "The financial institution is down, try again later",
        "too_many_sessions" => {
            "Impossible to login, a session is already opened with the institution for these credentials"
        }
        _ => "Something went wrong",
    }
}

/// The URL with these parameters added; spaces become `%20`, as in Belvo's samples.
pub fn with_query(url: &Url, pairs: &[(&str, &str)]) -> Url {
    if pairs.is_empty() {
        return url.clone();
    }
    let added = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
        .replace('+', "%20");
    let query = match url.query() {
        Some(query) if !query.is_empty() => format!("{query}&{added}"),
        _ => added,
    };
    let mut url = url.clone();
    url.set_query(Some(&query));
    url
}
