//! A consent ends, and is renewed in My Belvo Portal.

use serde_json::json;

use crate::{page::Page, sandbox::Sandbox, walk::BANK};

pub async fn expires_and_is_renewed(page: &Page, sandbox: &Sandbox) -> anyhow::Result<()> {
    let advice = domain::guidance("consent_expired").text.pt;
    let link = sandbox.link_at(BANK.1).await?;
    page.reload().await?;
    page.sees("Autorização até").await?;
    sandbox
        .control(
            &format!("links/{}/consent", link.id),
            json!({"expire": true}),
        )
        .await?;
    page.sees(advice).await?;
    page.sees("Autorização vencida").await?;
    page.sees("Precisa de você").await?;
    page.picture("consent-expired").await?;

    // Leaving the portal without a choice changes nothing.
    page.press_at(BANK.0, "Renovar autorização").await?;
    let ours = page.enter_new_tab().await?;
    page.sees("Renovar consentimento").await?;
    page.press("Agora não").await?;
    page.sees("Meus consentimentos").await?;
    page.leave_tab(ours).await?;
    page.sees(advice).await?;

    page.press_at(BANK.0, "Renovar autorização").await?;
    let ours = page.enter_new_tab().await?;
    page.sees("Renovar consentimento").await?;
    page.picture("portal").await?;
    page.press("Renovar por 12 meses").await?;
    page.sees("Consentimento renovado").await?;
    page.leave_tab(ours).await?;
    page.sees_no(advice).await?;
    page.sees("faltam 365 dias").await?;

    // The link to the portal must always be at hand, because users see and revoke their consents
    // there.
    page.press("Gerenciar autorizações").await?;
    let ours = page.enter_new_tab().await?;
    page.sees("Meus consentimentos").await?;
    page.leave_tab(ours).await?;
    page.press("Portal público").await?;
    let ours = page.enter_new_tab().await?;
    page.sees("Meu Portal").await?;
    page.leave_tab(ours).await
}
