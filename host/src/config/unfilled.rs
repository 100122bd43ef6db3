//! Values in which nothing stands: a template's variable that was not filled in, or blanks. What such a value is to guard
//! would be open in silence, or guarded by a secret that everybody can guess.

/// The brackets around the name of a variable, as Kubernetes, shells and templates write them.
const BRACKETS: [(&str, &str); 4] = [("$(", ")"), ("${{", "}}"), ("${", "}"), ("{{", "}}")];

/// The reason that `value` is none, if it is none.
pub(super) fn reason(value: &str) -> Option<&'static str> {
    if is_placeholder(value) {
        return Some("a variable that was not filled in");
    }
    is_blank(value).then_some("blank")
}

/// True for `$(NAME)`, `${NAME}`, `{{ name }}` and the like.
pub(super) fn is_placeholder(value: &str) -> bool {
    let name = BRACKETS.iter().find_map(|(open, close)| {
        let inner = value.trim().strip_prefix(open)?;
        inner.strip_suffix(close)
    });
    let is_of_name =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '$');
    name.is_some_and(|name| !name.trim().is_empty() && name.chars().all(is_of_name))
}

/// True if there is nothing but blanks, commas and characters that nobody sees.
fn is_blank(value: &str) -> bool {
    let is_nothing = |c: char| c.is_whitespace() || c == ',' || !foundation::unseen::is_seen(c);
    !value.is_empty() && value.chars().all(is_nothing)
}

#[cfg(test)]
mod tests {
    use super::{super::tests::problems, *};

    #[test]
    fn a_setting_in_which_nothing_stands_is_refused_and_named() {
        for (name, value) in [
            ("TOOL_SCOPES", " "),
            ("TOOL_SCOPES", ","),
            ("TOOLS", " , "),
            ("TOKEN_VALIDATOR_SHA256", " "),
            ("OAUTH_CLIENT_METADATA_DOMAINS", ","),
            ("TRUSTED_PROXIES", ","),
            ("OIDC_CLIENT_SECRET", "$(OIDC_CLIENT_SECRET)"),
            ("DATAHUB_GMS_TOKEN", "${TOKEN}"),
            ("TOKEN_VALIDATOR_OPT_CLIENT_SECRET", "{{ secret }}"),
            (
                "OAUTH_CLIENTS",
                r#"[{"client_id": "a", "client_secret": "${TOKEN}", "redirect_uris": ["https://a.example/"]}]"#,
            ),
        ] {
            let problems = problems(&[(name, value)]);
            let line = problems.lines().find(|line| line.contains(name));
            let line = line.unwrap_or_else(|| panic!("{name}: {problems}"));
            assert!(line.contains("give it a value, or"), "{line}");
            assert!(!line.contains("${TOKEN}"), "{line}");
        }
    }

    #[test]
    fn sealed_only_without_a_sign_in_is_refused() {
        let sealed = ("OAUTH_SEALED_ONLY", "true");
        assert!(problems(&[sealed]).contains("OIDC_CLIENT_ID"));
        let off = super::super::tests::check(&[("OAUTH_SEALED_ONLY", "false")]);
        assert!(off.is_ok());
    }

    #[test]
    fn placeholders_and_blanks_are_no_values() {
        for none in [
            "$(OIDC_CLIENT_SECRET)",
            " ${SECRET} ",
            "${{ secrets.TOKEN }}",
            "{{ .Values.secret }}",
            " ",
            ",",
            " , ,",
            "\t",
            "\u{200b}",
            "\u{feff}\u{3164}",
        ] {
            assert!(reason(none).is_some(), "{none:?}");
        }
        for value in [
            "",
            "a",
            "$",
            "$()",
            "${}",
            "{}",
            "{\"a\": \"${B}\"}",
            "a$(B)",
            "$(B)c",
            "${A}${B}",
            "0",
            "a,",
            "*",
        ] {
            assert_eq!(reason(value), None, "{value:?}");
        }
    }
}
