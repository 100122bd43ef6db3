//! The two embedded servers, configured for each other, and the signals that end them.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::clock::Clock;
use sandbox::datahub::{self, Catalog, EmbeddedDataHub, Jwks, TrustedIssuer};
use sandbox::idp::{self, EmbeddedIdp, PUBLIC_CLIENT};
use sandbox::people::{self, Person};
use sandbox::shop;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::Cli;
use crate::error::Error;

/// The lifetime of the printed tokens: a working day.
pub(crate) const PRINTED_TOKEN_TTL: Duration = Duration::from_secs(8 * 3600);

pub(crate) struct Stack {
    pub(crate) datahub: datahub::Running,
    pub(crate) idp: idp::Running,
    pub(crate) people: Vec<Account>,
}

/// A person with the tokens to act as that person.
pub(crate) struct Account {
    pub(crate) person: Person,
    /// An access token of the identity provider for the MCP server.
    pub(crate) token: String,
    /// DataHub's own token.
    pub(crate) datahub_token: Option<String>,
}

impl Stack {
    pub(crate) async fn start(cli: &Cli) -> Result<Self, Error> {
        let next = |n: u16| match cli.port {
            0 => Ok(0),
            port => port.checked_add(n).ok_or(Error::PortTooHigh(port)),
        };
        let (datahub_port, idp_port) = (next(1)?, next(2)?);
        let catalog = catalog(cli)?;
        let options = idp::Options {
            port: idp_port,
            control: cli.idp_controls,
            ..idp::Options::default()
        };
        let idp = EmbeddedIdp::start(options).await?;
        let options = datahub::Options {
            port: datahub_port,
            catalog,
            people: people::demo().iter().map(datahub::Person::from).collect(),
            trusted_issuers: vec![TrustedIssuer {
                issuer: idp.issuer().to_owned(),
                audience: None,
                jwks: Jwks::Url(idp.endpoint_url("jwks")),
            }],
            ..datahub::Options::default()
        };
        let datahub = EmbeddedDataHub::start(options).await?;
        let people = idp
            .people()
            .iter()
            .map(|person| Account {
                token: idp.access_token_for(&person.username, PRINTED_TOKEN_TTL),
                datahub_token: datahub.token(&person.username),
                person: person.clone(),
            })
            .collect();
        Ok(Self {
            datahub,
            idp,
            people,
        })
    }

    /// The settings of a server for these two.
    pub(crate) fn settings(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("DATAHUB_GMS_URL", self.datahub.url()),
            ("OIDC_ISSUER_URL", self.idp.issuer().to_owned()),
            ("OIDC_AUDIENCE", self.idp.audience().to_owned()),
            ("OIDC_CLIENT_ID", PUBLIC_CLIENT.to_owned()),
        ])
    }

    /// The token of the first person, who is an admin.
    pub(crate) fn admin_token(&self) -> &str {
        self.people.first().map_or("", |admin| &admin.token)
    }
}

fn catalog(cli: &Cli) -> Result<Catalog, Error> {
    let catalog = if cli.catalog.is_empty() {
        shop::catalog(Clock::default().unix_millis())
    } else {
        Catalog::load_files(&cli.catalog)
    };
    Ok(catalog?)
}

/// Ctrl-C, SIGTERM, and a closed terminal.
pub(crate) struct StopSignals {
    signals: [Signal; 3],
}

impl StopSignals {
    pub(crate) fn listen() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(Error::Signals);
        let signals = [
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ];
        Ok(Self { signals })
    }

    pub(crate) async fn received(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
