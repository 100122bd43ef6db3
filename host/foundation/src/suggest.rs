//! "Did you mean": the known names that are close to an unknown one.

use strsim::osa_distance;

/// The longest name that is compared.
const MAX_CHARS: usize = 100;
/// The maximum number of names in a hint.
const MAX_OFFERS: usize = 3;
/// The shortest name that is searched for inside others, in characters.
const MIN_CONTAINED: usize = 3;

/// Up to `limit` of `known` that are close to `name`, closest first. Case does not matter, nor does
/// the kind of separator. Names that contain it, or that it contains, count as close.
pub fn names<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    limit: usize,
) -> Vec<&'a str> {
    let wanted = folded(name);
    let length = wanted.chars().count();
    if length == 0 || length > MAX_CHARS {
        return Vec::new();
    }
    let allowed = length / 3 + 1;
    let mut close: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|candidate| {
            let folded = folded(candidate);
            let distance = osa_distance(&wanted, &folded);
            let contained =
                length >= MIN_CONTAINED && (folded.contains(&wanted) || wanted.contains(&folded));
            (distance <= allowed || contained).then_some((distance, candidate))
        })
        .collect();
    close.sort_by_key(|(distance, _)| *distance);
    close.dedup();
    close
        .into_iter()
        .take(limit)
        .map(|(_, candidate)| candidate)
        .collect()
}

/// The few names of `known` to offer for `name` in an error, closest first.
pub fn offers<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names(name, known, MAX_OFFERS)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// `; did you mean ...?`, or nothing.
pub fn hint(offers: &[String]) -> String {
    if offers.is_empty() {
        return String::new();
    }
    let names: Vec<_> = offers.iter().map(|name| format!("`{name}`")).collect();
    format!("; did you mean {}?", names.join(" or "))
}

fn folded(name: &str) -> String {
    name.chars()
        .take(MAX_CHARS + 1)
        .flat_map(char::to_lowercase)
        .map(|c| if c == '-' { '_' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_close_names() {
        let known = ["num_results", "query", "filter", "offset", "customer_id"];
        assert_eq!(names("num_resuls", known, 3), ["num_results"]);
        assert_eq!(names("customer", known, 3), ["customer_id"]);
        assert!(names("zzzzzz", known, 3).is_empty());
        assert!(names("", known, 3).is_empty());
        assert!(names(&"q".repeat(MAX_CHARS + 1), known, 3).is_empty());
    }

    #[test]
    fn case_separators_and_swapped_letters_do_not_hide_a_name() {
        let known = ["issuer_url", "audience", "leeway"];
        assert_eq!(offers("isuer_url", known), ["issuer_url"]);
        assert_eq!(offers("ISSUER-URL", known), ["issuer_url"]);
        assert_eq!(offers("aduience", known), ["audience"]);
        assert!(offers("something_else", known).is_empty());
    }

    #[test]
    fn the_hint_reads_as_a_sentence() {
        assert_eq!(hint(&[]), "");
        assert_eq!(
            hint(&["a".into(), "b".into()]),
            "; did you mean `a` or `b`?"
        );
    }
}
