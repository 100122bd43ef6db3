//! Validates opaque tokens by introspection (RFC 7662).
