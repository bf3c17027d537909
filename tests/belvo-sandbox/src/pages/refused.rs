//! Where a browser ends when the bank finds the connection not safe enough.
//!
//! No callback follows: the reason is in the fragment of this page's address, which browsers send to no server.
//! Whoever shows the widget can read it there, and nobody else.

use axum::{http::StatusCode, response::Response};

use crate::pages::html;

/// On Belvo's own host, beside its API.
pub const PATH: &str = "/api/consents/callback/";

/// The one reason Belvo names.
const ADDRESS: &str = "/api/consents/callback/#error_description=risk_analysis_denied";

/// Sends the browser there.
pub fn redirect() -> Response {
    html::redirect(ADDRESS)
}

/// The page, which says as little as a bank's own.
pub async fn show() -> Response {
    html::notice(
        StatusCode::OK,
        "Não foi possível continuar",
        "Algo deu errado. Veja se o seu CPF ou CNPJ está certo, feche o aplicativo e comece de novo a conexão.",
    )
}
