//! The real server as a child process on a free port.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::{Mcp, artifacts};

/// The longest wait for a start, on a machine that is busy compiling.
const START_LIMIT: Duration = Duration::from_secs(30);
/// The longest wait for a stop, after which the child is killed.
const STOP_LIMIT: Duration = Duration::from_secs(40);

/// Everything that a child has printed so far.
#[derive(Debug, Clone, Default)]
pub struct Output(Arc<Mutex<String>>);

impl Output {
    /// The text so far, both streams in the order of arrival.
    pub fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn push(&self, line: &str) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
        text.push('\n');
    }

    /// Reads `stream` to its end on a separate thread; `found` gets the first address that a
    /// `listening` line names.
    fn follow(
        &self,
        stream: impl Read + Send + 'static,
        found: Option<mpsc::Sender<SocketAddr>>,
    ) -> thread::JoinHandle<()> {
        let output = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines() {
                let Ok(line) = line else { break };
                if let (Some(found), Some(address)) = (&found, listening_address(&line)) {
                    // The receiver is dropped once the first address is known.
                    let _ = found.send(address);
                }
                output.push(&line);
            }
        })
    }
}

/// The address in the server's `listening` line.
fn listening_address(line: &str) -> Option<SocketAddr> {
    address_in(line, "listening")
}

/// The address in a line that contains `words`.
fn address_in(line: &str, words: &str) -> Option<SocketAddr> {
    let line = strip_ansi(line);
    if !line.contains(words) {
        return None;
    }
    line.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ':' | '[' | ']')))
        .find_map(|word| word.parse::<SocketAddr>().ok())
}

