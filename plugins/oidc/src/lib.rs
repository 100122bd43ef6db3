//! Validates the JWTs of any OpenID Connect provider.
