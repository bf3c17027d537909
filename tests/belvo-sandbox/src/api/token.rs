//! `POST /api/token/`: the keys are in the body, which is validated as strictly as Belvo does.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    api::keys_match,
    api::rules::Reader,
    errors::{self, Complaint},
    tokens::{self, Creation, Token, Use},
    world::World,
};

const CREATION_SCOPES: &str = "read_institutions,write_links,read_consents,write_consents,write_consent_callback,delete_consents";
const MANAGEMENT_SCOPES: &str = "read_consents,write_consents,write_consent_callback";
const PERMISSIONS: [&str; 4] = ["REGISTER", "ACCOUNTS", "CREDIT_CARDS", "CREDIT_OPERATIONS"];
const RESOURCES: [&str; 10] = [
    "ACCOUNTS",
    "TRANSACTIONS",
    "OWNERS",
    "BILLS",
    "INVESTMENTS",
    "INVESTMENT_TRANSACTIONS",
    "EXCHANGES",
    "INCOMES",
    "RECURRING_EXPENSES",
    "RISK_INSIGHTS",
];
/// The limit of Belvo's guide. The schema says 140, although its sample text has 147 characters.
const PURPOSE_LENGTH: usize = 600;
const DEFAULT_PURPOSE: &str = "Soluções financeiras personalizadas.";
const DURATIONS: [i64; 4] = [92, 183, 275, 366];

pub async fn mint(State(world): State<Arc<World>>, body: Bytes) -> Response {
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(why) => {
            let why = format!("JSON parse error - {why}");
            return errors::bad_request(vec![Complaint::new("parse_error", why)]);
        }
    };
    let mut reader = Reader::new(&body);
    let (id, password) = (reader.text("id"), reader.text("password"));
    if let Some(complaints) = reader.complaints() {
        return errors::bad_request(complaints);
    }
    if !keys_match(&world.lock().keys, &id, &password) {
        return errors::wrong_keys();
    }
    let scopes = reader.text("scopes");
    let feature = reader.choice(
        "widget.openfinance_feature",
        &["consent_link_creation", "consent_management"],
    );
    let managing = feature == "consent_management";
    let expected = if managing {
        MANAGEMENT_SCOPES
    } else {
        CREATION_SCOPES
    };
    if !scopes.is_empty() && scopes != expected {
        let message = format!("\"{scopes}\" is not a valid choice.");
        reader.complain(Complaint::about("scopes", "invalid_choice", message));
    }
    let (person, company) = identities(&mut reader);
    reader.url(
        "widget.consent.terms_and_conditions_url",
        &["http", "https"],
    );
    permissions(&mut reader);
    let use_ = if managing {
        Some(Use::Management)
    } else {
        creation(&mut reader).map(|creation| Use::Creation(Box::new(creation)))
    };
    let complaints = reader.complaints().unwrap_or_default();
    let (true, Some(use_)) = (complaints.is_empty(), use_) else {
        return errors::bad_request(complaints);
    };
    let mut inner = world.lock();
    let token = Token {
        use_,
        person,
        company,
        minted_at: inner.now(),
        used: false,
    };
    let seed = inner.next_seed(world.seed, "token");
    let (refresh, access) = tokens::write(&token, &scopes, seed);
    inner.tokens.insert(access.clone(), token);
    (
        StatusCode::OK,
        axum::Json(json!({ "refresh": refresh, "access": access })),
    )
        .into_response()
}

