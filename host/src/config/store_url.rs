//! Options after the `?` of a Redis URL, which clients in other languages know and ours ignores:
//! obeyed where the URL has a form for the same, refused otherwise. An ignored `ssl=true` would send
//! the password in the clear.
//!
//! No text here holds a part of the URL: a password may stand anywhere in it.

use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};
/// What is wrong with the options, and the fix.
type Refusal = (&'static str, &'static str);

const TLS: Refusal = (
    "a URL whose option for TLS is neither `true` nor `false`, or contradicts its scheme",
    "take the option out, and write `rediss://` for TLS",
);
const DATABASE: Refusal = (
    "a URL whose option `db` is not a number, or contradicts its path",
    "take the option out, and write the database as the path: `redis://host:6379/3`",
);
const CERTIFICATE: Refusal = (
    "a URL that asks for certificates not to be checked, or to be checked in another way",
    "take options such as `ssl_cert_reqs` out: with `rediss://` certificates are always checked, and \
     `OUTBOUND_CA_FILE` names an authority of your own",
);
const UNKNOWN: Refusal = (
    "a URL with an option that is not obeyed",
    "take the options after `?` out: TLS is the scheme `rediss`, the database is the path, user and password \
     stand before the host: `rediss://user:password@host:6379/3`",
);

/// The URL with the scheme of Redis, where it has that of Valkey, which is the same but for the name.
pub(super) fn of_redis(url: SecretString) -> SecretString {
    match url.expose_secret().strip_prefix("valkey") {
        Some(rest) => format!("redis{rest}").into(),
        None => url,
    }
}

/// The URL of one Redis with its options written in the form that is read. Any other URL, and one
/// without options, stays as it is.
pub(super) fn settled(text: &str) -> Result<String, Refusal> {
    let Some((before, query)) = text.split_once('?') else {
        return Ok(text.to_owned());
    };
    let Ok(mut url) = Url::parse(text) else {
        return Ok(text.to_owned());
    };
    if !matches!(url.scheme(), "redis" | "rediss") {
        return Ok(text.to_owned());
    }
    let mut tls = url.scheme() == "rediss";
    let mut kept = None;
    let query = query.split('#').next().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name.to_ascii_lowercase() {
            "ssl" | "tls" => match &*value.to_ascii_lowercase() {
                "true" | "1" | "yes" | "on" => tls = true,
                "false" | "0" | "no" | "off" if !tls => {}
                _ => return Err(TLS),
            },
            "db" => {
                let number: u32 = value.parse().map_err(|_| DATABASE)?;
                let path = format!("/{number}");
                if !matches!(url.path(), "" | "/") && url.path() != path {
                    return Err(DATABASE);
                }
                url.set_path(&path);
            }
            "ssl_cert_reqs"
                if ["required", "cert_required"].contains(&&*value.to_ascii_lowercase()) => {}
            "ssl_check_hostname" if value.eq_ignore_ascii_case("true") => {}
            "protocol" => kept = Some(value.into_owned()),
            other if other.starts_with("ssl_") || other.starts_with("tls_") => {
                return Err(CERTIFICATE);
            }
            _ => return Err(UNKNOWN),
        }
    }
    let scheme = if tls { "rediss" } else { "redis" };
    // Login and host byte for byte: what is percent-encoded there stays so.
    let authority = before.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let path = url.path();
    let protocol = kept.map_or(String::new(), |version| format!("?protocol={version}"));
    Ok(format!("{scheme}://{authority}{path}{protocol}"))
}

#[cfg(test)]
mod tests {
    use oauth::StoreSettings;
    use secrecy::ExposeSecret;

    use crate::config::tests::check;

    fn store(url: &str) -> Result<String, String> {
        let pairs = [
            ("OIDC_CLIENT_ID", "id"),
            ("OIDC_ISSUER_URL", "https://idp.example"),
            ("OAUTH_STORE_URL", url),
        ];
        match check(&pairs)?.oauth.unwrap().store {
            StoreSettings::Redis(url) => Ok(url.expose_secret().to_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_that_a_url_has_a_form_for_are_obeyed() {
        for (given, read) in [
            ("redis://host:6379/0", "redis://host:6379/0"),
            ("redis://host?ssl=true", "rediss://host"),
            ("redis://host:6380/?SSL=True&db=3", "rediss://host:6380/3"),
            (
                "redis://u:p%40w@host:6379/3?db=3",
                "redis://u:p%40w@host:6379/3",
            ),
            ("redis://host?tls=false", "redis://host"),
            ("rediss://host/1?ssl_cert_reqs=required", "rediss://host/1"),
            (
                "rediss://host/1?ssl_cert_reqs=CERT_REQUIRED",
                "rediss://host/1",
            ),
            ("valkey://host:6379/1", "redis://host:6379/1"),
            ("valkeys://host?db=2", "rediss://host/2"),
            ("valkeys+cluster://a,b", "rediss+cluster://a,b"),
            ("valkey+sentinel://a,b/m", "redis+sentinel://a,b/m"),
            (
                "rediss://host?protocol=resp3&db=0",
                "rediss://host/0?protocol=resp3",
            ),
            (
                "redis+unix:///run/redis.sock?db=1",
                "redis+unix:///run/redis.sock?db=1",
            ),
            (
                "redis+sentinel://a,b/m?sentinel_password=x",
                "redis+sentinel://a,b/m?sentinel_password=x",
            ),
        ] {
            assert_eq!(store(given).as_deref(), Ok(read), "{given}");
        }
    }

    #[test]
    fn other_options_are_refused_with_what_to_write() {
        for (given, fix) in [
            (
                "redis://:s3cret@host?ssl=perhaps",
                "write `rediss://` for TLS",
            ),
            (
                "rediss://:s3cret@host?ssl=false",
                "write `rediss://` for TLS",
            ),
            (
                "redis://:s3cret@host/1?db=3",
                "write the database as the path",
            ),
            (
                "redis://:s3cret@host?db=three",
                "write the database as the path",
            ),
            (
                "rediss://:s3cret@host?ssl_cert_reqs=none",
                "`OUTBOUND_CA_FILE`",
            ),
            (
                "rediss://:s3cret@host?ssl_cert_reqs=CERT_NONE",
                "always checked",
            ),
            (
                "rediss://:s3cret@host?ssl_ca_certs=/ca.pem",
                "`OUTBOUND_CA_FILE`",
            ),
            ("redis://host?password=s3cret", "stand before the host"),
            ("rediss://:s3cret@host#insecure", "always checked"),
            ("rediss://:s3cret@host/#insecure", "always checked"),
            ("rediss://:s3cret@host?ssl=true#insecure", "always checked"),
            ("redis://:s3#cret@host", "`%23`"),
            (
                "redis://host?socket_timeout=s3",
                "take the options after `?` out",
            ),
        ] {
            let why = store(given).expect_err(given);
            assert!(
                why.starts_with("`OAUTH_STORE_URL` (`--oauth-store-url`) is `***`: a URL "),
                "{why}"
            );
            assert!(why.contains(fix) && !why.contains("s3"), "{why}");
            assert_eq!(why.lines().count(), 1, "{why}");
        }
    }
}
