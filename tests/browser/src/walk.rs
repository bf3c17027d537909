//! The walk: Helena, who also runs a bakery, and her banks.

mod connecting;
mod consent;
mod failing;
mod leaving;
mod looks;
mod statement;

use anyhow::ensure;
use local_stack::Stack;

use crate::{chromium::Chromium, page::Page, sandbox::Sandbox};

/// The name of the user in the page's list.
const USER: &str = "Helena Brito Vasconcelos · Padaria Aurora do Campo Ltda";
/// The two account holders and a bank of each, by Belvo's names.
const PERSON: &str = "Helena Brito Vasconcelos";
const COMPANY: &str = "Padaria Aurora do Campo Ltda";
const BANK: (&str, &str) = ("OF Mockbank", "ofmockbank_br_retail");
const BUSINESS_BANK: (&str, &str) = ("Banco Primavera Empresas", "ofbancoprimavera_br_business");

/// All steps in order; each begins where the previous one ended.
pub async fn walk(
    page: &Page,
    sandbox: &Sandbox,
    stack: &Stack,
    chromium: &Chromium,
) -> anyhow::Result<()> {
    page.sees("Entrar como").await?;
    page.picture("sign-in").await?;
    page.choose("Entrar como", USER).await?;
    page.press("Entrar").await?;
    page.sees("Nenhum banco conectado").await?;
    page.picture("no-bank").await?;

    connecting::as_a_person(page, sandbox).await?;
    connecting::as_a_company(page).await?;
    connecting::twice(page).await?;
    failing::with_an_error(page).await?;
    failing::without_a_word(page).await?;
    failing::in_silence(page, stack).await?;
    consent::expires_and_is_renewed(page, sandbox).await?;
    statement::search(page, sandbox).await?;
    statement::months(page, sandbox).await?;
    statement::every_digit(page, sandbox).await?;
    looks::english(page).await?;
    looks::by_keyboard(page).await?;
    looks::on_a_phone(page).await?;
    looks::in_the_dark(page).await?;
    leaving::refresh(page).await?;
    leaving::with_a_copy(page, sandbox, chromium).await?;
    leaving::one_bank(page).await?;
    leaving::altogether(page).await?;

    let complaints = page.complaints().await?;
    // The sandbox's own pages have no icon.
    let ours: Vec<_> = complaints
        .iter()
        .filter(|it| !it.contains("favicon.ico"))
        .collect();
    ensure!(ours.is_empty(), "the browser logged errors: {ours:#?}");
    Ok(())
}
