//! `datahub-mcp clients ...`: the clients that people signed in with, and those that are blocked.
//!
//! Reads and changes the list beside the servers, with their settings; never shows a secret.

use std::process::ExitCode;

use clap::Subcommand;
use oauth::{ClientBook, ClientBookError, ListedClient};

use super::{fail, print};
use crate::config::{ClientListSettings, EXIT_USAGE};

/// The columns of the list.
const HEAD: [&str; 6] = [
    "ID",
    "KIND",
    "LAST SIGN-IN",
    "STATE",
    "REDIRECTS TO",
    "NAME",
];

/// Look at the clients of the sign-in, block and unblock them.
#[derive(Debug, Clone, Subcommand)]
pub enum ClientsCommand {
    /// List the clients that people signed in with, and those that are blocked.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Block a client: it gets no sign-in and no token, and its tokens are refused.
    Block {
        /// The ID from the list or the log, or the whole `client_id`.
        #[arg(value_name = "CLIENT")]
        client: String,
    },
    /// End the block of a client. Its tokens that have not expired are good again.
    Unblock {
        /// The ID from the list or the log, or the whole `client_id`.
        #[arg(value_name = "CLIENT")]
        client: String,
    },
}

impl ClientsCommand {
    /// Runs the command. `now` is in seconds since 1970.
    pub async fn run(self, settings: &ClientListSettings, now: u64) -> ExitCode {
        let done = match ClientBook::open(&settings.store, &settings.issuer, &settings.authorities)
        {
            Ok(book) => self.with(&book, settings, now).await,
            Err(error) => Err(error),
        };
        done.unwrap_or_else(|error| {
            let status = match error {
                ClientBookError::Nowhere
                | ClientBookError::Settings(_)
                | ClientBookError::NotAClient(_) => EXIT_USAGE,
                ClientBookError::File(_) | ClientBookError::Store(_) => 1,
            };
            fail(status, error)
        })
    }

    async fn with(
        self,
        book: &ClientBook,
        settings: &ClientListSettings,
        now: u64,
    ) -> Result<ExitCode, ClientBookError> {
        Ok(match self {
            Self::List { json } => {
                let clients = book.list().await?;
                match json {
                    true => print(serde_json::json!(clients).to_string() + "\n"),
                    false => print(table(&clients, settings, now)),
                }
            }
            Self::Block { client } => {
                let id = book.set_blocked(&client, true).await?;
                print(format!(
                    "{id} is blocked; running servers know within seconds\n"
                ))
            }
            Self::Unblock { client } => {
                let id = book.set_blocked(&client, false).await?;
                print(format!(
                    "{id} is not blocked; running servers know within seconds\n"
                ))
            }
        })
    }
}

/// The list for people. What clients say of themselves is last, and has no control characters.
fn table(clients: &[ListedClient], settings: &ClientListSettings, now: u64) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(clients.iter().map(|client| row(client, settings, now)));
    let widths: [usize; 5] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    });
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(widths) {
            text.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(&row[5]);
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn row(client: &ListedClient, settings: &ClientListSettings, now: u64) -> [String; 6] {
    let ttl = settings.registration_ttl.map(|ttl| ttl.as_secs());
    let ends = client
        .registered_at
        .zip(ttl)
        .map(|(at, ttl)| at.saturating_add(ttl));
    let state = match (client.blocked_at, ends) {
        (Some(_), _) => "blocked",
        (None, Some(end)) if end <= now => "expired",
        (None, _) => "ok",
    };
    let last = client
        .last_sign_in
        .map(|last| ago(now.saturating_sub(last)));
    let name = match &client.client_id {
        Some(id) if !client.name.is_empty() => format!("{} ({id})", client.name),
        Some(id) => id.clone(),
        None => client.name.clone(),
    };
    let cells = [
        client.id.clone(),
        client.kind.clone(),
        last.unwrap_or_default(),
        state.to_owned(),
        client.redirects_to.clone(),
        name,
    ];
    cells.map(|cell| match cell.is_empty() {
        true => "-".to_owned(),
        false => cell.chars().filter(|c| !c.is_control()).collect(),
    })
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..120 => "now".to_owned(),
        120..7_200 => format!("{} min ago", seconds / 60),
        7_200..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use oauth::StoreSettings;

    use super::*;

    fn settings(ttl: Option<u64>) -> ClientListSettings {
        ClientListSettings {
            store: StoreSettings::Memory,
            issuer: String::new(),
            authorities: Default::default(),
            registration_ttl: ttl.map(Duration::from_secs),
        }
    }

    #[test]
    fn a_list_shows_states_and_no_control_characters() {
        let client = |id: &str, name: &str, registered_at, blocked_at| ListedClient {
            id: id.to_owned(),
            kind: "registered".to_owned(),
            name: name.to_owned(),
            registered_at,
            last_sign_in: Some(1_000_000),
            blocked_at,
            ..ListedClient::default()
        };
        let clients = [
            client("a", "Claude\u{1b}[2J", Some(900_000), None),
            client("b", "Codex", Some(999_990), None),
            client("c", "", Some(900_000), Some(5)),
        ];
        let text = table(&clients, &settings(Some(100_000)), 1_003_600);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("ID") && lines[0].ends_with("NAME"));
        assert!(lines[1].contains("expired") && lines[1].ends_with("Claude[2J"));
        assert!(lines[2].contains("60 min ago  ") && lines[2].contains("  ok  "));
        assert!(lines[3].contains("blocked") && lines[3].ends_with('-'));
        let text = table(&clients, &settings(None), 1_003_600);
        assert!(!text.contains("expired"), "{text}");
    }
}
