//! TODO-owner fills in.
