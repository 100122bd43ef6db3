//! `datahub-mcp doctor --sign-in`: one sign-in at the provider by hand, as the server makes it, with a
//! line for each hop and the settings that this provider needs at the end.
//!
//! Prints no token, no code, and no claim but issuer, audience, scopes, party and lifetime. The URL that
//! a person opens holds the state, which is of no use without the listener on this machine.

mod advice;
mod callback;
mod hops;
mod judged;

use std::path::Path;

use oauth::{Came, TokenFacts, Walk, WalkedTokens};
use outbound::Document;
use secrecy::SecretString;

use self::{
    callback::{Callback, Waited},
    hops::Hops,
};
use super::{
    args::Args,
    discovery, options,
    peers::Clocks,
    provider, redactor,
    report::{Check, Report, SETTINGS},
    settings,
};
use crate::config::{Raw, Settings};

const AUTHORIZE: &str = "authorize";
const CALLBACK: &str = "callback";
const TOKEN: &str = "token";
const REFRESH: &str = "refresh";
/// Longer tokens do not fit into the headers of many proxies.
const LONG_TOKEN_BYTES: usize = 6 * 1_024;

/// Walks through a sign-in. `say` prints what it gets. Returns the exit status.
pub async fn walk(raw: &Raw, program: &Path, args: Args, say: &mut dyn FnMut(&str)) -> u8 {
    let mut hops = Hops::new(Report::new(redactor(raw)), say);
    match Settings::check(raw, program) {
        Ok(settings) => hop_by_hop(&settings, args, &mut hops).await,
        Err(error) => hops.add(settings::unusable(&error)),
    }
    hops.exit_status()
}

async fn hop_by_hop(settings: &Settings, args: Args, hops: &mut Hops<'_>) {
    let (Some(oauth), Ok(public_url)) = (
        &settings.oauth,
        settings.public_url_at(settings.server.address),
    ) else {
        let fix = "set `OIDC_CLIENT_ID` to the id of this server's client at the provider";
        return hops.add([Check::fail(SETTINGS, "nobody signs in here", fix)]);
    };
    let Ok(document) = discover(settings, hops).await else {
        return;
    };
    let callback = match Callback::listen(args.callback_port, args.callback_localhost).await {
        Ok(callback) => callback,
        Err(error) => {
            let seen = format!("cannot listen on 127.0.0.1:{}: {error}", args.callback_port);
            let fix = "give another port with `--callback-port`; 0 picks a free one";
            return hops.add([Check::fail(CALLBACK, seen, fix)]);
        }
    };
    let claim = options::audience_claim(settings);
    let walk = match Walk::new(oauth, callback.url(), public_url.resource(), &claim) {
        Ok(walk) => walk,
        Err(error) => {
            let fix = "see `datahub-mcp config check`";
            return hops.add([Check::fail(SETTINGS, error.to_string(), fix)]);
        }
    };
    let Some(code) = authorize(&walk, callback, hops).await else {
        return;
    };
    hops.conceal([&code]);
    let tokens = match walk.redeem(&code).await {
        Ok(tokens) => tokens,
        Err(error) => {
            let fix = "check `OIDC_CLIENT_ID`, `OIDC_CLIENT_SECRET` and `OAUTH_CLIENT_AUTH`; for `invalid_grant` also \
                       the redirect URI and PKCE at the provider, for `invalid_target` also `OAUTH_FORWARD_RESOURCE`";
            return hops.add([Check::fail(TOKEN, error.to_string(), fix)]);
        }
    };
    let secrets = [&tokens.used, &tokens.other, &tokens.refresh];
    hops.conceal(secrets.into_iter().flatten());
    hops.add(came(&tokens, &claim));
    hops.add([refresh(&walk, &tokens, &oauth.default_scopes).await]);
    let accepted = judged::check(settings, &tokens, hops).await;
    let needed = advice::of(settings, document.as_ref(), &tokens, accepted);
    hops.say(&advice::lines(&needed));
}

/// The document as the server finds it; `None` if only endpoints are configured.
async fn discover(settings: &Settings, hops: &mut Hops<'_>) -> Result<Option<Document>, ()> {
    let expected = match options::provider(settings) {
        Ok(Some(expected)) => expected,
        Ok(None) => return Ok(None),
        Err(why) => {
            let fix = "give the issuer as the provider's discovery document names it";
            hops.add([Check::fail(SETTINGS, why, fix)]);
            return Err(());
        }
    };
    let clocks = Clocks::default();
    let peer = provider::peer(settings, &expected, "provider", &clocks)
        .map_err(|check| hops.add([check]))?;
    let network = options::network(settings);
    let (checks, document) = discovery::check(&peer, &expected, network).await;
    hops.add(checks);
    document.map(Some).ok_or(())
}

