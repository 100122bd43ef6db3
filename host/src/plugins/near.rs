//! Near misses: the known names that a misspelt one may stand for.

/// The maximum number of names offered.
const MAX_OFFERS: usize = 3;

/// The names of `known` that are similar to `name`, the most similar first.
pub(super) fn misses<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted = normal(name);
    let allowed = (wanted.chars().count() / 3).clamp(1, 3);
    let mut offers: Vec<(usize, &str)> = known
        .into_iter()
        .map(|candidate| (distance(&wanted, &normal(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .collect();
    offers.sort_unstable();
    offers.dedup();
    offers
        .into_iter()
        .take(MAX_OFFERS)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// `; did you mean ...?`, or nothing.
pub(super) fn hint(near: &[String]) -> String {
    if near.is_empty() {
        return String::new();
    }
    let names: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    format!("; did you mean {}?", names.join(" or "))
}

/// `name` in lower case and without separators, which do not count as differences.
fn normal(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c == '-' {
                '_'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .take(64)
        .collect()
}

/// The number of characters to change, add, remove or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_what_is_close() {
        let known = ["issuer_url", "audience", "leeway"];
        assert_eq!(misses("isuer_url", known), ["issuer_url"]);
        assert_eq!(misses("ISSUER-URL", known), ["issuer_url"]);
        assert_eq!(misses("aduience", known), ["audience"]);
        assert!(misses("something_else", known).is_empty());
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
