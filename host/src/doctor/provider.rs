//! The identity provider: its document, its keys, what it offers for signing in, and what the
//! validators expect of its tokens.

use oauth::{UpstreamAuth, UpstreamToken};
use outbound::{AddressRule, Document, Source, shown};
use url::Url;

use super::{
    discovery, keys,
    options::{self, Provider},
    peers::{Clocks, Peer},
    report::Check,
    scope,
};
use crate::config::Settings;

const PROVIDER: &str = "provider";
const SIGN_IN: &str = "sign-in";
const CLIENT_AUTH: &str = "client-authentication";
const AUDIENCE: &str = "audience";
const TOKEN: &str = "upstream-token";

pub(super) async fn check(settings: Settings, clocks: Clocks) -> Vec<Check> {
    let own = options::own_providers(&settings);
    let mut checks = match options::provider(&settings) {
        Ok(Some(provider)) => of_the_server(&settings, &provider, &clocks).await,
        Ok(None) if own.is_empty() || settings.oauth.is_some() => without_issuer(&settings),
        Ok(None) => Vec::new(),
        Err(why) => vec![unusable(&why)],
    };
    // One after the other: they share the time limit, and there are few.
    for provider in own {
        match provider {
            Ok(provider) => checks.extend(of_a_validator(&settings, &provider, &clocks).await),
            Err((of, why)) => checks.push(unusable(&why).of(&of.unwrap_or_default())),
        }
    }
    checks
}

fn unusable(why: &str) -> Check {
    let fix = "give the issuer as the provider's discovery document names it";
    Check::fail(PROVIDER, why, fix)
}

/// The provider of the sign-in and of all validators without one of their own.
async fn of_the_server(settings: &Settings, provider: &Provider, clocks: &Clocks) -> Vec<Check> {
    let network = options::network(settings);
    let issuer = provider.source.issuer().url();
    let peer = match peer(settings, provider, PROVIDER, clocks) {
        Ok(peer) => peer,
        Err(check) => return vec![check],
    };
    let (mut checks, document) = discovery::check(&peer, provider, network).await;
    if let Some(document) = &document {
        checks.push(keys::check(&peer, document, provider.algorithms.as_deref()).await);
        checks.extend(sign_in(settings, document));
        checks.extend(scope::check(settings, document, issuer));
    }
    checks.extend(tokens(settings, issuer));
    checks
}

/// A provider that one validator has for itself.
async fn of_a_validator(settings: &Settings, provider: &Provider, clocks: &Clocks) -> Vec<Check> {
    let network = options::network(settings);
    let name = provider.of.as_deref().unwrap_or_default();
    let peer = match peer(settings, provider, &format!("{PROVIDER}:{name}"), clocks) {
        Ok(peer) => peer,
        Err(check) => return vec![check.of(name)],
    };
    let (mut checks, document) = discovery::check(&peer, provider, network).await;
    if let Some(document) = &document {
        checks.push(keys::check(&peer, document, provider.algorithms.as_deref()).await);
    }
    checks.push(accepted(provider.audience.as_deref()));
    checks.into_iter().map(|check| check.of(name)).collect()
}

/// A client that asks `provider`, whose clock counts as that of `name`.
pub(super) fn peer(
    settings: &Settings,
    provider: &Provider,
    name: &str,
    clocks: &Clocks,
) -> Result<Peer, Check> {
    let addresses = addresses(settings, &provider.source);
    Peer::new(name, options::network(settings), addresses, clocks)
        .map_err(|error| Check::fail(PROVIDER, error.to_string(), "check `OUTBOUND_CA_FILE`"))
}

/// The operator's own hosts may have any address, those that only a document names may not: as at
/// the sign-in.
fn addresses(settings: &Settings, source: &Source) -> AddressRule {
    let upstream = settings.oauth.as_ref().map(|oauth| &oauth.upstream);
    let endpoints: Vec<Url> = upstream
        .into_iter()
        .flat_map(|upstream| [&upstream.authorize_endpoint, &upstream.token_endpoint])
        .flatten()
        .filter_map(|text| Url::parse(text).ok())
        .collect();
    let places = [source.issuer().url(), source.place()];
    AddressRule::configured(places.into_iter().chain(&endpoints))
}

