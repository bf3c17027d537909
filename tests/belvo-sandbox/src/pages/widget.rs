//! The hosted widget: a user chooses a bank, consents or leaves, or the connection fails.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use crate::{
    banks::{BANKS, Bank},
    connect::{self, Choice},
    pages::{
        html::{self, escape, hidden},
        refused,
    },
    redirects::{self, WidgetOutcome, with_query},
    tokens::{Creation, Token},
    world::{Pending, World},
};

const DURATIONS: [(&str, &str); 5] = [
    ("92", "3 meses"),
    ("183", "6 meses"),
    ("275", "9 meses"),
    ("366", "12 meses"),
    ("", "Indeterminado"),
];

/// Parameters of the widget's address and of its form. Unknown ones are ignored, as Belvo does.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Visit {
    access_token: String,
    external_id: Option<String>,
    access_mode: Option<String>,
    locale: Option<String>,
    institutions: Option<String>,
    institution_types: Option<String>,
    consent_id: Option<String>,
    institution: Option<String>,
    duration: Option<String>,
    action: Option<String>,
}

/// The widget's page, or the redirect at the end of the App2App flow.
pub async fn show(State(world): State<Arc<World>>, Query(visit): Query<Visit>) -> Response {
    let (token, creation) = match opened(&world, &visit) {
        Ok(opened) => opened,
        Err(answer) => return *answer,
    };
    if let Some(consent) = &visit.consent_id {
        return resume(&world, &visit.access_token, consent).await;
    }
    let banks = offered(&visit, token.company.is_some());
    let body = form(&visit, &token, &creation, &banks);
    html::page(
        StatusCode::OK,
        &format!("{} quer acessar seus dados", creation.company_name),
        &body,
    )
}

/// Handles a pressed button.
pub async fn act(State(world): State<Arc<World>>, Form(visit): Form<Visit>) -> Response {
    let (_, creation) = match opened(&world, &visit) {
        Ok(opened) => opened,
        Err(answer) => return *answer,
    };
    let bank = visit.institution.as_deref().and_then(Bank::find);
    let outcome = match visit.action.as_deref() {
        Some("authorize") => return authorize(&world, &visit, &creation, bank).await,
        Some("refused") => return refused::redirect(),
        Some("error") => WidgetOutcome::Error,
        Some("warning") => WidgetOutcome::Warning,
        Some(code @ ("login_error" | "institution_down")) => WidgetOutcome::Exit(Some(code.into())),
        _ => WidgetOutcome::Exit(None),
    };
    // A user who leaves without an error has not settled on a bank.
    let bank = if outcome == WidgetOutcome::Exit(None) {
        None
    } else {
        bank
    };
    html::redirect(redirects::redirect_without_link(&creation, &outcome, bank).as_str())
}

async fn authorize(
    world: &Arc<World>,
    visit: &Visit,
    creation: &Creation,
    bank: Option<&'static Bank>,
) -> Response {
    let Some(bank) = bank else {
        return html::notice(
            StatusCode::BAD_REQUEST,
            "Escolha um banco",
            "Volte e escolha um banco da lista.",
        );
    };
    let choice = Choice {
        access_token: visit.access_token.clone(),
        external_id: visit.external_id.clone().filter(|id| !id.is_empty()),
        access_mode: if visit.access_mode.as_deref() == Some("single") {
            "single".into()
        } else {
            "recurrent".into()
        },
        bank: Some(bank),
        owner: None,
        duration: visit.duration.as_deref().and_then(|days| days.parse().ok()),
        transactions: connect::USUAL_TRANSACTIONS,
    };
    let Some(application_link) = &creation.application_link else {
        return finish(world, choice).await;
    };
    // App2App: the bank's app opens the customer's app, which opens the widget again with the same
    // query.
    let consent_id = {
        let mut inner = world.lock();
        let id = inner.next_seed(world.seed, "pending consent").uuid();
        inner.pending.insert(
            id,
            Pending {
                choice: choice.clone(),
            },
        );
        id
    };
    let locale = visit.locale.as_deref().unwrap_or("pt");
    let query = [
        ("access_token", visit.access_token.as_str()),
        ("consent_id", &consent_id.to_string()),
        ("locale", locale),
    ];
    html::redirect(with_query(application_link, &query).as_str())
}

async fn resume(world: &Arc<World>, access_token: &str, consent: &str) -> Response {
    let pending = {
        let mut inner = world.lock();
        consent
            .parse()
            .ok()
            .and_then(|id| inner.pending.remove(&id))
    };
    match pending {
        Some(Pending { choice }) if choice.access_token == access_token => {
            finish(world, choice).await
        }
        _ => expired(),
    }
}

async fn finish(world: &Arc<World>, choice: Choice) -> Response {
    match connect::connect(world, choice).await {
        Ok(connected) => html::redirect(connected.redirect_url.as_str()),
        Err(_) => expired(),
    }
}

