//! The common part of the black-box tests: the real binary with real plugins as a child process, an
//! MCP client that shows every byte of an answer, and stubs that misbehave on purpose.
//!
//! Nothing here looks into the server: only behaviour that is visible from outside is tested here.

pub mod artifacts;
pub mod bare;
pub mod canary;
pub mod chromium;
pub mod faulty;
pub mod mcp;
pub mod plugin_dir;
pub mod raw;
pub mod server;
pub mod settings;
pub mod stub;
pub mod text;
pub mod vendor;
pub mod vitals;
pub mod wait;

pub use self::{
    artifacts::artifacts,
    bare::{Bare, SEARCH, serve_if_asked},
    chromium::Chromium,
    faulty::faulty,
    mcp::{Mcp, Reply, status},
    plugin_dir::PluginDir,
    server::{Server, ServerBuilder},
    settings::{flooded, settings},
    stub::{Behaviour, StubDataHub, marker},
    text::{hex, say},
    vitals::Vitals,
    wait::until,
};
