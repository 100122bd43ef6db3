//! The options of a validator: gathered from their sources, converted and checked against the
//! schema that the factory publishes. Never shows a secret value.

pub(crate) mod assemble;
pub(crate) mod schema;
pub(crate) mod violation;
