//! Names that are a slip of the pen away from a setting of ours: a letter or two, singular and
//! plural, words joined or in another order. Such a setting would silently stay at its default, and
//! nothing would guard what it guards.
//!
//! A name of another program must never stop the start. So names are compared word by word, a word
//! is never compared with a real word that others use, and the settings of the log, whose names
//! other programs share, are left out.

use std::sync::LazyLock;

use strsim::osa_distance;

use super::{setting::Setting, table};

/// Words of other programs' names that are close to words of ours.
const WORDS_OF_OTHERS: &[&str] = &["AUTH", "OAUTH1", "OAUTH2", "PUBLISH", "PORTS", "USED"];
/// The longest name that is compared, in bytes.
const MAX_BYTES: usize = 100;
/// The maximum number of edits in a whole name.
const MAX_EDITS: usize = 2;
/// The shortest word in which another letter counts as a slip, in characters.
const MIN_REPLACED: usize = 4;
/// The shortest word in which two edits count as slips, in characters.
const MIN_TWICE: usize = 7;
/// The shortest name that is compared without its separators, in characters.
const MIN_JOINED: usize = 9;

/// The setting that `name` nearly names, and the name that was meant; `None` if it is not close to
/// any.
pub(super) fn meant(name: &str) -> Option<(&'static Setting, String)> {
    /// Every name in words: the environment has many names to compare with.
    static KNOWN: LazyLock<Vec<(&Setting, String, Vec<String>)>> = LazyLock::new(|| {
        known()
            .map(|(setting, name)| (setting, name.clone(), words(&name)))
            .collect()
    });
    if name.len() > MAX_BYTES {
        return None;
    }
    let given = words(name);
    KNOWN
        .iter()
        .filter_map(|(setting, name, words)| Some((edits(&given, words)?, *setting, name)))
        .min_by_key(|(edits, ..)| *edits)
        .map(|(_, setting, name)| (setting, name.clone()))
}

/// Every name that is read, but for those of the log, with its setting.
fn known() -> impl Iterator<Item = (&'static Setting, String)> {
    let shared = [&table::RUST_LOG, &table::LOG_LEVEL, &table::LOG_FORMAT];
    table::ALL
        .iter()
        .copied()
        .filter(move |known| !shared.contains(known))
        .flat_map(|setting| {
            [
                Some(setting.name.to_owned()),
                setting.alias.map(str::to_owned),
                setting.file_name(),
            ]
            .into_iter()
            .flatten()
            .map(move |name| (setting, name))
        })
}

/// The words of a name in upper case, without `IS`, which people forget.
fn words(name: &str) -> Vec<String> {
    name.to_uppercase()
        .split(['_', '-'])
        .filter(|word| !word.is_empty() && *word != "IS")
        .map(str::to_owned)
        .collect()
}

/// The number of slips between two names, if there are few enough.
fn edits(given: &[String], known: &[String]) -> Option<usize> {
    if given.len() == known.len() {
        let by_word = given
            .iter()
            .zip(known)
            .try_fold(0, |sum, (given, known)| {
                Some(sum + word_edits(given, known)?)
            })
            .filter(|sum| *sum <= MAX_EDITS);
        if by_word.is_some() {
            return by_word;
        }
        // The same words in another order.
        let sorted = |words: &[String]| {
            let mut stems: Vec<String> = words.iter().map(|word| stem(word).to_owned()).collect();
            stems.sort();
            stems
        };
        return (sorted(given) == sorted(known)).then_some(1);
    }
    let (given, known) = (given.concat(), known.concat());
    (known.chars().count() >= MIN_JOINED && osa_distance(&given, &known) <= 1).then_some(1)
}

/// The number of slips between two words, if one can be taken for the other.
fn word_edits(given: &str, known: &str) -> Option<usize> {
    if given == known {
        return Some(0);
    }
    if WORDS_OF_OTHERS.contains(&given) {
        return None;
    }
    if stem(given) == stem(known) || matches!((given, known), ("URI", "URL")) {
        return Some(1);
    }
    let length = known.chars().count();
    let same_first = given.chars().next() == known.chars().next();
    match osa_distance(given, known) {
        1 if given.chars().count() != length => (length >= 3).then_some(1),
        1 if swapped(given, known) => Some(1),
        1 => (length >= MIN_REPLACED && same_first).then_some(1),
        2 => (length >= MIN_TWICE && same_first).then_some(2),
        _ => None,
    }
}

/// True for words with the same letters.
fn swapped(given: &str, known: &str) -> bool {
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    sorted(given) == sorted(known)
}

/// A word without its ending: `HOSTS` and `HOST`, `ALLOWED` and `ALLOW`, `ENABLED` and `ENABLE`.
fn stem(word: &str) -> &str {
    let stem = ["ED", "S"]
        .into_iter()
        .find_map(|ending| word.strip_suffix(ending))
        .filter(|stem| stem.len() >= 3)
        .unwrap_or(word);
    stem.strip_suffix('E')
        .filter(|stem| stem.len() >= 3)
        .unwrap_or(stem)
}

#[cfg(test)]
mod tests;
