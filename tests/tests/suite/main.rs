//! The black-box suite: one binary, one module a subject, so that it links once.

mod datahub_failures;
mod foreign_compilers;
mod hostile_plugins;
mod http_edges;
mod hygiene;
mod identity_provider;
mod isolation;
mod loading_matrix;
mod oauth_browser;
mod oauth_flow;
mod oauth_world;
mod vendor_plugins;
mod who_is_let_in;
mod world;
