//! The black-box suite: one binary, one module a subject, so that it links once.

mod who_is_let_in;
