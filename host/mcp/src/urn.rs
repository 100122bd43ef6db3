//! DataHub's identifiers, `urn:li:<kind>:<id>`, as far as the tools parse them.

/// Urns longer than this are refused.
const MAX_URN_CHARS: usize = 1024;

/// The kind of a well-formed urn: `dataset` in `urn:li:dataset:(..)`.
pub(crate) fn kind(urn: &str) -> Option<&str> {
    let (kind, id) = urn.strip_prefix("urn:li:")?.split_once(':')?;
    let well_formed = !kind.is_empty()
        && kind.chars().all(|c| c.is_ascii_alphanumeric())
        && !id.is_empty()
        && !urn.chars().any(|c| c.is_control())
        && urn.len() <= MAX_URN_CHARS;
    well_formed.then_some(kind)
}

/// The urn of a column: `urn:li:schemaField:(<dataset>,<path>)`.
pub(crate) fn column(dataset: &str, path: &str) -> String {
    format!("urn:li:schemaField:({dataset},{path})")
}

/// The dataset and the path of a column's urn.
pub(crate) fn split_column(urn: &str) -> Option<(&str, &str)> {
    let inner = urn
        .strip_prefix("urn:li:schemaField:(")?
        .strip_suffix(')')?;
    // The dataset's own urn ends with a closing parenthesis, if it has any.
    match inner.rfind("),") {
        Some(at) => Some((&inner[..=at], &inner[at + 2..])),
        None => inner.rsplit_once(','),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kind_of_well_formed_urns_only() {
        let dataset = "urn:li:dataset:(urn:li:dataPlatform:hive,a.b,PROD)";
        assert_eq!(kind(dataset), Some("dataset"));
        assert_eq!(kind("urn:li:tag:PII"), Some("tag"));
        for bad in [
            "",
            "PII",
            "urn:li:tag",
            "urn:li:tag:",
            "urn:li::x",
            "urn:li:t:a\nb",
        ] {
            assert_eq!(kind(bad), None, "{bad}");
        }
        let column = column(dataset, "address.zip");
        assert_eq!(split_column(&column), Some((dataset, "address.zip")));
    }
}
