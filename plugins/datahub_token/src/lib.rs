//! Validates DataHub's own access tokens by asking DataHub who they belong to.
