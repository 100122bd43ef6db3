//! The fuzz target for files that are to be loaded as plugins.

use super::library::elf;

/// A library: its summary can be read whatever the check says.
pub fn elf(data: &[u8]) {
    let _ = elf::check(data);
    let _ = elf::summary(data);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fuzz_target_of_libraries_holds() {
        test_support::fuzz::run("elf", 20_000, super::elf);
    }
}
