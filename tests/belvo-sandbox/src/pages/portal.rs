//! My Belvo Portal, where a person renews or revokes consents.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use url::form_urlencoded;
use uuid::Uuid;

use crate::{
    clock, collect,
    links::Link,
    pages::html::{self, escape, hidden},
    tokens::{Token, Use},
    world::World,
};

/// A renewed consent lasts this many days from today: Belvo's twelve months.
const RENEWED_DAYS: i64 = 366;

/// Parameters of the portal's address and of its forms.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Visit {
    access_token: Option<String>,
    link_id: Option<String>,
    consent_id: Option<String>,
    action: Option<String>,
    mode: Option<String>,
}

/// The consents of the token's person, or of one link.
pub async fn show(State(world): State<Arc<World>>, Query(visit): Query<Visit>) -> Response {
    let Some(access_token) = visit
        .access_token
        .as_deref()
        .filter(|_| visit.mode.as_deref() != Some("landing"))
    else {
        return landing();
    };
    let Some(token) = token(&world, access_token) else {
        return expired();
    };
    let renewing = visit.action.as_deref() == Some("renew");
    let wanted = visit.link_id.as_deref().filter(|_| renewing);
    let inner = world.lock();
    let articles: String = inner
        .links_by_age()
        .into_iter()
        .filter(|link| is_theirs(link, &token) && wanted.is_none_or(|id| link.id.to_string() == id))
        .map(|link| article(link, access_token))
        .collect();
    let body = if articles.is_empty() {
        "<p>Nenhum consentimento encontrado.</p>".into()
    } else {
        articles
    };
    if renewing {
        let body = body + &way_back(access_token);
        html::page(StatusCode::OK, "Renovar consentimento", &body)
    } else {
        html::page(StatusCode::OK, "Meus consentimentos", &body)
    }
}

/// Handles a pressed button.
pub async fn act(State(world): State<Arc<World>>, Form(visit): Form<Visit>) -> Response {
    let Some(token) = visit
        .access_token
        .as_deref()
        .and_then(|token| self::token(&world, token))
    else {
        return expired();
    };
    let consent_id = visit.consent_id.and_then(|id| id.parse::<Uuid>().ok());
    let mut inner = world.lock();
    let now = inner.now();
    let link = inner
        .links
        .values_mut()
        .find(|link| Some(link.consent.id) == consent_id && is_theirs(link, &token));
    let Some(link) = link else {
        return html::notice(
            StatusCode::NOT_FOUND,
            "Não encontrado",
            "Este consentimento não é seu ou não existe mais.",
        );
    };
    let link_id = link.id;
    match visit.action.as_deref() {
        Some("renew") => {
            link.consent.expired_at = Some(clock::seconds_from(now, RENEWED_DAYS * 86_400));
            link.consent.duration = Some(RENEWED_DAYS);
            link.consent.status = "AUTHORISED".into();
            link.status = "valid".into();
            collect::consent_event(
                &world,
                &mut inner,
                link_id,
                "openfinance_consent_expiration_changed",
            );
            html::notice(
                StatusCode::OK,
                "Consentimento renovado",
                "Pronto. Você já pode fechar esta página.",
            )
        }
        Some("revoke") => {
            // Belvo's schema knows no "revoked".
            link.consent.status = "REJECTED".into();
            link.consent.expired_at = Some(now);
            link.status = "invalid".into();
            collect::consent_event(&world, &mut inner, link_id, "openfinance_consent_expired");
            html::notice(
                StatusCode::OK,
                "Consentimento encerrado",
                "O acesso aos seus dados foi encerrado.",
            )
        }
        _ => html::notice(
            StatusCode::BAD_REQUEST,
            "Pedido inválido",
            "Escolha renovar ou encerrar.",
        ),
    }
}

fn token(world: &World, access_token: &str) -> Option<Token> {
    let inner = world.lock();
    inner
        .tokens
        .get(access_token)
        .filter(|token| matches!(token.use_, Use::Management) && token.is_alive(inner.now()))
        .cloned()
}

fn is_theirs(link: &Link, token: &Token) -> bool {
    token
        .documents()
        .iter()
        .any(|document| link.consent.documents.contains(document))
}

fn article(link: &Link, access_token: &str) -> String {
    let consent = &link.consent;
    let until = match consent.expired_at {
        Some(moment) => clock::day(moment).strftime("%d/%m/%Y").to_string(),
        None => "Indeterminado".into(),
    };
    let status = match consent.status.as_str() {
        "AUTHORISED" => "Ativo",
        "EXPIRED" => "Vencido",
        "REJECTED" => "Encerrado",
        _ => "Aguardando",
    };
    let (bank, organization) = (
        escape(link.bank.display_name),
        escape(&consent.organization),
    );
    let fields =
        hidden("access_token", access_token) + &hidden("consent_id", &consent.id.to_string());
    format!(
        "<article><h2>{bank}</h2>
<dl><dt>Compartilhado com</dt><dd>{organization}</dd><dt>Situação</dt><dd>{status}</dd><dt>Válido até</dt><dd>{until}</dd></dl>
<form method=\"post\" action=\"/portal/\">
{fields}<button class=\"main\" type=\"submit\" name=\"action\" value=\"renew\">Renovar por 12 meses</button>
<button type=\"submit\" name=\"action\" value=\"revoke\">Encerrar</button>
</form></article>\n"
    )
}

/// The portal has no address to return to, so a user who does not renew gets the list of all
/// consents.
fn way_back(access_token: &str) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("access_token", access_token)
        .finish();
    format!(
        "<p><a href=\"/portal/?{}\">Agora não</a></p>",
        escape(&query)
    )
}

fn landing() -> Response {
    html::notice(
        StatusCode::OK,
        "Meu Portal",
        "Aqui você vê e encerra os consentimentos que deu. Abra o portal pelo aplicativo para se identificar.",
    )
}

fn expired() -> Response {
    let text = "O token de acesso não vale mais: ele dura dez minutos. Volte ao aplicativo e comece de novo.";
    html::notice(StatusCode::UNAUTHORIZED, "Sua sessão venceu", text)
}
