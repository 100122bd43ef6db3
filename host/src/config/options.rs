//! The options of the validators as they were given, whichever way.

use plugin_host::OptionSources;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

/// The option `name` as it was given by itself, or in the options of a validator or of one of a
/// chain. A list becomes text with commas.
pub(crate) fn validator_option(options: &OptionSources, name: &str) -> Option<String> {
    let own = |options: &Map<String, Value>| options.get(name).and_then(option_text);
    single_option(options, name)
        .or_else(|| own(&options.config))
        .or_else(|| {
            let mut each = options.config.values().filter_map(Value::as_object);
            each.find_map(own)
        })
}

/// The option `name` as it was given by itself (`TOKEN_VALIDATOR_OPT_<NAME>`).
pub(crate) fn single_option(options: &OptionSources, name: &str) -> Option<String> {
    options.overrides.iter().find_map(|(given, value)| {
        let plain = given.to_ascii_lowercase().replace('-', "_");
        (plain == name).then(|| value.expose_secret().to_owned())
    })
}

/// The value of an option as text: a list becomes text with commas.
pub(crate) fn option_text(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => Some(
            list.iter()
                .filter_map(option_text)
                .collect::<Vec<_>>()
                .join(","),
        ),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_option_is_found_wherever_it_may_be_given() {
        let with = |config: Value, overrides: &[(&str, &str)]| OptionSources {
            config: config.as_object().unwrap().clone(),
            overrides: overrides
                .iter()
                .map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)))
                .collect(),
            ..OptionSources::default()
        };
        let audience = |config, overrides: &[(&str, &str)]| {
            validator_option(&with(config, overrides), "audience")
        };
        let found = |text: &str| Some(text.to_owned());
        assert_eq!(audience(json!({}), &[]), None);
        assert_eq!(audience(json!({"audience": "a"}), &[]), found("a"));
        assert_eq!(audience(json!({"audience": ["a", "b"]}), &[]), found("a,b"));
        assert_eq!(audience(json!({"x": {"audience": "a"}}), &[]), found("a"));
        assert_eq!(
            audience(json!({"audience": "a"}), &[("AUDIENCE", "b")]),
            found("b")
        );
    }
}