fn strip_ansi(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            for c in chars.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Settings of a server to start.
#[derive(Debug, Clone)]
pub struct ServerBuilder {
    program: PathBuf,
    dir: Option<PathBuf>,
    env: BTreeMap<String, String>,
    args: Vec<String>,
    memory: Option<u64>,
}

impl ServerBuilder {
    /// Sets an environment variable; nothing of the test's own environment reaches the server.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a command-line argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Limits the server's memory to this many bytes.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// The command that starts the server.
    pub fn command(&self) -> Command {
        let mut command = match self.memory {
            None => Command::new(&self.program),
            Some(bytes) => {
                let mut shell = Command::new("sh");
                let limit = format!("ulimit -d {} && exec \"$0\" \"$@\"", bytes / 1024);
                shell.args(["-c", &limit]).arg(&self.program);
                shell
            }
        };
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .envs(&self.env)
            .args(&self.args)
            .stdin(Stdio::null());
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    /// Starts the child and the threads that read its output; `found` gets the addresses it names.
    fn spawn(&self, found: Option<&mpsc::Sender<SocketAddr>>) -> anyhow::Result<Running> {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        let output = Output::default();
        let readers = vec![
            output.follow(child.stdout.take().context("stdout")?, found.cloned()),
            output.follow(child.stderr.take().context("stderr")?, found.cloned()),
        ];
        Ok(Running {
            child,
            output,
            readers,
        })
    }

    /// Starts the server and waits until it prints the address on which it listens.
    ///
    /// # Errors
    /// If it ends before that, or prints no address in time; the error holds its output.
    pub fn start(self) -> anyhow::Result<Server> {
        let (sender, receiver) = mpsc::channel();
        let Running {
            mut child,
            output,
            readers,
        } = self.spawn(Some(&sender))?;
        drop(sender);
        // The readers drop their senders when the child closes its streams: the wait ends early.
        match receiver.recv_timeout(START_LIMIT) {
            Ok(address) => Ok(Server {
                child,
                address,
                output,
                readers,
            }),
            Err(_) => {
                let _ = child.kill();
                let status = child.wait();
                bail!("the server did not start ({status:?}):\n{}", output.text())
            }
        }
    }

    /// Runs the server, which is expected to refuse to start.
    ///
    /// # Errors
    /// If it starts nevertheless.
    pub fn refuse(self) -> anyhow::Result<Refusal> {
        let Running {
            mut child,
            output,
            readers,
        } = self.spawn(None)?;
        match wait_for(&mut child, START_LIMIT)? {
            Some(status) => {
                read_to_the_end(readers);
                Ok(Refusal {
                    status,
                    text: output.text(),
                })
            }
            None => {
                let _ = child.kill();
                let _ = child.wait();
                bail!(
                    "the server started where it should refuse:\n{}",
                    output.text()
                )
            }
        }
    }
}

/// A child process and the threads that read its output.
struct Running {
    child: Child,
    output: Output,
    readers: Vec<thread::JoinHandle<()>>,
}

/// A server's refusal to start.
#[derive(Debug)]
pub struct Refusal {
    /// The exit status.
    pub status: ExitStatus,
    /// Everything that it printed.
    pub text: String,
}

impl Refusal {
    /// Asserts that it exited with a failure status, and that its output contains each of `words`.
    ///
    /// # Panics
    /// If that is not so, or if the server panicked.
    pub fn assert_says(&self, words: &[&str]) {
        assert!(self.status.code().is_some_and(|code| code > 0), "{self:?}");
        for word in words {
            assert!(self.text.contains(word), "no `{word}` in:\n{}", self.text);
        }
        assert!(!self.text.contains("panicked"), "{}", self.text);
    }
}

/// A running server, which is killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    output: Output,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Server {
    /// Builds a server on a free loopback port, with no other setting.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            program: artifacts().server(),
            dir: None,
            env: [("DATAHUB_MCP_HOST", "127.0.0.1"), ("DATAHUB_MCP_PORT", "0")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            args: vec!["serve".to_owned()],
            memory: None,
        }
    }

    /// The same, started in `dir` by a shell script, which becomes the server with its last command.
    ///
    /// # Panics
    /// If the search path cannot be built, because no command could be found then.
    pub fn script(dir: &Path, script: &str) -> ServerBuilder {
        let mut builder = Self::builder().env("PATH", search_path());
        builder.program = "sh".into();
        builder.dir = Some(dir.to_path_buf());
        builder.args = vec!["-e".to_owned(), "-c".to_owned(), script.to_owned()];
        builder
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An MCP client of this server.
    pub fn mcp(&self) -> Mcp {
        Mcp::new(self.url("/mcp"))
    }

    /// The address of the listener for operators, of a server that has one.
    ///
    /// # Errors
    /// If it names none.
    pub fn admin_address(&self) -> anyhow::Result<SocketAddr> {
        self.output()
            .lines()
            .find_map(|line| address_in(line, "metrics are served"))
            .context("the server names no address of metrics")
    }

    /// The metrics, of a server that was started with `DATAHUB_MCP_METRICS_ADDRESS`.
    ///
    /// # Errors
    /// If it serves none.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let address = self.admin_address()?;
        let response = self.mcp().http().get(format!("http://{address}/metrics"));
        Ok(response.send().await?.error_for_status()?.text().await?)
    }

    /// Its output so far.
    pub fn output(&self) -> String {
        self.output.text()
    }

    /// The processes that the server started and that have not ended.
    pub fn children(&self) -> Vec<u32> {
        let parent = self.pid().to_string();
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let is_child = |pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // The name, in brackets, may hold spaces. After it: the state, the parent.
            let mut rest = stat
                .rsplit(')')
                .next()
                .unwrap_or_default()
                .split(' ')
                .skip(1);
            rest.next() != Some("Z") && rest.next() == Some(&parent)
        };
        processes
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(is_child)
            .collect()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if it has ended.
    ///
    /// # Errors
    /// If the operating system does not report it.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn signal(&self, signal: rustix::process::Signal) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.context("pid")?, signal).context("kill")
    }

    /// Ends it with SIGTERM and waits.
    ///
    /// # Errors
    /// If it does not end in time.
    pub fn stop(self) -> anyhow::Result<(ExitStatus, String)> {
        self.signal(rustix::process::Signal::TERM)?;
        self.wait()
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// If it does not end in time.
    pub fn wait(mut self) -> anyhow::Result<(ExitStatus, String)> {
        match wait_for(&mut self.child, STOP_LIMIT)? {
            Some(status) => {
                read_to_the_end(std::mem::take(&mut self.readers));
                Ok((status, self.output.text()))
            }
            None => bail!("the server did not stop:\n{}", self.output.text()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The search path of the tests, with the tested binaries before everything else.
///
/// # Panics
/// If it cannot be built.
#[expect(
    clippy::expect_used,
    reason = "a harness without a search path cannot go on"
)]
pub fn search_path() -> String {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(artifacts().dir().to_path_buf()).chain(std::env::split_paths(&rest));
    std::env::join_paths(dirs)
        .ok()
        .and_then(|path| path.into_string().ok())
        .expect("a search path of readable names")
}

/// Waits for the last lines of a child that has ended.
fn read_to_the_end(readers: Vec<thread::JoinHandle<()>>) {
    for reader in readers {
        // A reader that panicked has no more output.
        let _ = reader.join();
    }
}

fn wait_for(child: &mut Child, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > end {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(5));
    }
}
