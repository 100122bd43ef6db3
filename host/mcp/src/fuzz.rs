//! The fuzz target for the filter language, whose texts models and people write.

use super::filter;

/// A filter: an error names a place inside the text.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(error) = filter::compile(Some(text)) {
        assert!(!error.to_string().is_empty());
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fuzz_target_of_filters_holds() {
        test_support::fuzz::run("filter", 20_000, super::filter);
    }
}
