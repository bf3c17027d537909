//! Control routes that make links: through a finished widget visit, or directly with any size.

use std::sync::Arc;

use axum::{Json, body::Bytes, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    banks::{BUSINESS_BANK, Bank, MOCK_BANK},
    connect::{self, Choice, Order, is_external_id},
    control::{Refusal, read},
    people,
    redirects::{self, WidgetOutcome},
    resources::Resource,
    world::World,
};

type Answer = Result<Json<Value>, Refusal>;

/// The largest link; more would exceed the memory of an ordinary machine.
const MOST_TRANSACTIONS: u64 = 20_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Connect {
    access_token: String,
    external_id: Option<String>,
    access_mode: Option<String>,
    institution: Option<String>,
    outcome: Option<String>,
    owner: Option<String>,
    transactions: Option<u64>,
}

/// Ends a widget visit as the user would.
pub async fn connect(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let wish: Connect = read(&body)?;
    let outcome = outcome(wish.outcome.as_deref().unwrap_or("success"))?;
    let bank = bank(wish.institution.as_deref())?;
    let access_mode = access_mode(wish.access_mode)?;
    if let Some(id) = wish
        .external_id
        .as_deref()
        .filter(|id| !connect::looks_personal(id) && !is_external_id(id))
    {
        return Err(Refusal::bad(format!(
            "external_id {id:?} does not match ^[A-Za-z0-9_-]{{3,256}}$"
        )));
    }
    let (_, creation) = connect::creation_token(&world, &wish.access_token).ok_or_else(|| {
        Refusal::bad("the access token is unknown, used or older than ten minutes")
    })?;
    if outcome != WidgetOutcome::Success {
        let redirect_url = redirects::redirect_without_link(&creation, &outcome, bank);
        return Ok(Json(
            json!({ "link_id": null, "redirect_url": redirect_url, "consent_id": null }),
        ));
    }
    let choice = Choice {
        access_token: wish.access_token,
        external_id: wish.external_id,
        access_mode,
        bank,
        owner: wish.owner.map(document).transpose()?,
        duration: creation.duration,
        transactions: transactions(wish.transactions)?,
    };
    let connected = connect::connect(&world, choice).await?;
    Ok(Json(json!({
        "link_id": connected.link_id,
        "redirect_url": connected.redirect_url,
        "consent_id": connected.consent_id,
    })))
}

fn transactions(wanted: Option<u64>) -> Result<u64, Refusal> {
    let transactions = wanted.unwrap_or(connect::USUAL_TRANSACTIONS);
    match transactions <= MOST_TRANSACTIONS {
        true => Ok(transactions),
        false => Err(Refusal::bad(format!(
            "at most {MOST_TRANSACTIONS} transactions"
        ))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    external_id: Option<String>,
    transactions: Option<u64>,
    seed: Option<u64>,
    owner: Option<String>,
    institution: Option<String>,
    access_mode: Option<String>,
    fetch_resources: Option<Vec<String>>,
    webhooks: Option<bool>,
}

/// A link of any size, without a token.
pub async fn create(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let wish: Create = read(&body)?;
    let transactions = transactions(wish.transactions)?;
    let owner = document(wish.owner.unwrap_or_else(|| people::PEOPLE[0].cpf.into()))?;
    let usual_bank = if owner.len() == 14 {
        BUSINESS_BANK
    } else {
        MOCK_BANK
    };
    let all = || {
        Resource::ALL
            .map(Resource::name)
            .map(str::to_owned)
            .to_vec()
    };
    let order = {
        let mut inner = world.lock();
        let own = inner.next_seed(world.seed, "link");
        let name = people::name_of(&owner).unwrap_or("Titular Inventado da Silva");
        let person = people::PEOPLE[0];
        Order {
            identity: own,
            seed: wish
                .seed
                .map_or(own, |seed| world.seed.child("chosen").at(seed)),
            bank: bank(wish.institution.as_deref())?.unwrap_or(usual_bank),
            person: (person.cpf.into(), person.name.into()),
            documents: vec![owner.clone()],
            owner: (owner, name.to_owned()),
            organization: "Sandbox".into(),
            external_id: wish.external_id,
            access_mode: access_mode(wish.access_mode)?,
            stale_in: "365d".into(),
            fetch_resources: wish.fetch_resources.unwrap_or_else(all),
            duration: Some(366),
            transactions,
            now: inner.now(),
            quirks: inner.faults.quirks,
        }
    };
    let link = connect::make(order).await?;
    let link_id = link.id;
    let consent_id = link.consent.id;
    connect::register(&world, link, wish.webhooks.unwrap_or(true));
    Ok(Json(
        json!({ "link_id": link_id, "consent_id": consent_id }),
    ))
}

fn outcome(text: &str) -> Result<WidgetOutcome, Refusal> {
    match (text, text.strip_prefix("exit_error:")) {
        ("success", _) => Ok(WidgetOutcome::Success),
        ("exit", _) => Ok(WidgetOutcome::Exit(None)),
        ("error", _) => Ok(WidgetOutcome::Error),
        ("warning", _) => Ok(WidgetOutcome::Warning),
        (_, Some(code)) if !code.is_empty() => Ok(WidgetOutcome::Exit(Some(code.into()))),
        _ => Err(Refusal::bad(
            "outcome is success, exit, exit_error:<code>, error or warning",
        )),
    }
}

fn bank(name: Option<&str>) -> Result<Option<&'static Bank>, Refusal> {
    match name {
        None => Ok(None),
        Some(name) => match Bank::find(name) {
            Some(bank) => Ok(Some(bank)),
            None => Err(Refusal::bad(format!(
                "no institution {name:?}; GET /_sandbox/banks lists them"
            ))),
        },
    }
}

fn access_mode(mode: Option<String>) -> Result<String, Refusal> {
    let mode = mode.unwrap_or_else(|| "recurrent".into());
    if ["single", "recurrent"].contains(&mode.as_str()) {
        Ok(mode)
    } else {
        Err(Refusal::bad("access_mode is single or recurrent"))
    }
}

fn document(document: String) -> Result<String, Refusal> {
    let is_number = document
        .bytes()
        .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if is_number && [11, 14].contains(&document.len()) {
        Ok(document)
    } else {
        Err(Refusal::bad(
            "owner is a CPF of 11 or a CNPJ of 14 characters, without marks",
        ))
    }
}
