//! Splits text into words: lower case, split at punctuation, underscores and changes of case.

/// The words of a text. `userTransactions_2024` is `user`, `transactions`, `2024`.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut out = Vec::new();
    for chunk in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|chunk| !chunk.is_empty())
    {
        let mut word = String::new();
        let mut previous_lower = false;
        for c in chunk.chars() {
            if c.is_uppercase() && previous_lower {
                out.push(std::mem::take(&mut word));
            }
            previous_lower = c.is_lowercase();
            word.extend(c.to_lowercase());
        }
        out.push(word);
    }
    out.into_iter()
}

/// The stem of a word, which is the same for plural and singular, as in DataHub's English analyser.
pub(crate) fn stem(word: &str) -> String {
    if word.len() > 4
        && let Some(head) = word.strip_suffix("ies")
    {
        return format!("{head}y");
    }
    if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") {
        return word[..word.len() - 1].to_owned();
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_where_names_do() {
        let all: Vec<_> = words("dw.userTransactions_2024 (EU)").collect();
        assert_eq!(all, ["dw", "user", "transactions", "2024", "eu"]);
    }

    #[test]
    fn plurals_meet_their_singular() {
        for (word, stemmed) in [
            ("orders", "order"),
            ("categories", "category"),
            ("address", "address"),
            ("id", "id"),
        ] {
            assert_eq!(stem(word), stemmed);
        }
    }
}
