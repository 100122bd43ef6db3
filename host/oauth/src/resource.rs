//! The `resource` of a request (RFC 8707): this server has one, however clients spell it.

use foundation::public_url::{PublicUrl, is_loopback};
use url::Url;

use super::{context::Context, params::Params, types::ClientKey};

/// Longest resource of a client that is logged, in characters.
const MAX_LOGGED_CHARS: usize = 200;

/// Returns whether each `resource` is ours; none means ours. Logs one that is not.
pub(super) fn is_ours(context: &Context, client: &ClientKey, params: &Params) -> bool {
    let mut asked = params.all("resource");
    let Some(other) = asked.find(|asked| !is_this_server(&context.public_url, asked)) else {
        return true;
    };
    let now = context.clock.elapsed();
    if let Some(left_out) = context.lines.admit("resource", now) {
        tracing::warn!(
            %client,
            resource = for_log(other),
            expected = context.public_url.resource(),
            left_out,
            hint = "give the app the expected URL, or set PUBLIC_URL to the one that people use",
            "request for another resource refused"
        );
    }
    false
}

/// Returns whether `asked` is a spelling of our resource. Clients may name it by its origin or issuer
/// as well, with a slash at the end, and as URLs are compared: host in any case, with or without the
/// default port. On loopback `localhost` and the addresses are one host.
fn is_this_server(public_url: &PublicUrl, asked: &str) -> bool {
    let Ok(url) = Url::parse(asked) else {
        return false;
    };
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let path = url.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let ours = path.strip_prefix(public_url.path());
    plain
        && is_our_origin(public_url, &url)
        && (path.is_empty() || ours.is_some_and(|rest| matches!(rest, "" | "/mcp")))
}

fn is_our_origin(public_url: &PublicUrl, url: &Url) -> bool {
    let same_scheme = public_url.is_https() == (url.scheme() == "https");
    let on_loopback = public_url.is_loopback() && is_loopback(url);
    url.origin().ascii_serialization() == public_url.origin()
        || (on_loopback && same_scheme && public_url.is_own(url))
}

/// A stranger's text without credentials, query and fragment, which may hold anything, and of bounded
/// length.
fn for_log(resource: &str) -> String {
    let shown = resource.split(['?', '#']).next().unwrap_or_default();
    let shown = shown.rsplit_once('@').map_or(shown, |(_, behind)| behind);
    let shown = shown.chars().filter(|c| !c.is_control());
    shown.take(MAX_LOGGED_CHARS).collect()
}
