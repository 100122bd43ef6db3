//! The paths of the server, and the labels under which logs and metrics know them.

/// The page for people; nothing for programs.
pub(super) const ROOT: &str = "/";
/// The MCP endpoint.
pub(super) const MCP: &str = "/mcp";
/// The same with the slash that people and clients append. Never a redirect: clients drop the
/// `Authorization` header on one.
pub(super) const MCP_SLASH: &str = "/mcp/";
pub(super) const HEALTH: &str = "/health";
pub(super) const READY: &str = "/ready";
/// RFC 9728 section 3.1, for the resource `/mcp` and for the origin itself.
pub(super) const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource/mcp";
pub(super) const RESOURCE_METADATA_SLASH: &str = "/.well-known/oauth-protected-resource/mcp/";
pub(super) const ROOT_METADATA: &str = "/.well-known/oauth-protected-resource";
/// Where a server of this address has its card (SEP-2127).
pub(super) const SERVER_CARD: &str = "/mcp/server-card";

/// On the listener for operators only.
pub(super) const METRICS: &str = "/metrics";

/// The label of every path without a route.
pub(super) const OTHER: &str = "other";

/// The route of a path, as logs and metrics know it.
pub(super) fn label(path: &str) -> &'static str {
    match path {
        ROOT => ROOT,
        MCP | MCP_SLASH => MCP,
        HEALTH => HEALTH,
        READY => READY,
        RESOURCE_METADATA | RESOURCE_METADATA_SLASH => RESOURCE_METADATA,
        ROOT_METADATA => ROOT_METADATA,
        SERVER_CARD => SERVER_CARD,
        "/.well-known/oauth-authorization-server" => "/.well-known/oauth-authorization-server",
        "/oauth/register" => "/oauth/register",
        "/oauth/authorize" => "/oauth/authorize",
        "/oauth/callback" => "/oauth/callback",
        "/oauth/token" => "/oauth/token",
        "/oauth/revoke" => "/oauth/revoke",
        _ => OTHER,
    }
}
