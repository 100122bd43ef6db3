//! Validates tokens from a hashed list in a file, for machines.
