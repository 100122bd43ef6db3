//! What the validator plugins share.
