//! Chromium, driven through chromedriver.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities, LoggingPrefsLogLevel, WebDriver};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// chromedriver listens within a second.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Options for root, without a screen, and without requests of Chromium's own.
const FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A running chromedriver, and a folder for its browser's files.
pub struct Chromium {
    driver: Child,
    url: String,
    folder: PathBuf,
}

impl Chromium {
    /// Starts chromedriver on a port of its own choice.
    pub async fn start() -> anyhow::Result<Chromium> {
        let folder = std::env::temp_dir().join(format!("browser-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting chromedriver; .ci/browser installs it")?;
        let output = driver.stdout.take().context("reading chromedriver")?;
        let port = tokio::time::timeout(START_LIMIT, port(BufReader::new(output)))
            .await
            .context("waiting for chromedriver")??;
        Ok(Chromium {
            driver,
            url: format!("http://127.0.0.1:{port}"),
            folder,
        })
    }

    /// A new browser with an empty profile.
    pub async fn browser(&self) -> anyhow::Result<WebDriver> {
        let mut wanted = ChromeCapabilities::new();
        for flag in FLAGS {
            wanted.add_arg(flag)?;
        }
        let profile = self.folder.join("profile");
        wanted.add_arg(&format!("--user-data-dir={}", profile.display()))?;
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        let browser = WebDriver::new(&self.url, wanted).await?;
        let downloads = serde_json::json!({"behavior": "allow", "downloadPath": self.downloads()});
        let cdp = browser.cdp();
        cdp.send_raw("Browser.setDownloadBehavior", downloads)
            .await?;
        Ok(browser)
    }

    /// Where downloads go.
    pub fn downloads(&self) -> PathBuf {
        self.folder.join("downloads")
    }

    /// Ends chromedriver and removes the folder.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.driver.kill().await?;
        std::fs::remove_dir_all(&self.folder).context("removing the browser's folder")
    }
}

/// The port in chromedriver's first lines.
async fn port(mut output: BufReader<tokio::process::ChildStdout>) -> anyhow::Result<u16> {
    let mut line = String::new();
    while output.read_line(&mut line).await? > 0 {
        if let Some((_, port)) = line.split_once("successfully on port ") {
            return Ok(port.trim().trim_end_matches('.').parse()?);
        }
        line.clear();
    }
    bail!("chromedriver ended without naming its port")
}
