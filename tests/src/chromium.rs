//! A real browser: headless Chromium with a temporary profile, driven over WebDriver (W3C).

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::mcp::http_client;

/// The longest wait for a page, on a machine that is busy compiling.
const PAGE_LIMIT: Duration = Duration::from_secs(60);
/// The time between two looks at the page.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The key of an element's reference in WebDriver's answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window; closed when dropped.
#[derive(Debug)]
pub struct Chromium {
    driver: Child,
    http: reqwest::Client,
    session: String,
    _profile: tempfile::TempDir,
    /// Kept open, because the driver would end when it prints its next line.
    _stdout: BufReader<ChildStdout>,
}

impl Chromium {
    /// Starts a browser; prints a note and returns `None` if Chromium is not installed.
    ///
    /// # Errors
    /// If it is installed and does not start.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut driver) = driver else {
            test_support::skipped("chromedriver");
            return Ok(None);
        };
        let mut stdout = BufReader::new(driver.stdout.take().context("stdout")?);
        let port = port(&mut stdout)?;
        let profile = tempfile::tempdir()?;
        let http = http_client();
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--window-size=480,860".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let wanted = json!({
            "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "args": arguments } } }
        });
        let base = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self {
            driver,
            http,
            session: base,
            _profile: profile,
            _stdout: stdout,
        };
        let answer = browser.command("", Some(wanted)).await?;
        let id = answer["sessionId"].as_str().context("no session")?;
        browser.session = format!("{}/{id}", browser.session);
        Ok(Some(browser))
    }

    async fn command(&self, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.session);
        let request = match &body {
            Some(body) => self.http.post(url).json(body),
            None => self.http.get(url),
        };
        let mut answer: Value = request.timeout(PAGE_LIMIT).send().await?.json().await?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(error) => bail!("{path}: {error}: {}", value["message"]),
            None => Ok(value),
        }
    }

    /// Opens a URL and waits until it is loaded.
    ///
    /// # Errors
    /// If it does not load.
    pub async fn open(&self, url: &str) -> anyhow::Result<()> {
        self.command("/url", Some(json!({ "url": url })))
            .await
            .map(drop)
    }

    /// The URL that is open.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub async fn url(&self) -> anyhow::Result<String> {
        let url = self.command("/url", None).await?;
        Ok(url.as_str().unwrap_or_default().to_owned())
    }

    /// Goes back.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub async fn back(&self) -> anyhow::Result<()> {
        self.command("/back", Some(json!({}))).await.map(drop)
    }

    /// Reloads the page.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub async fn reload(&self) -> anyhow::Result<()> {
        self.command("/refresh", Some(json!({}))).await.map(drop)
    }

    /// The page's source.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub async fn source(&self) -> anyhow::Result<String> {
        let source = self.command("/source", None).await?;
        Ok(source.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the open URL begins with `prefix`.
    ///
    /// # Errors
    /// If that takes too long; the error holds the page.
    pub async fn arrive(&self, prefix: &str) -> anyhow::Result<String> {
        let start = Instant::now();
        loop {
            let url = self.url().await?;
            if url.starts_with(prefix) {
                return Ok(url);
            }
            if start.elapsed() > PAGE_LIMIT {
                bail!("at {url}, not at {prefix}:\n{}", self.source().await?);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for the element that a CSS selector names, and clicks it.
    ///
    /// # Errors
    /// If the element does not appear.
    pub async fn click(&self, selector: &str) -> anyhow::Result<()> {
        let element = self.find(selector).await?;
        self.command(&format!("/element/{element}/click"), Some(json!({})))
            .await
            .map(drop)
    }

    /// Types into the field that a CSS selector names.
    ///
    /// # Errors
    /// If there is no such field.
    pub async fn type_into(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        let element = self.find(selector).await?;
        self.command(
            &format!("/element/{element}/value"),
            Some(json!({ "text": text })),
        )
        .await
        .map(drop)
    }

    /// Waits for an element.
    ///
    /// # Errors
    /// If it does not appear; the error holds the page.
    pub async fn find(&self, selector: &str) -> anyhow::Result<String> {
        let start = Instant::now();
        let query = json!({ "using": "css selector", "value": selector });
        loop {
            match self.command("/element", Some(query.clone())).await {
                Ok(found) => {
                    let element = found[ELEMENT].as_str().context("no element")?;
                    return Ok(element.to_owned());
                }
                Err(error) if start.elapsed() > PAGE_LIMIT => {
                    bail!("no {selector} ({error}) in:\n{}", self.source().await?)
                }
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Runs a script in the page and returns its result.
    ///
    /// # Errors
    /// If the page's policy forbids it, or the script fails.
    pub async fn evaluate(&self, script: &str) -> anyhow::Result<Value> {
        self.command(
            "/execute/sync",
            Some(json!({ "script": script, "args": [] })),
        )
        .await
    }

    /// The page as a PNG image.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub async fn screenshot(&self) -> anyhow::Result<Vec<u8>> {
        let image = self.command("/screenshot", None).await?;
        Ok(STANDARD.decode(image.as_str().unwrap_or_default())?)
    }

    /// Sets the preference for dark or light pages.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub async fn prefer_dark(&self, dark: bool) -> anyhow::Result<()> {
        let value = if dark { "dark" } else { "light" };
        let command = json!({
            "cmd": "Emulation.setEmulatedMedia",
            "params": { "features": [{ "name": "prefers-color-scheme", "value": value }] }
        });
        self.command("/goog/cdp/execute", Some(command))
            .await
            .map(drop)
    }

    /// Ends the browser.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn close(self) -> anyhow::Result<()> {
        self.http.delete(&self.session).send().await?;
        Ok(())
    }
}

/// The port in the last line that chromedriver prints at its start.
fn port(stdout: &mut impl BufRead) -> anyhow::Result<u16> {
    for line in stdout.lines() {
        if let Some((_, port)) = line?.rsplit_once("successfully on port ") {
            return Ok(port.trim_end_matches('.').parse()?);
        }
    }
    bail!("chromedriver does not say where it listens")
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // If the test did not close it, the browser ends with its driver.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
