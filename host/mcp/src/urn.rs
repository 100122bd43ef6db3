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

/// The characters of a column's path that DataHub encodes in its urn, each with its code. Nothing else
/// is encoded, not even `%` (`SchemaFieldUtils` in DataHub, `make_schema_field_urn` in its SDK).
const ENCODED: [(char, &str); 3] = [('(', "%28"), (')', "%29"), (',', "%2C")];

/// The urn of a column: `urn:li:schemaField:(<dataset>,<path>)`, with the path encoded.
pub(crate) fn column(dataset: &str, path: &str) -> String {
    let mut urn = format!("urn:li:schemaField:({dataset},");
    for c in path.chars() {
        match ENCODED.iter().find(|(reserved, _)| *reserved == c) {
            Some((_, code)) => urn.push_str(code),
            None => urn.push(c),
        }
    }
    urn.push(')');
    urn
}

/// The dataset and the path of a column's urn, with the path decoded.
pub(crate) fn split_column(urn: &str) -> Option<(&str, String)> {
    let inner = urn
        .strip_prefix("urn:li:schemaField:(")?
        .strip_suffix(')')?;
    // The dataset ends at the first comma outside of its own parentheses.
    let mut depth = 0_usize;
    let end = inner.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (c == ',' && depth == 0).then_some(at)
    })?;
    Some((&inner[..end], decoded_path(&inner[end + 1..])))
}

/// A column's path as people write it, from the form that it has inside a urn.
pub(crate) fn decoded_path(path: &str) -> String {
    let mut decoded = path.to_owned();
    for (c, code) in ENCODED {
        if decoded.contains('%') {
            decoded = decoded.replace(code, &c.to_string());
            decoded = decoded.replace(&code.to_lowercase(), &c.to_string());
        }
    }
    decoded
}

/// The urn as DataHub spells it: that of a column gets its path encoded.
pub(crate) fn spelled(urn: &str) -> String {
    match split_column(urn) {
        Some((dataset, path)) => column(dataset, &path),
        None => urn.to_owned(),
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
        assert_eq!(
            split_column(&column),
            Some((dataset, "address.zip".to_owned()))
        );
    }

    #[test]
    fn the_path_of_a_column_is_encoded_as_datahub_does() {
        let dataset = "urn:li:dataset:(urn:li:dataPlatform:hive,a.b,PROD)";
        for (path, encoded) in [
            ("plain", "plain"),
            ("100%", "100%"),
            ("SUM(x)", "SUM%28x%29"),
            ("f(a),b", "f%28a%29%2Cb"),
            ("a,b", "a%2Cb"),
            (
                "[version=2.0].[type=struct].[type=array(string,int)].tags",
                "[version=2.0].[type=struct].[type=array%28string%2Cint%29].tags",
            ),
        ] {
            let urn = column(dataset, path);
            assert_eq!(urn, format!("urn:li:schemaField:({dataset},{encoded})"));
            assert_eq!(split_column(&urn), Some((dataset, path.to_owned())));
            // Models write the path as they see it, or encoded in lower case.
            let plain = format!("urn:li:schemaField:({dataset},{path})");
            assert_eq!(spelled(&plain), urn);
            let lower = encoded.replace("%2C", "%2c");
            assert_eq!(
                spelled(&format!("urn:li:schemaField:({dataset},{lower})")),
                urn
            );
        }
        let chart = "urn:li:schemaField:(urn:li:chart:(looker,c.1),SUM(x))";
        assert_eq!(
            split_column(chart),
            Some(("urn:li:chart:(looker,c.1)", "SUM(x)".to_owned()))
        );
        let short = "urn:li:schemaField:(urn:li:document:d,a(b,c))";
        assert_eq!(
            split_column(short),
            Some(("urn:li:document:d", "a(b,c)".to_owned()))
        );
        assert_eq!(spelled("urn:li:tag:a(b)"), "urn:li:tag:a(b)");
        assert_eq!(split_column("urn:li:schemaField:(x)"), None);
    }

    proptest::proptest! {
        #[test]
        fn encoding_has_an_inverse(path in "[a-z().,\\[\\] ]{1,20}") {
            let dataset = "urn:li:dataset:(urn:li:dataPlatform:hive,a.b,PROD)";
            let urn = column(dataset, &path);
            proptest::prop_assert_eq!(split_column(&urn), Some((dataset, path)));
            proptest::prop_assert_eq!(spelled(&urn), urn);
        }
    }
}
