//! Runs a fuzz target without a fuzzer: over its corpus in `tests/fuzz/corpus`, and over a fixed number
//! of mutations of it, the same at each run.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// The longest input that mutations grow to, in bytes.
const MAX_BYTES: usize = 8 * 1024;
/// Bytes on which parsers decide.
const SIGNIFICANT: &[u8] = b"\0\t\n\r \"#%&'()+,-./019:;=?@AZ[\\]^_`az{|}~\x7f\x80\xc0\xff";

/// Calls `target` with each input of the corpus `name`, and with `count` mutations.
///
/// # Panics
/// If there is no corpus, or with the input at which the target panics.
#[track_caller]
pub fn run(name: &str, count: usize, target: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(name);
    let corpus = corpus(&folder);
    assert!(!corpus.is_empty(), "no corpus in {}", folder.display());
    let check = |input: &[u8]| {
        let survived = catch_unwind(AssertUnwindSafe(|| target(input)));
        assert!(
            survived.is_ok(),
            "the target {name} fails at b\"{}\"",
            input.escape_ascii()
        );
    };
    corpus.iter().for_each(|input| check(input));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..count {
        let mut input = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut input, &corpus, &mut random);
        }
        input.truncate(MAX_BYTES);
        check(&input);
    }
}

fn corpus(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
        .iter()
        .filter_map(|file| fs::read(file).ok())
        .collect()
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let end = at + random.below(input.len() - at + 1);
    match random.below(8) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = SIGNIFICANT[random.below(SIGNIFICANT.len())],
        2 => input.insert(at, SIGNIFICANT[random.below(SIGNIFICANT.len())]),
        3 => {
            input.drain(at..end.min(at + 16));
        }
        // A part that is there twice, or very often.
        4 => {
            let part = input[at..end.min(at + 64)].to_vec();
            let times = [1, 1, 1, 40][random.below(4)];
            input.splice(at..at, part.repeat(times));
        }
        5 => input.truncate(at),
        // The end of another input.
        6 => {
            let other = &corpus[random.below(corpus.len())];
            input.truncate(at);
            input.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        _ => {
            let other = &corpus[random.below(corpus.len())];
            let from = random.below(other.len() + 1);
            let to = from + random.below(other.len() - from + 1);
            input.splice(at..end, other[from..to].iter().copied());
        }
    }
}

/// A generator without a seed from outside (xorshift64*).
struct Random(u64);

impl Random {
    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or_default() % limit
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::HashSet};

    use super::*;

    #[test]
    fn mutations_are_many_and_the_same_at_each_run() {
        let all = || {
            let seen = RefCell::new(Vec::new());
            run("bearer", 2_000, |input| {
                seen.borrow_mut().push(input.to_vec())
            });
            seen.into_inner()
        };
        let first = all();
        assert_eq!(first, all());
        let different: HashSet<_> = first.iter().collect();
        assert!(different.len() > 1_500, "{}", different.len());
        assert!(first.iter().all(|input| input.len() <= MAX_BYTES));
    }

    #[test]
    #[should_panic(expected = "fails at b\"")]
    fn a_failure_shows_its_input() {
        run("bearer", 2_000, |input| assert!(!input.contains(&0xff)));
    }
}
