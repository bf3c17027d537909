//! A user's actions on a page, and the content a user sees.

use std::{
    cell::Cell,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use thirtyfour::{By, Key, WebDriver, WebElement, WindowHandle};

use crate::chromium::Chromium;

/// A limit that a working machine never reaches: the page polls every fifteen seconds.
const LIMIT: Duration = Duration::from_secs(40);
/// The interval of a wait's checks.
const INTERVAL: Duration = Duration::from_millis(50);
/// The height, in pixels, at which a picture is cut off.
const LARGEST_PICTURE: i64 = 3000;

/// A browser that shows our page.
pub struct Page {
    browser: WebDriver,
    url: String,
    pictures: Option<PathBuf>,
    taken: Cell<usize>,
}

impl Page {
    /// Opens the page at `url` in a new browser.
    pub async fn open(
        chromium: &Chromium,
        url: &str,
        pictures: Option<PathBuf>,
    ) -> anyhow::Result<Page> {
        let browser = chromium.browser().await?;
        let page = Page {
            browser,
            url: url.to_owned(),
            pictures,
            taken: Cell::new(0),
        };
        page.resize(1280, 900).await?;
        page.browser.goto(url).await?;
        Ok(page)
    }

    /// Waits until the text is visible, or fails.
    pub async fn sees(&self, text: &str) -> anyhow::Result<()> {
        let seen = async || Ok(self.text().await?.contains(text).then_some(()));
        self.until(&format!("seeing {text:?}"), seen).await
    }

    /// Waits until the text is no longer visible.
    pub async fn sees_no(&self, text: &str) -> anyhow::Result<()> {
        let gone = async || Ok((!self.text().await?.contains(text)).then_some(()));
        self.until(&format!("seeing {text:?} no more"), gone).await
    }

    /// Presses the button, link, choice or fold of this name.
    pub async fn press(&self, name: &str) -> anyhow::Result<()> {
        self.press_within("", name).await
    }

    /// Presses a button of the card with this heading.
    pub async fn press_at(&self, heading: &str, name: &str) -> anyhow::Result<()> {
        let card = format!("//article[.//h2[normalize-space()='{heading}']]");
        self.press_within(&card, name).await
    }

    async fn press_within(&self, place: &str, name: &str) -> anyhow::Result<()> {
        let named = format!("[normalize-space()='{name}']");
        let kinds = ["button", "a", "label", "summary"];
        let paths = kinds.map(|kind| format!("{place}//{kind}{named}"));
        let paths = paths.join(" | ");
        self.until(&format!("pressing {name:?}"), async || {
            for found in self.browser.find_all(By::XPath(&paths)).await? {
                // An open dialog may hide a button of the same name that cannot be pressed.
                let pressable = found.is_displayed().await? && found.is_enabled().await?;
                if pressable && found.click().await.is_ok() {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Chooses from the list with this label.
    pub async fn choose(&self, label: &str, option: &str) -> anyhow::Result<()> {
        let path = format!(".//option[normalize-space()='{option}']");
        self.until(&format!("choosing {option:?}"), async || {
            let list = self.labelled(label).await?;
            list.find(By::XPath(&path)).await?.click().await?;
            Ok(Some(()))
        })
        .await
    }

    /// Fills the field with this label.
    pub async fn fill(&self, label: &str, value: &str) -> anyhow::Result<()> {
        self.until(&format!("filling {label:?}"), async || {
            let field = self.labelled(label).await?;
            // The browser's language decides how a date is typed.
            let script = "arguments[0].value = arguments[1]";
            let arguments = vec![field.to_json()?, json!(value)];
            self.browser.execute(script, arguments).await?;
            Ok(Some(()))
        })
        .await
    }

    async fn labelled(&self, label: &str) -> anyhow::Result<WebElement> {
        let path = format!("//label[normalize-space()='{label}']");
        let label = self.browser.find(By::XPath(&path)).await?;
        let id = label.attr("for").await?.context("a label of nothing")?;
        Ok(self.browser.find(By::Id(&id)).await?)
    }

    /// Presses a key.
    pub async fn strike(&self, key: Key) -> anyhow::Result<()> {
        Ok(self.browser.active_element().await?.send_keys(key).await?)
    }

    /// Checks that the control of this name has the focus.
    pub async fn focuses(&self, name: &str) -> anyhow::Result<()> {
        self.until(&format!("focusing {name:?}"), async || {
            let focused = self.browser.active_element().await?.text().await?;
            Ok((focused == name).then_some(()))
        })
        .await
    }

    /// The result of a script.
    pub async fn ask(&self, script: &str) -> anyhow::Result<Value> {
        let answer = self.browser.execute(script, Vec::new()).await?;
        Ok(answer.json().clone())
    }

    /// Waits for a condition within [`LIMIT`]. An error meanwhile counts as unmet.
    pub async fn until<T>(
        &self,
        what: &str,
        mut attempt: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let start = Instant::now();
        let mut interval = tokio::time::interval(INTERVAL);
        loop {
            interval.tick().await;
            let result = attempt().await;
            let late = start.elapsed() > LIMIT;
            match result {
                Ok(Some(value)) => return Ok(value),
                Err(error) if late => return Err(error.context(format!("{what}: not possible"))),
                Ok(None) if late => bail!("{what}: not within {LIMIT:?}"),
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// The visible text of the page.
    pub async fn text(&self) -> anyhow::Result<String> {
        Ok(self.browser.find(By::Tag("body")).await?.text().await?)
    }

    pub async fn address(&self) -> anyhow::Result<String> {
        Ok(self.browser.current_url().await?.to_string())
    }

    pub async fn back(&self) -> anyhow::Result<()> {
        Ok(self.browser.back().await?)
    }

    /// Reloads our page.
    pub async fn reload(&self) -> anyhow::Result<()> {
        Ok(self.browser.goto(&self.url).await?)
    }

    /// Switches to the newest tab and returns the previous one.
    pub async fn enter_new_tab(&self) -> anyhow::Result<WindowHandle> {
        let here = self.browser.window().await?;
        self.until("a new tab", async || {
            let tabs = self.browser.windows().await?;
            let Some(new) = tabs.into_iter().find(|tab| *tab != here) else {
                return Ok(None);
            };
            self.browser.switch_to_window(new).await?;
            Ok(Some(()))
        })
        .await?;
        Ok(here)
    }

    /// Closes this tab and returns to the other.
    pub async fn leave_tab(&self, other: WindowHandle) -> anyhow::Result<()> {
        self.browser.close_window().await?;
        Ok(self.browser.switch_to_window(other).await?)
    }

    /// Resizes the page.
    pub async fn resize(&self, width: u32, height: u32) -> anyhow::Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        let cdp = self.browser.cdp();
        cdp.send_raw("Emulation.setDeviceMetricsOverride", size)
            .await?;
        Ok(())
    }

    /// Sets the user's preference to `light` or `dark`.
    pub async fn prefer(&self, scheme: &str) -> anyhow::Result<()> {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        let cdp = self.browser.cdp();
        cdp.send_raw("Emulation.setEmulatedMedia", json!({"features": [feature]}))
            .await?;
        Ok(())
    }

    /// Takes a picture of the whole page, or of the part that an open dialog leaves visible.
    pub async fn picture(&self, name: &str) -> anyhow::Result<()> {
        let Some(folder) = &self.pictures else {
            return Ok(());
        };
        self.taken.set(self.taken.get() + 1);
        let file = folder.join(format!("{:02}-{name}.png", self.taken.get()));
        let size = "return document.querySelector('dialog[open]')
            ? [innerWidth, innerHeight]
            : [innerWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]";
        let size = self.ask(size).await?;
        let height = size[1].as_i64().unwrap_or_default().min(LARGEST_PICTURE);
        let mut how = json!({"format": "png"});
        if self
            .ask("return !document.querySelector('dialog[open]')")
            .await?
            == true
        {
            how["captureBeyondViewport"] = true.into();
            how["clip"] = json!({"x": 0, "y": 0, "width": size[0], "height": height, "scale": 1});
        }
        let picture = self
            .browser
            .cdp()
            .send_raw("Page.captureScreenshot", how)
            .await?;
        let data = picture["data"].as_str().context("a picture")?;
        std::fs::write(&file, STANDARD.decode(data)?)
            .with_context(|| format!("writing {}", file.display()))
    }

    /// The errors in the browser's log.
    pub async fn complaints(&self) -> anyhow::Result<Vec<String>> {
        let log = self.browser.browser_log().await?;
        let bad = log.into_iter().filter(|entry| entry.level == "SEVERE");
        Ok(bad.map(|entry| entry.message).collect())
    }

    /// Address, text and errors, for the reader of a failure.
    pub async fn describe(&self) -> String {
        let address = self.address().await.unwrap_or_default();
        let text = self.text().await.unwrap_or_default();
        let complaints = self.complaints().await.unwrap_or_default();
        // Errors here would not help the reader.
        self.picture("failed").await.ok();
        format!("At {address}:\n{text}\n{}", complaints.join("\n"))
    }

    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.browser.quit().await?)
    }
}
