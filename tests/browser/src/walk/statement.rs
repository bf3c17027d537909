//! The transactions of both banks: search, chart, and exact amounts.

use anyhow::{Context, ensure};
use jiff::{Span, ZonedDateTime};
use serde_json::json;

use crate::{
    page::Page,
    sandbox::{Sandbox, Truth, reais},
    walk::{BANK, BUSINESS_BANK},
};

async fn truths(sandbox: &Sandbox) -> anyhow::Result<[Truth; 2]> {
    let person = sandbox.link_at(BANK.1).await?;
    let company = sandbox.link_at(BUSINESS_BANK.1).await?;
    Ok([
        sandbox.truth(&person).await?,
        sandbox.truth(&company).await?,
    ])
}

/// All transactions of ten days, page by page, and those of a day without any.
pub async fn search(page: &Page, sandbox: &Sandbox) -> anyhow::Result<()> {
    let today = ZonedDateTime::now().date();
    let (from, to) = (
        today.checked_sub(Span::new().days(40))?.to_string(),
        today.checked_sub(Span::new().days(31))?.to_string(),
    );
    let expected: usize = truths(sandbox)
        .await?
        .iter()
        .map(|it| it.between(&from, &to))
        .sum();
    ensure!(
        expected > 20,
        "the sandbox has too few transactions for a second page: {expected}"
    );
    page.fill("De", &from).await?;
    page.fill("Até", &to).await?;
    page.press("Buscar").await?;
    page.until("the first page of the search", async || {
        Ok((rows(page).await? == 20).then_some(()))
    })
    .await?;
    page.picture("search").await?;
    page.until("every transaction of the search", async || {
        let found = rows(page).await?;
        if found >= expected {
            return Ok((found == expected).then_some(()));
        }
        page.press("Mostrar mais").await?;
        let more = async || Ok((rows(page).await? > found).then_some(()));
        page.until("another page", more).await?;
        Ok(None)
    })
    .await?;
    page.sees_no("Mostrar mais").await?;

    page.fill("De", "2015-01-01").await?;
    page.fill("Até", "2015-01-31").await?;
    page.press("Buscar").await?;
    page.sees("Nenhuma movimentação neste período.").await
}

async fn rows(page: &Page) -> anyhow::Result<usize> {
    let count = page
        .ask("return document.querySelectorAll('#days li').length")
        .await?;
    Ok(count.as_u64().unwrap_or_default() as usize)
}

/// The chart's table has the sums of the banks' transactions.
pub async fn months(page: &Page, sandbox: &Sandbox) -> anyhow::Result<()> {
    let from = ZonedDateTime::now()
        .date()
        .checked_sub(Span::new().days(150))?
        .first_of_month();
    let [person, company] = truths(sandbox).await?;
    let mut sums = person.months(&from.to_string());
    for (month, (inflow, outflow)) in company.months(&from.to_string()) {
        let sum = sums.entry(month).or_default();
        *sum = (sum.0 + inflow, sum.1 + outflow);
    }
    page.fill("De", &from.to_string()).await?;
    page.fill("Até", "").await?;
    page.press("Buscar").await?;
    page.press("Ver em tabela").await?;
    for (inflow, outflow) in sums.values() {
        let line = [*inflow, *outflow, inflow - outflow].map(reais);
        page.sees(&line.join(" ")).await?;
    }
    page.picture("months").await
}

/// An amount with more digits than a float holds.
pub async fn every_digit(page: &Page, sandbox: &Sandbox) -> anyhow::Result<()> {
    let link = sandbox.link_at(BANK.1).await?;
    let changes = format!("links/{}/changes", link.id);
    let today = ZonedDateTime::now().date();
    let amount = "12345678901234567.15";
    // As text, because serde_json's numbers are floats, too.
    let add = format!(r#"{{"amount": {amount}, "type": "INFLOW", "value_date": "{today}"}}"#);
    sandbox
        .control(&changes, format!(r#"{{"add": [{add}]}}"#))
        .await?;
    page.sees("R$ 12.345.678.901.234.567,15").await?;

    let truth = sandbox.truth(&link).await?;
    let added = truth
        .transactions
        .iter()
        .find(|it| it.amount.get() == amount);
    let added = added.context("the sandbox has lost a transaction")?;
    sandbox
        .control(&changes, json!({"delete": [added.id]}))
        .await?;
    page.sees_no("R$ 12.345.678.901.234.567,15").await
}
