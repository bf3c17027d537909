//! What a user sees when there is no app to go back to, or before going back to it.
//!
//! Plain pages in Brazilian Portuguese, without scripts and without anything from elsewhere.

use domain::Outcome;
use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderValue, Response, StatusCode};
use url::Url;

/// What happened, and a button to the app if there is one.
pub(crate) fn done(outcome: &Outcome, app: Option<&Url>) -> Response<String> {
    let (title, text) = match (outcome, outcome.code().map(domain::Code::as_str)) {
        (Outcome::Success { .. }, _) => (
            "Conta conectada",
            "Seus dados estão a caminho. Você já pode voltar ao aplicativo.",
        ),
        (Outcome::Exit { code: None, .. }, _) => (
            "Conexão não concluída",
            "Você saiu antes de concluir. Volte ao aplicativo para tentar de novo.",
        ),
        (_, Some("ACCESS_TOKEN_NOT_VALID" | "session_expired" | "session_expired_ob")) => (
            "Sessão vencida",
            "Sua sessão de conexão venceu. Volte ao aplicativo e comece de novo.",
        ),
        (
            _,
            Some(
                "institution_down"
                | "institution_unavailable"
                | "institution_inactive"
                | "institution_disabled",
            ),
        ) => (
            "Banco fora do ar",
            "Este banco está fora do ar no momento. Tente mais tarde ou escolha outro.",
        ),
        (_, Some("login_error")) => (
            "Dados não confirmados",
            "O banco não confirmou seus dados. Confira CPF ou CNPJ e tente de novo.",
        ),
        (_, Some("too_many_sessions")) => (
            "Outra sessão aberta",
            "Há outra sessão aberta nesse banco. Encerre-a, aguarde dois minutos e tente de novo.",
        ),
        _ => (
            "Algo deu errado",
            "Não foi possível conectar sua conta agora. Tente de novo em instantes.",
        ),
    };
    page(StatusCode::OK, title, text, app)
}

/// The session was ours and is too old.
pub(crate) fn expired() -> Response<String> {
    page(
        StatusCode::GONE,
        "Sessão vencida",
        "Sua sessão de conexão venceu. Volte ao aplicativo e comece de novo.",
        None,
    )
}

/// The address is not one we gave out.
pub(crate) fn invalid() -> Response<String> {
    page(
        StatusCode::BAD_REQUEST,
        "Endereço inválido",
        "Este endereço não é válido. Volte ao aplicativo e comece de novo.",
        None,
    )
}

/// There is no such page.
pub(crate) fn not_found() -> Response<String> {
    page(
        StatusCode::NOT_FOUND,
        "Página não encontrada",
        "Esta página não existe. Volte ao aplicativo e comece de novo.",
        None,
    )
}

/// Something of ours does not work. Loading the page again is right.
pub(crate) fn unavailable() -> Response<String> {
    page(
        StatusCode::SERVICE_UNAVAILABLE,
        "Tente de novo",
        "Não conseguimos registrar sua conexão. Recarregue esta página em instantes.",
        None,
    )
}

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto 0;\
                     padding:0 1.5rem;color:#1b1b1b;background:#fff}h1{font-size:1.5rem}\
                     a{display:inline-block;margin-top:1rem;padding:.8rem 1.4rem;border-radius:.5rem;\
                     background:#0b3d91;color:#fff;text-decoration:none}";

fn page(status: StatusCode, title: &str, text: &str, app: Option<&Url>) -> Response<String> {
    // A URL is printable ASCII without quotes or angle brackets; `&` is the one to escape.
    let app = app.map(|url| url.as_str().replace('&', "&amp;").replace('\'', "&#39;"));
    let (refresh, button) = match &app {
        Some(url) => (
            format!(r#"<meta http-equiv="refresh" content="0;url={url}">"#),
            format!(r#"<a href="{url}">Voltar ao aplicativo</a>"#),
        ),
        None => Default::default(),
    };
    let html = format!(
        r#"<!doctype html><html lang="pt-BR"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">{refresh}<title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1><p>{text}</p>{button}</main></body></html>"#
    );
    let mut response = Response::new(html);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let fixed = HeaderValue::from_static;
    headers.insert(CONTENT_TYPE, fixed("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, fixed("no-store"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        fixed("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    );
    // The address of this page holds the session.
    headers.insert(REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    response
}
