//! Fuzz targets for the header with the token and the header that asks for one.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use secrecy::ExposeSecret;

use super::{
    bearer::{MAX_TOKEN_BYTES, bearer},
    challenge::Challenge,
};

/// `Authorization`, with a query after the first line: a token that is taken has the form of one.
pub fn bearer_header(data: &[u8]) {
    let (value, query) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], std::str::from_utf8(&data[end + 1..]).ok()),
        None => (data, None),
    };
    let mut headers = HeaderMap::new();
    let Ok(value) = HeaderValue::from_bytes(value) else {
        return;
    };
    headers.append(AUTHORIZATION, value.clone());
    if let Ok(Some(token)) = bearer(&headers, query) {
        let token = token.expose_secret();
        assert!(!token.is_empty() && token.len() <= MAX_TOKEN_BYTES);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        assert!(token.bytes().all(allowed));
    }
    headers.append(AUTHORIZATION, value);
    assert!(
        bearer(&headers, query).is_err(),
        "two headers are never one token"
    );
}

/// A challenge with scopes of any kind: all its parameters are whole quoted strings.
pub fn challenge(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let scopes: Vec<String> = text.split('\n').take(8).map(str::to_owned).collect();
    let url = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
    let given = Challenge::new(url, &scopes).ok();
    let plain = Challenge::new(url, &[]).ok();
    let steps = plain
        .iter()
        .map(|challenge| challenge.insufficient_scope(&scopes));
    let answers = given
        .iter()
        .flat_map(|challenge| [challenge.missing(), challenge.invalid()]);
    for header in answers.chain(steps) {
        let header = header.to_str().unwrap_or_default();
        let rest = header.strip_prefix("Bearer ");
        // No value holds a quotation mark, so each second piece is the name of a parameter.
        let pieces: Vec<&str> = rest.unwrap_or_default().split('"').collect();
        assert_eq!(pieces.len() % 2, 1, "{header}");
        let names: Vec<&str> = pieces.iter().step_by(2).copied().collect();
        let expected = [
            &["resource_metadata=", ""][..],
            &["resource_metadata=", ", scope=", ""],
            &["error=", ", resource_metadata=", ""],
            &["error=", ", resource_metadata=", ", scope=", ""],
        ];
        assert!(expected.contains(&&names[..]), "{header}");
    }
}

#[cfg(test)]
mod tests {
    use test_support::fuzz::run;

    #[test]
    fn fuzz_targets_of_bearer_and_challenge_hold() {
        run("bearer", 20_000, super::bearer_header);
        run("challenge", 20_000, super::challenge);
    }
}
