//! Options that are secrets by their name, and not by their schema.

use serde_json::Value;

use crate::options::{assemble::is_secret, schema::Schema};

/// The last words of names of secrets.
const SECRET: [&str; 9] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "key",
    "apikey",
    "credential",
    "credentials",
];

/// The options in `schema` that hold a text, are named like a secret, and are not marked as one.
pub(super) fn unmarked(schema: &Value) -> Vec<String> {
    let view = Schema::new(schema);
    let suspicious = view.properties().into_iter().filter(|(name, property)| {
        let text = view.type_name(property).contains("string") && view.choices(property).is_empty();
        let file = view.annotation(property, "x-file") == Some(&Value::Bool(true));
        text && !file && sounds_secret(name) && !is_secret(view, property)
    });
    suspicious.map(|(name, _)| format!("`{name}`")).collect()
}

fn sounds_secret(name: &str) -> bool {
    let mut spaced = String::new();
    let mut small = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && small {
            spaced.push(' ');
        }
        small = letter.is_ascii_lowercase();
        spaced.push(match letter.is_ascii_alphanumeric() {
            true => letter.to_ascii_lowercase(),
            false => ' ',
        });
    }
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let public = words.iter().any(|word| ["public", "verify"].contains(word));
    !public && words.last().is_some_and(|last| SECRET.contains(last))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_tells_a_secret_from_what_belongs_to_one() {
        let text = json!({"type": "string"});
        let schema = json!({"type": "object", "properties": {
            "secret": text, "api_key": text, "signingKey": text, "dataHub-token": text,
            "known": {"type": "string", "x-secret": true}, "key_file": text, "public_key": text,
            "token_url": text, "tokens": text, "monkey": text,
            "password": {"type": "string", "x-secret": true}, "key": {"type": "integer"},
        }});
        let mut found = unmarked(&schema);
        found.sort_unstable();
        assert_eq!(
            found,
            ["`api_key`", "`dataHub-token`", "`secret`", "`signingKey`"]
        );
    }
}
