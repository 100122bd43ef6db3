//! Suggests known names that are similar to an unknown one, for the hints in error texts.

/// Names longer than this are not compared.
const MAX_CHARS: usize = 100;

/// Up to `limit` of `known` that are similar to `name`, the most similar first. Where one name
/// contains the other, they count as similar whatever their length.
pub(crate) fn names<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
    limit: usize,
) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    if wanted.is_empty() || wanted.chars().count() > MAX_CHARS {
        return Vec::new();
    }
    let allowed = wanted.chars().count() / 3 + 1;
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let distance = distance(&wanted, &lower);
            let contained =
                wanted.len() >= 3 && (lower.contains(&wanted) || wanted.contains(&lower));
            (distance <= allowed || contained).then_some((distance, candidate))
        })
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter()
        .take(limit)
        .map(|(_, candidate)| candidate)
        .collect()
}

/// The Levenshtein distance in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(MAX_CHARS).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["num_results", "query", "filter", "offset", "customer_id"];
        assert_eq!(names("num_resuls", known.into_iter(), 3), ["num_results"]);
        assert_eq!(names("customer", known.into_iter(), 3), ["customer_id"]);
        assert!(names("zzzzzz", known.into_iter(), 3).is_empty());
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
