//! The real server as a child process that cannot outlive the sandbox.
//!
//! The sandbox starts itself again in a mode that asks the kernel for a SIGKILL when the sandbox dies,
//! and then becomes the server: asking has to happen in the child, and the request survives `exec`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use sandbox::idp::{Client, PUBLIC_CLIENT};
use tokio::process::{Child, Command};

use crate::error::Error;
use crate::stack::Stack;

const PROGRAM: &str = "datahub-mcp";
/// The longest wait for the server to finish its requests.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Variables that a developer's shell may have set for another server and that would affect this
/// one.
const NOT_PASSED_ON: [&str; 14] = [
    "ALLOWED_HOSTS",
    "DATAHUB_GMS_TOKEN",
    "DATAHUB_GMS_TOKEN_FILE",
    "DATAHUB_MCP_HOST",
    "DATAHUB_MCP_PORT",
    "FASTMCP_HOST",
    "FASTMCP_PORT",
    "OAUTH_AUTHORIZE_ENDPOINT",
    "OAUTH_ISSUER_URL",
    "OAUTH_RESOURCE_URL",
    "OAUTH_TOKEN_ENDPOINT",
    "OIDC_CLIENT_SECRET",
    "OIDC_CLIENT_SECRET_FILE",
    "PUBLIC_URL",
];

/// A running server.
pub(crate) struct Host {
    child: Child,
    program: PathBuf,
    port: u16,
}

/// The server beside this executable.
pub(crate) fn find() -> Result<PathBuf, Error> {
    let own = std::env::current_exe().map_err(Error::Runtime)?;
    let program = own.with_file_name(PROGRAM);
    if program.is_file() {
        Ok(program)
    } else {
        Err(Error::NoHost(program))
    }
}

/// Turns this process into the server, which ends when `parent` does. Returns only on failure.
pub(crate) fn become_host(program: PathBuf, parent: Option<u32>, args: &[String]) -> Error {
    let failed = |source| Error::Spawn {
        program: program.clone(),
        source,
    };
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return failed(error.into());
    }
    // the sandbox may have died before the kernel was asked
    let parent_now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if parent_now.and_then(|pid| u32::try_from(pid).ok()) != parent {
        return failed(std::io::Error::other("the sandbox is gone"));
    }
    let error = std::process::Command::new(&program).args(args).exec();
    failed(error)
}

impl Host {
    /// Starts `program` for these neighbours on `port` (0: a free one).
    pub(crate) fn start(program: &Path, port: u16, stack: &Stack) -> Result<Self, Error> {
        let port = free_port(port)?;
        let callback = format!("http://127.0.0.1:{port}/oauth/callback");
        // The doctor comes back to a port of its own.
        let client = Client::public(PUBLIC_CLIENT).redirect(callback);
        stack.idp.register(client.at_any_loopback_port());
        let spawn = |source| Error::Spawn {
            program: program.to_owned(),
            source,
        };
        let own = std::env::current_exe().map_err(spawn)?;
        let mut command = Command::new(own);
        command
            .args(["--parent-pid", &std::process::id().to_string()])
            .arg("--exec-host")
            .arg(program)
            .args([
                "--",
                "serve",
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
            ])
            .stdin(Stdio::null())
            // stdout is for the sandbox's own output
            .stdout(Stdio::from(std::io::stderr()))
            // Ctrl-C in a terminal reaches only the sandbox, which then ends the server
            .process_group(0)
            .kill_on_drop(true);
        for name in NOT_PASSED_ON {
            command.env_remove(name);
        }
        command.envs(stack.settings());
        let keys = [
            "OAUTH_TOKEN_KEYS",
            "OAUTH_TOKEN_KEYS_FILE",
            "OAUTH_STATE_DIR",
        ];
        if !keys.iter().any(|name| std::env::var_os(name).is_some()) {
            // a key of this run's own and no state directory, so that nothing is left in the user's
            command.env(
                "OAUTH_TOKEN_KEYS",
                STANDARD.encode(rand::random::<[u8; 32]>()),
            );
            for name in ["HOME", "XDG_STATE_HOME", "STATE_DIRECTORY"] {
                command.env_remove(name);
            }
        }
        Ok(Self {
            child: command.spawn().map_err(spawn)?,
            program: program.to_owned(),
            port,
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The settings with which `datahub-mcp doctor` examines this server.
    pub(crate) fn settings(&self, stack: &Stack) -> BTreeMap<&'static str, String> {
        let mut settings = stack.settings();
        settings.insert("DATAHUB_MCP_PORT", self.port.to_string());
        settings
    }

    /// The status, if it has ended already.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap_or_default()
    }

    /// Asks it to end, and kills it if it does not.
    pub(crate) async fn stop(mut self) {
        let pid = self
            .child
            .id()
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid
            && kill_process(pid, Signal::TERM).is_ok()
            && tokio::time::timeout(STOP_LIMIT, self.child.wait())
                .await
                .is_ok()
        {
            return;
        }
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "could not end the server");
        }
    }
}

/// `port` itself if it is free, or any free one for 0. The port is released before the server takes
/// it, which cannot be avoided when the port has to be known in advance.
fn free_port(port: u16) -> Result<u16, Error> {
    let taken = |source| Error::Port { port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(taken)?;
    Ok(listener.local_addr().map_err(taken)?.port())
}
