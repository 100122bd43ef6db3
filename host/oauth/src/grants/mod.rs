//! The grants of the token endpoint, one file each.

mod answer;
pub(super) mod authorization_code;
pub(super) mod refresh_token;
mod rotation;
mod scope;

pub(super) use self::answer::{TokenAnswer, token_set};
