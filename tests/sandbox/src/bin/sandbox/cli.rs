//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Starts an embedded DataHub, an embedded identity provider and the real MCP server on loopback.
///
/// The server's own settings (such as TOOLS_IS_MUTATION_ENABLED=true or TOKEN_VALIDATOR_FACTORY) are
/// taken from the environment. Ctrl-C ends everything.
#[derive(Debug, Parser)]
#[command(name = "sandbox", version)]
pub(crate) struct Cli {
    /// Print one line of JSON instead of the explanation, once everything answers.
    #[arg(long)]
    pub(crate) json: bool,

    /// Port of the MCP server; DataHub and the identity provider get the next two. 0 takes free ones.
    #[arg(long, value_name = "N", default_value_t = 8000)]
    pub(crate) port: u16,

    /// DataHub metadata files to serve instead of the shop's: arrays of MetadataChangeProposals or of
    /// the older MCE snapshots.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) catalog: Vec<PathBuf>,

    /// Let other programs drive the identity provider under /control (rotate keys, break endpoints,
    /// mint tokens).
    #[arg(long)]
    pub(crate) idp_controls: bool,

    /// Used by the sandbox itself: become this program, and end with the sandbox.
    #[arg(long, hide = true, requires = "parent_pid")]
    pub(crate) exec_host: Option<PathBuf>,

    #[arg(long, hide = true)]
    pub(crate) parent_pid: Option<u32>,

    #[arg(hide = true, last = true)]
    pub(crate) host_args: Vec<String>,
}
