//! The black-box suite: one binary, one module a subject, so that it links once.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test fail the test as its own lines do"
)]

mod abuse;
mod access_lines;
mod analysts;
mod authorization;
mod c_header;
mod chains;
mod company_skills;
mod corners;
mod datahub_failures;
mod datahub_people;
mod doctor;
mod endurance;
mod exchange;
mod filters;
mod foreign_compilers;
mod hostile_plugins;
mod http_edges;
mod hygiene;
mod identity_provider;
mod image;
mod isolation;
mod kit;
mod kit_world;
mod linked_libraries;
mod loading_matrix;
mod many_hostile_plugins;
mod mcp_features;
mod metrics;
mod oauth_browser;
mod oauth_clients;
mod oauth_failover;
mod oauth_flow;
mod oauth_operated;
mod oauth_revocations;
mod oauth_store;
mod oauth_world;
mod older_datahub;
mod outbound;
mod own_server;
mod plugin_faults;
mod plugin_lock;
mod plugin_processes;
mod plugin_sandbox;
mod providers;
mod proxies_in_front;
mod reload;
mod reload_shadow;
mod save_document;
mod scopes;
mod secret_settings;
mod shop_world;
mod stdio;
mod tls;
mod transcripts;
mod unread_answers;
mod validators;
mod vendor_plugins;
mod vendor_walk;
mod vocabulary;
mod who_is_let_in;
mod world;
mod wrong_calls;