/// The part of the body that only a token for a new link needs.
fn creation(reader: &mut Reader) -> Option<Creation> {
    let fetch_resources = reader.list_of("fetch_resources", &RESOURCES);
    let stale_in = reader.text("stale_in");
    let days = stale_in.strip_suffix('d').unwrap_or_default();
    let is_days = (1..=3).contains(&days.len()) && days.bytes().all(|byte| byte.is_ascii_digit());
    if !stale_in.is_empty() && !is_days {
        let message = "This value does not match the required pattern.";
        reader.complain(Complaint::about("stale_in", "invalid", message));
    }
    for field in ["company_icon", "company_logo", "company_terms_url"] {
        reader.url(&format!("widget.branding.{field}"), &["http", "https"]);
    }
    let purpose = ["widget.consent.purpose", "widget.purpose"]
        .into_iter()
        .find_map(|field| reader.optional_text(field))
        .unwrap_or_else(|| DEFAULT_PURPOSE.into());
    if purpose.chars().count() > PURPOSE_LENGTH {
        let message = format!("Ensure this field has no more than {PURPOSE_LENGTH} characters.");
        reader.complain(Complaint::about(
            "widget.consent.purpose",
            "max_length",
            message,
        ));
    }
    if reader.optional_text("widget.color_scheme").is_some() {
        reader.choice("widget.color_scheme", &["LIGHT", "DARK"]);
    }
    theme(reader);
    let urls = (
        callback(reader, "success"),
        callback(reader, "exit"),
        callback(reader, "event"),
    );
    let application_link = "widget.callback_urls.application_link";
    let application_link = reader
        .optional_text(application_link)
        .and_then(|_| reader.url(application_link, &["https", "http"]));
    let company_name = reader.text("widget.branding.company_name");
    let duration = reader
        .value("widget.consent.default_consent_duration_days")
        .and_then(Value::as_i64)
        .filter(|days| DURATIONS.contains(days));
    // A missing URL has already added an error.
    let (Some(success), Some(exit), Some(event)) = urls else {
        return None;
    };
    Some(Creation {
        fetch_resources,
        stale_in,
        success,
        exit,
        event,
        application_link,
        company_name,
        purpose,
        duration,
    })
}

fn callback(reader: &mut Reader, name: &str) -> Option<Url> {
    reader.url(&format!("widget.callback_urls.{name}"), &[])
}

fn theme(reader: &mut Reader) {
    let Some(theme) = reader.value("widget.theme") else {
        return;
    };
    let is_entry = |entry: &Value| entry["css_key"].is_string() && entry["value"].is_string();
    match theme.as_array() {
        Some(entries) if entries.iter().all(is_entry) => {}
        Some(_) => reader.complain(Complaint::required("widget.theme")),
        None => reader.complain(Complaint::about(
            "widget.theme",
            "not_a_list",
            "Expected a list.",
        )),
    }
}

fn permissions(reader: &mut Reader) {
    let field = "widget.consent.permissions";
    let given = reader.list_of(field, &PERMISSIONS);
    let all = PERMISSIONS
        .iter()
        .all(|name| given.iter().any(|given| given == name));
    if !given.is_empty() && (given.len() != PERMISSIONS.len() || !all) {
        let message = "Exactly these permissions are allowed: REGISTER, ACCOUNTS, CREDIT_CARDS, CREDIT_OPERATIONS.";
        reader.complain(Complaint::about(field, "validation_error", message));
    }
}

/// CPF and name of a document holder.
type Identity = (String, String);

/// A person, or a person and a company.
fn identities(reader: &mut Reader) -> (Identity, Option<Identity>) {
    let field = "widget.consent.identification_info";
    let entries = reader.objects(field);
    let mut person = None;
    let mut company = None;
    for index in 0..entries {
        let at = |name: &str| format!("{field}.{index}.{name}");
        let kind = reader.choice(&at("type"), &["CPF", "CNPJ"]);
        let (number, name) = (reader.text(&at("number")), reader.text(&at("name")));
        let (slot, fits) = match kind.as_str() {
            "CPF" => (
                &mut person,
                number.len() == 11 && number.bytes().all(|b| b.is_ascii_digit()),
            ),
            "CNPJ" => (
                &mut company,
                number.len() == 14
                    && number
                        .bytes()
                        .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()),
            ),
            _ => continue,
        };
        if slot.replace((number, name)).is_some() || !fits {
            reader.complain(Complaint::about(
                &at("number"),
                "invalid",
                "This document number is not valid.",
            ));
        }
    }
    if entries > 2 {
        reader.complain(Complaint::about(
            field,
            "validation_error",
            "Ensure this field has no more than 2 elements.",
        ));
    }
    if entries > 0 && person.is_none() {
        reader.complain(Complaint::about(
            field,
            "validation_error",
            "A CPF is required.",
        ));
    }
    (person.unwrap_or_default(), company)
}
