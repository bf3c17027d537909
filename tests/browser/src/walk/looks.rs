//! The other language, the keyboard, a phone, and the dark color scheme.

use anyhow::ensure;
use thirtyfour::Key;

use crate::page::Page;

const PHONE: (u32, u32) = (360, 740);
const DESKTOP: (u32, u32) = (1280, 900);

pub async fn english(page: &Page) -> anyhow::Result<()> {
    page.press("English").await?;
    page.sees("Your banks").await?;
    page.sees("Up to date").await?;
    page.sees("All data received").await?;
    page.sees("Money in and out by month").await?;
    page.picture("english").await?;
    page.press("Português").await?;
    page.sees("Seus bancos").await?;
    page.sees("Entradas e saídas por mês").await
}

/// Keyboard only: past the header, into a dialog and out of it.
pub async fn by_keyboard(page: &Page) -> anyhow::Result<()> {
    page.reload().await?;
    page.sees("Seus bancos").await?;
    page.strike(Key::Tab).await?;
    page.focuses("Ir para o conteúdo").await?;
    page.strike(Key::Enter).await?;
    page.strike(Key::Tab).await?;
    page.focuses("Gerenciar autorizações").await?;
    page.strike(Key::Tab).await?;
    page.focuses("Conectar banco").await?;
    page.strike(Key::Enter).await?;
    page.sees("Em nome de quem?").await?;
    page.strike(Key::Escape).await?;
    page.sees_no("Em nome de quem?").await?;
    page.focuses("Conectar banco").await
}

pub async fn on_a_phone(page: &Page) -> anyhow::Result<()> {
    page.resize(PHONE.0, PHONE.1).await?;
    page.reload().await?;
    page.sees("Entradas e saídas por mês").await?;
    fits(page).await?;
    is_legible(page).await?;
    page.picture("phone").await?;
    page.press("Conectar banco").await?;
    page.sees("Em nome de quem?").await?;
    fits(page).await?;
    page.picture("phone-connect").await?;
    page.press("Cancelar").await
}

pub async fn in_the_dark(page: &Page) -> anyhow::Result<()> {
    page.prefer("dark").await?;
    is_legible(page).await?;
    page.picture("phone-dark").await?;
    page.resize(DESKTOP.0, DESKTOP.1).await?;
    page.picture("dark").await?;
    page.prefer("light").await
}

/// The page fits the phone's width. (Its `innerWidth` would grow with the page.)
async fn fits(page: &Page) -> anyhow::Result<()> {
    let width = page
        .ask("return document.documentElement.scrollWidth")
        .await?;
    ensure!(
        width.as_u64() <= Some(PHONE.0.into()),
        "the page is {width} wide"
    );
    Ok(())
}

/// Every visible text has the contrast of WCAG level AA against its background.
async fn is_legible(page: &Page) -> anyhow::Result<()> {
    let faint = page.ask(include_str!("contrast.js")).await?;
    let faint = faint.as_array().map(Vec::as_slice).unwrap_or_default();
    ensure!(faint.is_empty(), "too faint: {faint:#?}");
    Ok(())
}
