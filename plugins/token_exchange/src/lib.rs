//! Exchanges a token at the identity provider (RFC 8693).
