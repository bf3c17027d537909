//! Connecting a bank as a person, as a company, and a second time.

use serde_json::json;

use crate::{
    page::Page,
    sandbox::Sandbox,
    walk::{BANK, BUSINESS_BANK, COMPANY, PERSON},
};

/// Opens the widget for the person or the company.
pub async fn open_widget(page: &Page, holder: &str) -> anyhow::Result<()> {
    page.press("Conectar banco").await?;
    page.sees("Em nome de quem?").await?;
    page.press(holder).await?;
    page.press("Continuar").await?;
    page.sees("Escolha seu banco").await
}

pub async fn as_a_person(page: &Page, sandbox: &Sandbox) -> anyhow::Result<()> {
    page.press("Conectar banco").await?;
    page.sees("Em nome de quem?").await?;
    page.picture("connect").await?;
    page.press("Cancelar").await?;
    // The bank responds late, so that the page shows its waiting state.
    sandbox.control("faults", json!({"loading": true})).await?;
    open_widget(page, PERSON).await?;
    page.picture("widget").await?;
    page.press(BANK.0).await?;
    page.choose("Por quanto tempo", "12 meses").await?;
    page.press("Autorizar no banco").await?;
    page.sees("Banco conectado. Seus dados estão a caminho.")
        .await?;
    page.sees(domain::guidance("awaiting_owner").text.pt)
        .await?;
    page.picture("waiting").await?;

    let slow = json!({"path": "transactions", "latency_ms": 4000});
    sandbox.control("faults", slow).await?;
    page.sees(domain::guidance("loading").text.pt).await?;
    page.sees("de 6 prontos").await?;
    page.sees("recebendo").await?;
    page.picture("loading").await?;
    sandbox.control("faults", json!({})).await?;
    page.sees("Todos os dados recebidos").await?;
    page.sees("Em dia").await?;
    page.sees("Pessoa física").await?;
    let truth = sandbox.truth(&sandbox.link_at(BANK.1).await?).await?;
    for account in &truth.accounts {
        page.sees(&account.balance.shown()).await?;
    }
    page.picture("connected").await
}

pub async fn as_a_company(page: &Page) -> anyhow::Result<()> {
    open_widget(page, COMPANY).await?;
    page.press(BUSINESS_BANK.0).await?;
    page.press("Autorizar no banco").await?;
    page.sees("Banco conectado. Seus dados estão a caminho.")
        .await?;
    page.sees(BUSINESS_BANK.0).await?;
    page.sees("Empresa · conectado em").await?;
    page.sees_no("Recebendo dados").await?;
    page.picture("two-banks").await
}

/// A second connection to the same bank uses up more of the user's monthly limits, so the page
/// warns and offers a renewal.
pub async fn twice(page: &Page) -> anyhow::Result<()> {
    page.press("Conectar banco").await?;
    page.press(PERSON).await?;
    page.choose("Banco", BANK.0).await?;
    page.press("Continuar").await?;
    page.sees(domain::guidance("already_connected").text.pt)
        .await?;
    page.sees("Conectar mesmo assim").await?;
    page.sees("Renovar a conexão que já existe").await?;
    page.picture("connected-already").await?;
    page.press("Cancelar").await
}
