//! The fuzz target for the answers of DataHub.

use super::answer;

/// A GraphQL answer: read, or refused with a reason.
pub fn answer(data: &[u8]) {
    if let Ok(mut answer) = answer::read(data, &|data| data.to_map()) {
        let _ = answer.take("search");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fuzz_target_of_answers_holds() {
        test_support::fuzz::run("answer", 20_000, super::answer);
    }
}
