//! The pages a user sees without an app to go back to, or before going back to it.
//!
//! They are in Brazilian Portuguese, with the same in English below. They have no scripts and load
//! nothing. For a code they have the text of the API.

use domain::{Action, Code, Guidance, Text, WidgetOutcome, guidance};
use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderValue, Response, StatusCode};
use url::Url;

/// What happened, and a button to the app if there is one.
pub(crate) fn done(outcome: &WidgetOutcome, app: Option<&Url>) -> Response<String> {
    let guidance = match outcome {
        WidgetOutcome::Success { .. } => guidance("loading"),
        WidgetOutcome::Exit { code, .. } => guidance(code.as_ref().map_or("exit", Code::as_str)),
        WidgetOutcome::Error { code } | WidgetOutcome::Warning { code } => guidance(code.as_str()),
    };
    let title = match outcome {
        WidgetOutcome::Success { .. } => "Conta conectada",
        WidgetOutcome::Exit { code: None, .. } => "Conexão não concluída",
        WidgetOutcome::Exit { .. }
        | WidgetOutcome::Error { .. }
        | WidgetOutcome::Warning { .. } => title(guidance.action),
    };
    page(StatusCode::OK, title, &advice(guidance, app), app)
}

/// The text of the code, its cause, and without a button how to go back.
fn advice(guidance: &Guidance, app: Option<&Url>) -> Vec<Text> {
    let back = Text {
        pt: "Você já pode fechar esta página e voltar ao aplicativo.",
        en: "You can close this page and go back to the app.",
    };
    let back = app.is_none().then_some(back);
    let texts = [Some(guidance.text), guidance.cause, back];
    texts.into_iter().flatten().collect()
}

/// The heading above the advice.
fn title(action: Action) -> &'static str {
    match action {
        Action::None => "Tudo certo",
        Action::Wait | Action::WaitUntil => "Aguarde um pouco",
        Action::TryAgain | Action::Reconnect => "Vamos tentar de novo?",
        Action::ChooseAnotherBank => "Banco fora do ar",
        Action::CheckDetails => "Confira seus dados",
        Action::RenewConsent => "Renove sua autorização",
        Action::ConfirmAtBank => "Confirme no banco",
        Action::ContactBank => "Fale com o banco",
        Action::Prove => "Falta só um passo",
        Action::ContactSupport => "Algo deu errado",
    }
}

/// The session is too old.
pub(crate) fn expired() -> Response<String> {
    let advice = advice(guidance("session_expired"), None);
    page(StatusCode::GONE, "Sessão vencida", &advice, None)
}

/// The address has no valid session.
pub(crate) fn invalid() -> Response<String> {
    let text = Text {
        pt: "Este endereço não é válido. Comece de novo pelo aplicativo.",
        en: "This address is not valid. Start again in the app.",
    };
    let status = StatusCode::BAD_REQUEST;
    page(status, "Endereço inválido", &[text], None)
}

/// The path has no known outcome.
pub(crate) fn not_found() -> Response<String> {
    let text = Text {
        pt: "Esta página não existe. Comece de novo pelo aplicativo.",
        en: "There is no such page. Start again in the app.",
    };
    let status = StatusCode::NOT_FOUND;
    page(status, "Página não encontrada", &[text], None)
}

/// A secret or SQS is not available. Reloading the page repeats the callback.
pub(crate) fn unavailable() -> Response<String> {
    let text = Text {
        pt: "Não conseguimos registrar sua conexão. Recarregue esta página em instantes.",
        en: "We could not record your connection. Reload this page in a moment.",
    };
    let status = StatusCode::SERVICE_UNAVAILABLE;
    page(status, "Tente de novo", &[text], None)
}

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto 0;\
                     padding:0 1.5rem;color:#1b1b1b;background:#fff}h1{font-size:1.5rem}\
                     a{display:inline-block;margin-top:1rem;padding:.8rem 1.4rem;border-radius:.5rem;\
                     background:#0b3d91;color:#fff;text-decoration:none}[lang=en]{margin-top:2rem;\
                     border-top:1px solid #ccc;color:#555}";

fn page(status: StatusCode, title: &str, texts: &[Text], app: Option<&Url>) -> Response<String> {
    // A URL is printable ASCII without double quotes and angle brackets. `&` and `'` are left to
    // escape.
    let app = app.map(|url| url.as_str().replace('&', "&amp;").replace('\'', "&#39;"));
    let (refresh, button) = match &app {
        Some(url) => (
            format!(r#"<meta http-equiv="refresh" content="0;url={url}">"#),
            format!(r#"<a href="{url}">Voltar ao aplicativo</a>"#),
        ),
        None => Default::default(),
    };
    let pt = paragraphs(texts.iter().map(|text| text.pt));
    let en = paragraphs(texts.iter().map(|text| text.en));
    let html = format!(
        r#"<!doctype html><html lang="pt-BR"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">{refresh}<title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{pt}{button}<div lang="en">{en}</div></main></body></html>"#
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
    // The address of this page holds the session, so no other site may see it.
    headers.insert(REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    response
}

/// The texts hold no character that HTML would escape: a test of the guidance holds that.
fn paragraphs<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(|text| format!("<p>{text}</p>")).collect()
}
