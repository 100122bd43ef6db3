//! The errors of the sandbox: one line each, with what to do.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use sandbox::{datahub, idp};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the server `{}` is not there; build it with `cargo build`", .0.display())]
    NoHost(PathBuf),
    #[error("cannot start the server `{}`: {source}", program.display())]
    Spawn { program: PathBuf, source: io::Error },
    #[error("the server ended ({0}); what it said is above")]
    HostEnded(ExitStatus),
    #[error("the server did not answer within {seconds} s; the last thing it said: {last}")]
    NotReady { seconds: u64, last: String },
    #[error(
        "port {port} is taken: {source}; choose others with `--port N`, or free ones with `--port 0`"
    )]
    Port { port: u16, source: io::Error },
    #[error("`--port {0}` leaves no room for the two ports after it; choose one up to 65533")]
    PortTooHigh(u16),
    #[error("the catalog: {0}")]
    Catalog(#[from] datahub::LoadError),
    #[error("the embedded DataHub: {0}")]
    DataHub(#[from] datahub::StartError),
    #[error("{0}")]
    Idp(#[from] idp::StartError),
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    #[error("cannot make an HTTP client: {0}")]
    Client(reqwest::Error),
    #[error("cannot print: {0}")]
    Print(io::Error),
}