/// The token, if the widget can use it; otherwise a page with the reason.
fn opened(world: &World, visit: &Visit) -> Result<(Token, Creation), Box<Response>> {
    if let Some(id) = visit.external_id.as_deref().filter(|id| !id.is_empty())
        && !connect::is_external_id(id)
        && !connect::looks_personal(id)
    {
        let text = "O external_id deve ter de 3 a 256 letras, números, hífens ou sublinhados.";
        return Err(Box::new(html::notice(
            StatusCode::BAD_REQUEST,
            "Endereço inválido",
            text,
        )));
    }
    connect::creation_token(world, &visit.access_token).ok_or_else(|| Box::new(expired()))
}

fn expired() -> Response {
    let text = "O token de acesso não vale mais: ele dura dez minutos e serve para uma única conexão. \
                Volte ao aplicativo e comece de novo.";
    html::notice(
        StatusCode::UNAUTHORIZED,
        "Sua sessão de conexão venceu",
        text,
    )
}

/// The banks that match the address and the token's identity.
fn offered(visit: &Visit, company: bool) -> Vec<&'static Bank> {
    let list = |text: &Option<String>| -> Vec<String> {
        let text = text.as_deref().unwrap_or_default();
        text.split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (names, types) = (list(&visit.institutions), list(&visit.institution_types));
    let kind = |bank: &Bank| if bank.business { "business" } else { "retail" };
    let fits = |bank: &&'static Bank| {
        if names.is_empty() {
            let by_type = types.is_empty() || types.iter().any(|name| name == kind(bank));
            by_type && (company || !bank.business)
        } else {
            names.iter().any(|name| name == bank.name)
        }
    };
    BANKS.into_iter().filter(fits).collect()
}

fn form(visit: &Visit, token: &Token, creation: &Creation, banks: &[&Bank]) -> String {
    let (cpf, name) = &token.person;
    let company = token
        .company
        .as_ref()
        .map_or_else(String::new, |(cnpj, name)| {
            format!(
                "<dt>Empresa</dt><dd>{} (CNPJ {})</dd>",
                escape(name),
                escape(cnpj)
            )
        });
    let preferred = if token.company.is_some() {
        banks.iter().position(|bank| bank.business)
    } else {
        None
    }
    .or(Some(0));
    let choices: String = banks
        .iter()
        .enumerate()
        .map(|(position, bank)| {
            let checked = if preferred == Some(position) { " checked" } else { "" };
            format!(
                "<label class=\"row\"><input type=\"radio\" name=\"institution\" value=\"{}\" required{checked}> {}</label>\n",
                bank.name, escape(bank.display_name)
            )
        })
        .collect();
    let preselected = creation
        .duration
        .map(|days| days.to_string())
        .unwrap_or_default();
    let durations: String = DURATIONS
        .iter()
        .map(|(value, label)| {
            let selected = if *value == preselected {
                " selected"
            } else {
                ""
            };
            format!("<option value=\"{value}\"{selected}>{label}</option>")
        })
        .collect();
    let kept: String = [
        ("access_token", Some(&visit.access_token)),
        ("external_id", visit.external_id.as_ref()),
        ("access_mode", visit.access_mode.as_ref()),
        ("locale", visit.locale.as_ref()),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| hidden(name, value)))
    .collect();
    let purpose = escape(&creation.purpose);
    let (cpf, name) = (escape(cpf), escape(name));
    format!(
        "<p>{purpose}</p>
<dl><dt>Titular</dt><dd>{name} (CPF {cpf})</dd>{company}</dl>
<form method=\"post\" action=\"/widget/\">
{kept}<fieldset><legend>Escolha seu banco</legend>
{choices}</fieldset>
<fieldset><legend>O que você compartilha</legend>
<ul><li>Dados cadastrais</li><li>Contas, saldos e extratos</li><li>Cartões de crédito e faturas</li><li>Empréstimos e financiamentos</li><li>Investimentos</li></ul>
<label for=\"duration\">Por quanto tempo</label>
<select id=\"duration\" name=\"duration\">{durations}</select>
</fieldset>
<button class=\"main\" type=\"submit\" name=\"action\" value=\"authorize\">Autorizar no banco</button>
<button type=\"submit\" name=\"action\" value=\"exit\" formnovalidate>Sair</button>
<details><summary>Simular falha</summary>
<button type=\"submit\" name=\"action\" value=\"refused\">O banco recusou</button>
<button type=\"submit\" name=\"action\" value=\"login_error\">O banco não reconhece os dados</button>
<button type=\"submit\" name=\"action\" value=\"institution_down\">O banco está fora do ar</button>
<button type=\"submit\" name=\"action\" value=\"warning\">Aviso: banco desativado</button>
<button type=\"submit\" name=\"action\" value=\"error\">Erro: token inválido</button>
</details>
</form>"
    )
}
