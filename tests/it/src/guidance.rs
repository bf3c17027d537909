//! The texts for users: every code that Belvo documents, and every state of ours, has its own.

use std::collections::BTreeMap;

use domain::{Action, Code, Guidance, guidance};
use serde_json::{Value, json};

/// Codes in the widget's redirects, and in the address of a bank's refusal.
const CONNECTING: [&str; 17] = [
    "ACCESS_TOKEN_NOT_VALID",
    "activation_failed",
    "activation_required",
    "duplicated",
    "institution_disabled",
    "institution_down",
    "institution_inactive",
    "institution_unavailable",
    "login_error",
    "risk_analysis_denied",
    "service_unavailable",
    "session_expired",
    "session_expired_ob",
    "too_many_sessions",
    "unconfirmed_link",
    "unexpected_error",
    "request_timeout",
];

/// Codes in the answers of the data endpoints about a link.
const LINK: [&str; 12] = [
    "consent_without_accounts",
    "does_not_exist",
    "expired_credentials",
    "invalid_credentials",
    "invalid_link",
    "link_deleted",
    "link_refreshed",
    "not_found",
    "operational_limits_reached",
    "token_required",
    "unavailable_data",
    "unsupported_operation",
];

/// Errors of our requests, or of our account.
const OURSELVES: [&str; 17] = [
    "access_to_production_denied",
    "access_to_resource_denied",
    "authentication_failed",
    "blank",
    "invalid",
    "invalid_choice",
    "invalid_credentials_storage",
    "invalid_fetch_resources",
    "invalid_period",
    "method_not_allowed",
    "not_a_list",
    "null",
    "parse_error",
    "permission_denied",
    "quota_limit_reached",
    "required",
    "validation_error",
];

/// Consent webhooks, and the reasons the network records for a rejection.
const CONSENT: [&str; 12] = [
    "CONSENT_EXPIRED",
    "CONSENT_MAX_DATE_REACHED",
    "CONSENT_TECHNICAL_ISSUE",
    "CUSTOMER_MANUALLY_REJECTED",
    "CUSTOMER_MANUALLY_REVOKED",
    "INTERNAL_SECURITY_REASON",
    "consent_expired",
    "openfinance_consent_about_to_expire",
    "openfinance_consent_expiration_changed",
    "openfinance_consent_expired",
    "openfinance_consent_with_temporarily_unavailable_resources",
    "openfinance_consent_with_unrecoverable_resources",
];

const STATES: [&str; 19] = [
    "already_connected",
    "awaiting_owner",
    "awaiting_proof",
    "consent_expired",
    "consent_expiring",
    "consent_pending",
    "consent_rejected",
    "consent_unavailable_resources",
    "consent_unrecoverable_resources",
    "erased",
    "exit",
    "limit_reached",
    "link_gone",
    "loading",
    "no_answer",
    "no_callback",
    "ok",
    "owner_mismatch",
    "refreshing",
];

fn belvos() -> impl Iterator<Item = &'static str> {
    let all = [&CONNECTING[..], &LINK, &OURSELVES, &CONSENT];
    all.into_iter().flatten().copied()
}

fn all() -> Vec<&'static Guidance> {
    let codes = belvos().chain(STATES).chain(["nonsense"]);
    codes.map(guidance).collect()
}

#[test]
fn every_documented_code_has_its_own_words() {
    for code in belvos().chain(STATES) {
        let found = guidance(code);
        assert!(found.known, "{code} has no words");
        assert_eq!(found.code, code);
        // These codes reach us through this response.
        assert_eq!(Code::lenient(code).as_str(), code);
    }
    for code in belvos() {
        assert!(guidance(code).cause.is_some(), "{code} has no cause");
    }
}

#[test]
fn an_unknown_code_has_words_too() {
    for code in ["", "nonsense", "unknown", "unrecognized", "LOGIN_ERROR"] {
        let found = guidance(code);
        assert!(!found.known, "{code}");
        assert_eq!((found.code, found.action), ("unknown", Action::TryAgain));
    }
}

#[test]
fn every_text_is_whole_in_both_languages() {
    let mut translations = BTreeMap::new();
    for guidance in all() {
        let code = guidance.code;
        for text in [Some(guidance.text), guidance.cause].into_iter().flatten() {
            assert_ne!(text.pt, text.en, "{code}");
            for text in [text.pt, text.en] {
                assert!(text.len() > 20 && text.trim() == text, "{code}: {text}");
                assert!(text.ends_with(['.', '?']), "{code}: {text}");
                assert!(!text.contains("  "), "{code}: {text}");
                // No placeholder, no character that HTML would escape, no name of a field.
                let odd = ['{', '}', '<', '>', '&', '%', '$', '[', '_', '"'];
                assert!(!text.contains(odd), "{code}: {text}");
            }
            let known = translations.insert(text.pt, text.en);
            assert!(
                known.is_none_or(|known| known == text.en),
                "{code}: {known:?}"
            );
        }
    }
}

#[test]
fn the_banks_refusal_has_advice() {
    let advice = guidance("risk_analysis_denied");
    for text in [advice.text.pt, advice.text.en] {
        for word in ["VPN", "Itaú", "Guardião 30 horas", "CPF", "CNPJ"] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
    let silent = guidance("no_callback");
    assert_eq!((silent.text, silent.cause), (advice.text, advice.cause));
}

#[test]
fn no_text_accuses_a_user_of_fraud_or_of_our_mistakes() {
    for guidance in all() {
        let texts = [Some(guidance.text), guidance.cause].into_iter().flatten();
        for text in texts.flat_map(|text| [text.pt, text.en]) {
            let text = text.to_lowercase();
            for word in ["fraud", "golpe", "suspeit", "suspic", "json", "token"] {
                assert!(!text.contains(word), "{}: {text}", guidance.code);
            }
        }
    }
    for code in OURSELVES {
        assert_eq!(guidance(code).action, Action::ContactSupport, "{code}");
    }
}

#[test]
fn guidance_has_the_form_of_the_api() {
    let advice = guidance("operational_limits_reached");
    let written = |guidance: &Guidance| serde_json::to_value(guidance).unwrap();
    assert_eq!(
        written(advice),
        json!({
            "action": "wait_until",
            "code": "operational_limits_reached",
            "cause": {"pt-BR": advice.cause.unwrap().pt, "en": advice.cause.unwrap().en},
            "text": {"pt-BR": advice.text.pt, "en": advice.text.en},
            "until": null,
        })
    );
    let until = "2026-12-01T03:00:00Z".parse().unwrap();
    let advice = Guidance {
        until: Some(until),
        ..*advice
    };
    assert_eq!(written(&advice)["until"], "2026-12-01T03:00:00Z");
    assert_eq!(written(guidance("ok"))["cause"], Value::Null);
}
