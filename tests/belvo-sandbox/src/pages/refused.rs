//! The page at which a browser ends if the bank judges the connection unsafe.
//!
//! No callback follows. The reason is in the fragment of the page's address, which browsers send to
//! no server, so that only the app that shows the widget can read it.

use axum::{http::StatusCode, response::Response};

use crate::pages::html;

/// On Belvo's own host, beside its API.
pub const PATH: &str = "/api/consents/callback/";

/// The only reason that Belvo documents.
const ADDRESS: &str = "/api/consents/callback/#error_description=risk_analysis_denied";

/// Redirects the browser to the page.
pub fn redirect() -> Response {
    html::redirect(ADDRESS)
}

/// The page itself, as terse as a bank's own.
pub async fn show() -> Response {
    html::notice(
        StatusCode::OK,
        "Não foi possível continuar",
        "Algo deu errado. Veja se o seu CPF ou CNPJ está certo, feche o aplicativo e comece de novo a conexão.",
    )
}
