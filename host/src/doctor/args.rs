//! The arguments of `doctor`.

use clap::Args as ClapArgs;

/// Arguments of `doctor`.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct Args {
    /// Print JSON: a list of objects with `check`, `status` (`ok`, `warn` or `fail`), `seen` and
    /// `fix`.
    #[arg(long)]
    pub json: bool,
    /// Check the validators in this process and print one line of JSON: the child process of
    /// `doctor`, which a plugin may end.
    #[arg(long, hide = true)]
    pub validators_only: bool,
    /// Sign in at the identity provider by hand, as the server does, and print each hop and the
    /// settings that this provider needs.
    #[arg(long, conflicts_with = "json")]
    pub sign_in: bool,
    /// The port of 127.0.0.1 to which the browser comes back; 0 picks a free one. Register
    /// `http://127.0.0.1:PORT/oauth/callback` at the provider.
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 8765,
        requires = "sign_in"
    )]
    pub(super) callback_port: u16,
    /// Write `localhost` into the redirect URI, for providers that refuse `127.0.0.1`.
    #[arg(long, requires = "sign_in")]
    pub(super) callback_localhost: bool,
}
