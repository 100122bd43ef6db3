//! The black-box suite: one binary, one module a subject, so that it links once.

mod http_edges;
mod loading_matrix;
mod who_is_let_in;