fn without_issuer(settings: &Settings) -> Vec<Check> {
    match &settings.oauth {
        None => vec![Check::ok(
            PROVIDER,
            "none is configured (`OIDC_ISSUER_URL` is unset)",
        )],
        Some(_) => vec![Check::warn(
            PROVIDER,
            "only its endpoints are configured, so neither its issuer nor its keys can be checked",
            "set `OIDC_ISSUER_URL`, unless the provider has no discovery document",
        )],
    }
}

/// The endpoints and methods of the sign-in proxy.
fn sign_in(settings: &Settings, document: &Document) -> Vec<Check> {
    let Some(oauth) = &settings.oauth else {
        let seen = "off (`OIDC_CLIENT_ID` is unset): clients sign in at the provider themselves";
        return vec![Check::ok(SIGN_IN, seen)];
    };
    let upstream = &oauth.upstream;
    let endpoints = [
        (
            "authorization_endpoint",
            "OAUTH_AUTHORIZE_ENDPOINT",
            &upstream.authorize_endpoint,
        ),
        (
            "token_endpoint",
            "OAUTH_TOKEN_ENDPOINT",
            &upstream.token_endpoint,
        ),
    ];
    let mut used = Vec::new();
    for (name, setting, configured) in endpoints {
        let problem = match (configured, document.endpoint(name)) {
            (Some(url), _) => {
                let url = Url::parse(url).map(|url| shown(&url)).unwrap_or_default();
                used.push(format!("{url} (`{setting}`)"));
                continue;
            }
            (None, Ok(Some(url))) => {
                used.push(shown(&url));
                continue;
            }
            (None, Ok(None)) => format!("the document names no `{name}`"),
            (None, Err(why)) => why,
        };
        return vec![Check::fail(SIGN_IN, problem, format!("set `{setting}`"))];
    }
    let mut checks = Vec::new();
    let methods: Vec<&str> = document
        .strings("code_challenge_methods_supported")
        .collect();
    checks.push(match methods.as_slice() {
        [] => Check::ok(
            SIGN_IN,
            format!(
                "{}; the document does not say if it knows PKCE",
                used.join(", ")
            ),
        ),
        methods if methods.contains(&"S256") => {
            Check::ok(SIGN_IN, format!("{}; PKCE with S256", used.join(", ")))
        }
        methods => Check::fail(
            SIGN_IN,
            format!("the provider offers PKCE with {} only", methods.join(", ")),
            "turn on PKCE with S256 for the client of `OIDC_CLIENT_ID` at the provider",
        ),
    });
    checks.push(client_authentication(upstream.auth, document));
    checks
}

fn client_authentication(auth: UpstreamAuth, document: &Document) -> Check {
    let (method, word) = match auth {
        UpstreamAuth::None => ("none", "none"),
        UpstreamAuth::Basic => ("client_secret_basic", "basic"),
        UpstreamAuth::Post => ("client_secret_post", "post"),
    };
    let offered: Vec<&str> = document
        .strings("token_endpoint_auth_methods_supported")
        .collect();
    let listed = offered.is_empty() || offered.contains(&method);
    if listed {
        return Check::ok(CLIENT_AUTH, format!("`{method}`"));
    }
    let other = match (auth, offered.contains(&"client_secret_post")) {
        // Many providers accept public clients without saying so.
        (UpstreamAuth::None, _) => {
            "set `OIDC_CLIENT_SECRET`, unless the client is a public one at the provider"
        }
        (UpstreamAuth::Basic, true) => "set `OAUTH_CLIENT_AUTH=post`",
        _ => "set `OAUTH_CLIENT_AUTH` to a method that the provider offers",
    };
    let seen = format!(
        "`{method}` (`OAUTH_CLIENT_AUTH={word}`), and the provider offers {}",
        offered.join(", ")
    );
    Check::warn(CLIENT_AUTH, seen, other)
}

/// The audiences that are accepted.
fn accepted(audience: Option<&str>) -> Check {
    match audience {
        Some(audience) => Check::ok(AUDIENCE, format!("tokens must be for {audience}")),
        None => Check::warn(
            AUDIENCE,
            "no audience is set: tokens that the provider issued for other applications cannot be told apart",
            "set `OIDC_AUDIENCE` to what the provider writes into `aud` of the tokens for this server: the identifier of \
             the API there, or the client id if ID tokens are used; `datahub-mcp doctor --sign-in` shows it",
        ),
    }
}

