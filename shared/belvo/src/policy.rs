//! What to do about each failure: the one table.
//!
//! Belvo's error guide says which failures pass ("50x up to five times, 3 s doubled"; a session
//! that is open, two minutes) and which do not. The rest is what its gateway and practice add.

use http::StatusCode;

/// When a failed call is worth repeating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Within seconds; if that does not help, [`Wait::Longer`].
    InPlace,
    /// Not by this call; when, is said inside.
    Later(Wait),
    /// Not as it is: the user must act, or Belvo has no data.
    Never,
}

/// How long to leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Half a minute at first, then longer and longer.
    Longer,
    /// Two minutes at least: a session is open at the bank.
    Minutes,
    /// An hour at least: the bank is down.
    Hours,
    /// As [`Wait::Longer`] for some days, because it is not known what the code means.
    Unknown,
    /// Until the Open Finance limits of the next month.
    NextMonth,
}

/// Codes after which the same request fails again until the user, the bank or Belvo's support has
/// changed something (Belvo's error guide). Any other code may be new, and may pass.
const FINAL: &[&str] = &[
    // The request is wrong.
    "required",
    "blank",
    "null",
    "invalid",
    "invalid_choice",
    "not_a_list",
    "parse_error",
    "does_not_exist",
    "validation_error",
    "unsupported_operation",
    "invalid_period",
    "invalid_fetch_resources",
    "invalid_credentials_storage",
    "not_found",
    "method_not_allowed",
    // The user must act. (`consent_without_accounts` has the same status as wrong keys.)
    "login_error",
    "invalid_link",
    "unconfirmed_link",
    "session_expired",
    "session_expired_ob",
    "duplicated",
    "expired_credentials",
    "token_required",
    "activation_required",
    "activation_failed",
    "consent_without_accounts",
    // The account with Belvo lacks a permission.
    "access_to_production_denied",
    "access_to_resource_denied",
    "permission_denied",
    "quota_limit_reached",
];

/// Codes that say that Belvo does not know our keys.
pub(crate) const OF_KEYS: &[&str] = &["authentication_failed", "not_authenticated"];

/// What to do about an answer of Belvo's with this status and code. A code says more than a status,
/// so one that passes counts under any.
pub(crate) fn retry(status: StatusCode, code: &str) -> Retry {
    use Retry::{InPlace, Later, Never};
    match (status.as_u16(), code) {
        (_, "too_many_sessions") => Later(Wait::Minutes),
        (_, "institution_down" | "institution_unavailable" | "institution_inactive") => {
            Later(Wait::Hours)
        }
        (_, "unavailable_data") => Later(Wait::Hours),
        (_, "operational_limits_reached") => Later(Wait::NextMonth),
        // A refresh within ten minutes of another.
        (_, "link_refreshed") => Later(Wait::Minutes),
        (_, "throttled") => Later(Wait::Longer),
        _ if OF_KEYS.contains(&code) => Later(Wait::Longer),
        // Five minutes are up, and what was read until then is kept: asking again helps.
        (408, _) | (_, "request_timeout") => InPlace,
        (429, _) => Later(Wait::Longer),
        (500..=599, _) | (_, "unexpected_error" | "service_unavailable") => InPlace,
        _ if FINAL.contains(&code) => Never,
        _ => Later(Wait::Unknown),
    }
}

/// What to do about an answer of something in front of Belvo: it says nothing about what was asked
/// for, so whatever its status, the call is made again.
pub(crate) fn retry_after_gateway(status: StatusCode) -> Retry {
    match status.as_u16() {
        // Too many requests (403: more than 80 in 30 s), or a connection that leads to another
        // server. Repeating at once makes it worse.
        403 | 421 | 429 => Retry::Later(Wait::Longer),
        _ => Retry::InPlace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_line() {
        use Retry::{InPlace, Later, Never};
        use Wait::{Hours, Longer, Minutes, NextMonth, Unknown};
        for (status, codes, expected) in [
            (
                400,
                "required blank null invalid invalid_choice not_a_list parse_error \
                 does_not_exist validation_error login_error invalid_link unconfirmed_link \
                 session_expired session_expired_ob duplicated unsupported_operation \
                 invalid_period invalid_fetch_resources invalid_credentials_storage \
                 activation_failed",
                Never,
            ),
            (400, "never_seen_before unrecognized", Later(Unknown)),
            (400, "too_many_sessions", Later(Minutes)),
            (
                400,
                "institution_down institution_unavailable institution_inactive unavailable_data",
                Later(Hours),
            ),
            (400, "operational_limits_reached", Later(NextMonth)),
            (
                401,
                "authentication_failed not_authenticated",
                Later(Longer),
            ),
            (401, "never_seen_before", Later(Unknown)),
            (401, "consent_without_accounts", Never),
            (
                403,
                "access_to_production_denied access_to_resource_denied permission_denied \
                 quota_limit_reached",
                Never,
            ),
            (403, "never_seen_before", Later(Unknown)),
            (404, "not_found expired_credentials", Never),
            (404, "never_seen_before", Later(Unknown)),
            (405, "method_not_allowed", Never),
            (408, "request_timeout", InPlace),
            (409, "link_refreshed", Later(Minutes)),
            (409, "never_seen_before", Later(Unknown)),
            (428, "token_required activation_required", Never),
            (429, "throttled never_seen_before", Later(Longer)),
            (500, "unexpected_error service_unavailable", InPlace),
            (503, "service_unavailable", InPlace),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            for code in codes.split_whitespace() {
                assert_eq!(retry(status, code), expected, "{status} {code}");
            }
        }
    }

    #[test]
    fn a_code_that_passes_counts_under_any_status() {
        for code in [
            "too_many_sessions",
            "institution_down",
            "institution_unavailable",
            "institution_inactive",
            "unavailable_data",
            "operational_limits_reached",
            "authentication_failed",
            "not_authenticated",
            "link_refreshed",
            "throttled",
            "unexpected_error",
        ] {
            let usual = retry(StatusCode::BAD_REQUEST, code);
            assert!(!matches!(usual, Retry::Never | Retry::Later(Wait::Unknown)));
            for status in [401, 403, 404, 409, 422, 428, 429, 500, 503] {
                let status = StatusCode::from_u16(status).unwrap();
                if code != "unexpected_error" || status != StatusCode::TOO_MANY_REQUESTS {
                    assert_eq!(retry(status, code), usual, "{status} {code}");
                }
            }
        }
    }
}