/// Shows the URL, and waits for the provider's code.
async fn authorize(
    walk: &Walk,
    mut callback: Callback,
    hops: &mut Hops<'_>,
) -> Option<SecretString> {
    let url = match walk.authorize_url().await {
        Ok(url) => url,
        Err(error) => {
            let fix =
                "set `OAUTH_AUTHORIZE_ENDPOINT` and `OAUTH_TOKEN_ENDPOINT`, or `OIDC_ISSUER_URL`";
            hops.add([Check::fail(AUTHORIZE, error.to_string(), fix)]);
            return None;
        }
    };
    let seen = format!(
        "register {} as a redirect URI of the client at the provider, then open the URL below and sign in",
        callback.url()
    );
    hops.add([Check::ok(AUTHORIZE, seen)]);
    hops.open(&url);
    let came = callback.wait(walk).await;
    callback.close().await;
    let (code, check) = match came {
        Waited::Came(Came::Code(code)) => {
            let seen = "a code came, with our state";
            (Some(code), Check::ok(CALLBACK, seen))
        }
        Waited::Came(Came::Failed(error)) => {
            let fix = match error.code.as_deref() {
                Some("invalid_scope") => "check the scopes in `OAUTH_DEFAULT_SCOPE`",
                Some("access_denied") => {
                    "let the person use the application at the provider; the consent was refused"
                }
                Some("invalid_target") => "set `OAUTH_FORWARD_RESOURCE=false`",
                _ => {
                    "see the provider's log; check `OIDC_CLIENT_ID`, `OAUTH_DEFAULT_SCOPE` and \
                     `OAUTH_AUTHORIZE_PARAMS`"
                }
            };
            (None, Check::fail(CALLBACK, error.to_string(), fix))
        }
        Waited::Came(Came::Stranger) | Waited::InVain(0) => (None, in_vain(String::new())),
        Waited::InVain(strangers) => {
            let others = format!(" ({strangers} requests had another state)");
            (None, in_vain(others))
        }
    };
    hops.add([check]);
    code
}

fn in_vain(others: String) -> Check {
    Check::fail(
        CALLBACK,
        format!("nobody came back with our state in time{others}"),
        "if the provider showed an error: register the redirect URI, or give its port with `--callback-port` and its \
         host with `--callback-localhost`",
    )
}

/// The facts about the token answer, a line for each token. `claim` is the one that the validators take
/// for the audience.
fn came(tokens: &WalkedTokens, claim: &str) -> Vec<Check> {
    let mut names = Vec::new();
    names.extend(tokens.access.as_ref().map(|_| "an access token"));
    names.extend(tokens.id.as_ref().map(|_| "an ID token"));
    names.extend(tokens.refresh.as_ref().map(|_| "a refresh token"));
    let mut seen = match names.as_slice() {
        [] => "no token".to_owned(),
        names => names.join(", "),
    };
    for (name, value) in [("expires_in", &tokens.expires_in), ("scope", &tokens.scope)] {
        match value {
            Some(value) => seen.push_str(&format!("; {name} {value}")),
            None => seen.push_str(&format!("; no {name}")),
        }
    }
    let answer = match tokens.used {
        Some(_) => Check::ok(TOKEN, seen),
        None => Check::fail(
            TOKEN,
            format!("{seen}; the token that `OAUTH_UPSTREAM_TOKEN` names is missing"),
            "add `openid` to `OAUTH_DEFAULT_SCOPE` for an ID token, or set \
             `OAUTH_UPSTREAM_TOKEN=access_token`",
        ),
    };
    let lines = [("access-token", &tokens.access), ("id-token", &tokens.id)];
    let lines = lines.into_iter();
    let facts = lines.filter_map(|(name, facts)| Some(described(name, facts.as_ref()?, claim)));
    std::iter::once(answer).chain(facts).collect()
}

fn described(name: &str, facts: &TokenFacts, claim: &str) -> Check {
    if !facts.jwt {
        return Check::ok(name, format!("opaque, {} bytes", facts.bytes));
    }
    let audience = (!facts.audience.is_empty()).then(|| facts.audience.join(", "));
    let lifetime = facts.lifetime.map(|seconds| format!("{seconds} s"));
    let mut seen = format!("a JWT of {} bytes", facts.bytes);
    for (claim, value) in [
        ("iss", &facts.issuer),
        ("aud", &audience),
        ("scope", &facts.scopes),
        ("azp", &facts.party),
        ("client_id", &facts.client),
        ("lifetime", &lifetime),
    ] {
        match value {
            Some(value) => seen.push_str(&format!("; {claim} {value}")),
            None => seen.push_str(&format!("; no {claim}")),
        }
    }
    if claim != options::AUD {
        seen.push_str(&format!("; judged by {claim}: {}", facts.judged.join(", ")));
    }
    match facts.bytes > LONG_TOKEN_BYTES {
        true => Check::warn(
            name,
            seen,
            "let the provider leave out claims such as groups, and give the proxies in front of this server and \
             DataHub room for the header; `DATAHUB_MCP_MAX_HEADER_BYTES` is ours",
        ),
        false => Check::ok(name, seen),
    }
}

/// Refreshes once without scopes, and with those of the sign-in if the provider wants them.
async fn refresh(walk: &Walk, tokens: &WalkedTokens, asked: &[String]) -> Check {
    let Some(token) = &tokens.refresh else {
        let fix = match asked.iter().any(|scope| scope == "offline_access") {
            true => {
                "let the client at the provider have refresh tokens (grant type `refresh_token`)"
            }
            false => "add `offline_access` to `OAUTH_DEFAULT_SCOPE`",
        };
        let seen = "no refresh token came: people sign in again when their token ends";
        return Check::warn(REFRESH, seen, fix);
    };
    let without = match walk.refresh(token, false).await {
        Ok(fresh) => {
            let rotated = match fresh.refresh {
                Some(_) => "a new refresh token came",
                None => "the refresh token stays the same",
            };
            let seen = format!("works; scopes are not needed; {rotated}");
            return Check::ok(REFRESH, seen);
        }
        Err(error) => error,
    };
    match walk.refresh(token, true).await {
        Ok(_) => Check::ok(
            REFRESH,
            format!(
                "works with the scopes of the sign-in, which the server sends; without: {without}"
            ),
        ),
        Err(error) => Check::fail(
            REFRESH,
            error.to_string(),
            "check `OAUTH_TOKEN_PARAMS` and the client's grant type `refresh_token` at the provider",
        ),
    }
}
