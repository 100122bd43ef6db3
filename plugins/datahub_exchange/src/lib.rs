//! Exchanges an identity provider's token for a short-lived DataHub token of the same person.
