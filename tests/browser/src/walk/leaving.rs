//! Refresh, a copy of all data, and the end of one bank and of all.

use anyhow::ensure;
use serde_json::Value;

use crate::{
    chromium::Chromium,
    page::Page,
    sandbox::Sandbox,
    walk::{BANK, BUSINESS_BANK},
};

pub async fn refresh(page: &Page) -> anyhow::Result<()> {
    page.press_at(BANK.0, "Atualizar agora").await?;
    page.sees("Pedimos os dados mais novos ao banco.").await?;
    page.sees("Atualizar de novo às").await?;
    page.picture("refreshed").await
}

/// The copy has every transaction of both banks.
pub async fn with_a_copy(
    page: &Page,
    sandbox: &Sandbox,
    chromium: &Chromium,
) -> anyhow::Result<()> {
    let mut expected = 0;
    for bank in [BANK, BUSINESS_BANK] {
        let link = sandbox.link_at(bank.1).await?;
        expected += sandbox.truth(&link).await?.transactions.len();
    }
    page.press("Baixar meus dados").await?;
    page.sees("Seus dados foram baixados.").await?;
    let file = chromium.downloads().join("meus-dados.json");
    let pages: Vec<Value> = page
        .until("the download", async || {
            let text = std::fs::read_to_string(&file)?;
            Ok(Some(serde_json::from_str(&text)?))
        })
        .await?;
    let items = pages
        .iter()
        .filter_map(|page| page["items"].as_array())
        .flatten();
    let found = items.filter(|item| item["kind"] == "TRANSACTIONS").count();
    ensure!(
        found == expected,
        "the copy has {found} of {expected} movements"
    );
    Ok(())
}

pub async fn one_bank(page: &Page) -> anyhow::Result<()> {
    page.press_at(BANK.0, "Desconectar").await?;
    page.sees("Desconectar OF Mockbank?").await?;
    page.picture("disconnect").await?;
    page.press("Cancelar").await?;
    page.press_at(BANK.0, "Desconectar").await?;
    page.sees("Desconectar OF Mockbank?").await?;
    page.press("Desconectar").await?;
    page.sees("Recibo da exclusão").await?;
    // Belvo confirms later, during a sweep.
    page.until("everything erased here", async || {
        let done = "return document.querySelector('[data-step=purged]').matches('.done')";
        Ok((page.ask(done).await? == true).then_some(()))
    })
    .await?;
    page.picture("receipt").await?;
    page.press("Fechar").await?;
    page.sees_no(BANK.0).await?;
    page.sees(BUSINESS_BANK.0).await
}

pub async fn altogether(page: &Page) -> anyhow::Result<()> {
    page.press("Apagar tudo").await?;
    page.sees("Apagar tudo?").await?;
    page.press("Apagar tudo").await?;
    page.sees("Recibo da exclusão").await?;
    page.sees(domain::guidance("erased").text.pt).await?;
    page.press("Fechar").await?;
    page.sees("Nenhum banco conectado").await?;
    page.picture("nothing-left").await
}