/// The token that the validators get, and the audience that they want in it.
fn tokens(settings: &Settings, issuer: &Url) -> Vec<Check> {
    let audience = options::audience(settings);
    let upstream = settings.oauth.as_ref().map(|oauth| &oauth.upstream);
    let mut checks = vec![accepted(audience.as_deref())];
    let Some(upstream) = upstream else {
        return checks;
    };
    if upstream.token == UpstreamToken::IdToken {
        let id = &upstream.client_id;
        let for_us = audience
            .iter()
            .flat_map(|list| list.split([',', ' ']))
            .any(|audience| audience.trim() == id);
        if audience.is_some() && !for_us {
            let check = Check::fail(
                AUDIENCE,
                "ID tokens are issued for the client that signs in, and its id is not in the audience",
                format!("add the value of `OIDC_CLIENT_ID` ({id}) to `OIDC_AUDIENCE`"),
            );
            checks.push(check.of("id-token"));
        }
        checks.push(id_tokens(settings));
    } else {
        let claim = options::audience_claim(settings);
        checks.push(access_tokens(upstream, issuer, &claim));
    }
    checks
}

fn id_tokens(settings: &Settings) -> Check {
    let allowed = options::option(&settings.plugins.options, "allow_id_tokens");
    let asks = |oauth: &oauth::Settings| oauth.default_scopes.iter().any(|scope| scope == "openid");
    if allowed.is_some_and(|text| !options::is_on(&text)) {
        return Check::fail(
            TOKEN,
            "the sign-in puts ID tokens behind its own, and the validators are told to refuse them: every \
             fresh sign-in is refused",
            "unset the option `allow_id_tokens` (it follows `OAUTH_UPSTREAM_TOKEN=id_token`), or set \
             `TOKEN_VALIDATOR_OPT_ALLOW_ID_TOKENS=true`",
        );
    }
    if !settings.oauth.as_ref().is_some_and(asks) {
        return Check::fail(
            TOKEN,
            "`OAUTH_UPSTREAM_TOKEN` is `id_token`, and a provider issues one only for the scope `openid`",
            "add `openid` to `OAUTH_DEFAULT_SCOPE`",
        );
    }
    Check::ok(TOKEN, "the ID token, which the validators accept")
}

/// Returns whether the issuer is a user pool of Amazon Cognito.
fn is_cognito(issuer: &Url) -> bool {
    let aws = ["amazonaws.com", "amazonaws.com.cn"];
    let host = issuer.host_str().unwrap_or_default();
    host.starts_with("cognito-idp.") && aws.iter().any(|domain| options::is_at(issuer, domain))
}

/// `claim` is the one that the validators take for the audience.
fn access_tokens(upstream: &oauth::UpstreamSettings, issuer: &Url, claim: &str) -> Check {
    let asks_audience = || {
        let names = upstream.authorize_params.iter().map(|(name, _)| name);
        names.into_iter().any(|name| name == "audience") || upstream.forward_resource
    };
    if options::is_at(issuer, "accounts.google.com") {
        return Check::fail(
            TOKEN,
            "the access token, and those of Google are opaque: no validator can read them",
            "set `OAUTH_UPSTREAM_TOKEN=id_token` and `OIDC_AUDIENCE` to the value of `OIDC_CLIENT_ID`",
        );
    }
    if is_cognito(issuer) && claim == options::AUD {
        return Check::fail(
            TOKEN,
            "the access token, and those of Cognito have no `aud`: every one would be refused",
            "set `OIDC_AUDIENCE_CLAIM=client_id` and `OIDC_AUDIENCE` to the value of `OIDC_CLIENT_ID`",
        );
    }
    if options::is_at(issuer, "auth0.com") && !asks_audience() {
        return Check::fail(
            TOKEN,
            "the access token, and those of Auth0 are opaque unless the sign-in names an API",
            "set `OAUTH_AUTHORIZE_PARAMS=audience=...` to the identifier of your API, and `OIDC_AUDIENCE` to \
             the same",
        );
    }
    Check::ok(
        TOKEN,
        "the access token; `datahub-mcp doctor --sign-in` shows if this provider's can be read",
    )
}
