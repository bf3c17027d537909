//! Attempts that fail: with a reason, after a refusal at the bank, and without a callback.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use local_stack::Stack;
use serde_json::Value;

use crate::{
    page::Page,
    walk::{PERSON, connecting::open_widget},
};

/// The widget returns the bank's error.
pub async fn with_an_error(page: &Page) -> anyhow::Result<()> {
    open_widget(page, PERSON).await?;
    page.press("Simular falha").await?;
    page.press("O banco está fora do ar").await?;
    page.sees(domain::guidance("institution_down").text.pt)
        .await?;
    page.picture("bank-is-down").await?;
    page.press("Dispensar").await?;
    page.sees_no(domain::guidance("institution_down").text.pt)
        .await
}

/// The bank refuses on a page of its own without a callback. The user reports it, with the page's
/// address or without.
pub async fn without_a_word(page: &Page) -> anyhow::Result<()> {
    let advice = domain::guidance("risk_analysis_denied").text.pt;
    let address = refused(page).await?;
    page.picture("refused-by-bank").await?;
    come_back(page).await?;
    page.picture("back-without-bank").await?;
    page.press("O banco mostrou um erro").await?;
    page.sees("Alguns bancos recusam a conexão").await?;
    page.fill("Endereço da página de erro, se você ainda o tem", &address)
        .await?;
    page.picture("report").await?;
    page.press("Enviar").await?;
    page.sees(advice).await?;
    page.picture("reported").await?;
    page.press("Dispensar").await?;

    refused(page).await?;
    come_back(page).await?;
    page.press("O banco mostrou um erro").await?;
    page.press("Enviar").await?;
    page.sees(advice).await?;
    page.press("Dispensar").await?;
    page.sees_no(advice).await
}

/// An attempt without a callback for a long time.
pub async fn in_silence(page: &Page, stack: &Stack) -> anyhow::Result<()> {
    refused(page).await?;
    come_back(page).await?;
    let user =
        page.ask("return Object.entries(localStorage).find(([key]) => key.startsWith('user:'))[1]");
    let session = page.ask("return JSON.parse(sessionStorage.getItem('attempt')).session_id");
    let (user, session) = (user.await?, session.await?);
    let text = |value: &Value| AttributeValue::S(value.as_str().unwrap_or_default().to_owned());
    // Backdates the attempt, because the page shows advice only after a quarter of an hour.
    let earlier = Timestamp::now() - SignedDuration::from_mins(20);
    page.until("an older attempt", async || {
        let update = stack.dynamodb().update_item();
        let update = update
            .table_name(&stack.endpoints().connection_table)
            .key("external_id", text(&user))
            .key("session_id", text(&session))
            .condition_expression("attribute_exists(started_at)")
            .update_expression("SET started_at = :earlier")
            .expression_attribute_values(":earlier", AttributeValue::S(earlier.to_string()));
        update.send().await?;
        Ok(Some(()))
    })
    .await?;
    page.reload().await?;
    page.sees(domain::guidance("no_callback").text.pt).await?;
    page.picture("silence").await?;
    page.press("Dispensar").await?;
    page.sees_no(domain::guidance("no_callback").text.pt).await
}

/// The bank refuses; returns the address of its page.
async fn refused(page: &Page) -> anyhow::Result<String> {
    open_widget(page, PERSON).await?;
    page.press("Simular falha").await?;
    page.press("O banco recusou").await?;
    page.sees("Não foi possível continuar").await?;
    page.address().await
}

async fn come_back(page: &Page) -> anyhow::Result<()> {
    page.back().await?;
    page.sees("Escolha seu banco").await?;
    page.back().await?;
    page.sees("Você voltou sem concluir a conexão.").await
}
