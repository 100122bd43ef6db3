//! All settings. A doc comment here is the text of `--help` and of the README's table.
//!
//! The unit is part of the name. Nothing else in the program declares a setting.

use super::setting::{Setting, settings};

settings! {
    "DataHub" {
        /// DataHub's metadata service (`http://gms:8080`) or the frontend in front of it
        /// (`https://datahub.example.com/api/gms`). The only required setting.
        DATAHUB_GMS_URL: "URL";
        /// Token used for requests without an `Authorization` header: all of them share its
        /// rights. A bad token never falls back to it.
        DATAHUB_GMS_TOKEN: "TOKEN", secret();
        /// Allows `DATAHUB_GMS_TOKEN` on an address that other machines can reach.
        ALLOW_SHARED_TOKEN: "BOOLEAN", default("false");
        /// Headers added to every request to DataHub, for a gateway in front of it, as a JSON object
        /// such as `{"CF-Access-Client-Id": "..."}`. The validators do not send them.
        DATAHUB_GMS_EXTRA_HEADERS: "JSON", secret();
        /// Time limit for connecting to DataHub.
        DATAHUB_MCP_GMS_CONNECT_TIMEOUT_MS: "MILLISECONDS", default("2000");
        /// Time limit for one call to DataHub, retries included.
        DATAHUB_MCP_GMS_TIMEOUT_SECS: "SECONDS", default("30");
        /// The largest DataHub response that is accepted. There is room for four such responses at once.
        DATAHUB_MCP_GMS_MAX_RESPONSE_BYTES: "BYTES", default("33554432");
        /// Maximum number of concurrent calls to DataHub.
        DATAHUB_MCP_GMS_MAX_IN_FLIGHT: "NUMBER", default("512");
        /// Consecutive failures after which DataHub counts as down. Failures that only one person
        /// meets make that person wait, and nobody else.
        DATAHUB_MCP_GMS_BREAKER_FAILURES: "NUMBER", default("5");
        /// Length of the first pause in calls to DataHub after that.
        DATAHUB_MCP_GMS_BREAKER_PAUSE_MS: "MILLISECONDS", default("1000");
        /// Time for which the version that DataHub reports is cached.
        DATAHUB_MCP_GMS_VERSION_TTL_SECS: "SECONDS", default("60");
    }
    "Outgoing connections" {
        /// HTTP proxy for all outgoing requests, such as `http://proxy.example.com:3128`, with
        /// `user:password@` before the host if it needs that; `none` for no proxy. If unset,
        /// `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` are used, in upper or lower case. Requests
        /// to this machine never use a proxy.
        OUTBOUND_PROXY: "URL", secret();
        /// Hosts that are contacted without a proxy: `example.com` with its subdomains, addresses,
        /// networks such as `10.0.0.0/8`, or `*`, names and addresses optionally with `:port`;
        /// comma-separated. If unset, `NO_PROXY` is used.
        OUTBOUND_NO_PROXY: "HOSTS";
        /// File of PEM certificates of authorities that are trusted besides the system's, or of servers
        /// themselves, though not with `CA:TRUE`. If unset, `SSL_CERT_FILE` is used.
        OUTBOUND_CA_FILE: "FILE";
        /// Allows plain HTTP to the identity provider, for example inside a cluster, for the
        /// validators and for signing in alike. Loopback addresses are always allowed.
        OUTBOUND_ALLOW_HTTP: "BOOLEAN", default("false");
    }
    "Listening" {
        /// IP address to listen on, or `localhost`. Any address other than loopback needs
        /// `PUBLIC_URL`.
        DATAHUB_MCP_HOST: "ADDRESS", default("127.0.0.1"), alias("FASTMCP_HOST");
        /// Address to listen on if none is set, for images: that of this project sets `0.0.0.0`, and a
        /// container's own `DATAHUB_MCP_HOST` or `FASTMCP_HOST` overrides it.
        DATAHUB_MCP_DEFAULT_HOST: "ADDRESS";
        /// TCP port to listen on; 0 picks a free one.
        DATAHUB_MCP_PORT: "PORT", default("8000"), alias("FASTMCP_PORT");
        /// The URL at which people reach this server, with or without a trailing `/mcp`. All URLs
        /// that the server issues are built from it, never from a request. Defaults to the loopback
        /// address that the server listens on. `https`, or on loopback and without `OIDC_CLIENT_ID`
        /// also `http`, such as `http://datahub-mcp:8000`.
        PUBLIC_URL: "URL";
        /// The same as `PUBLIC_URL`.
        OAUTH_RESOURCE_URL: "URL";
        /// Names accepted in a `Host` header, besides that of `PUBLIC_URL` and, on loopback, those
        /// of this machine: `name` (the listening port, 80 and 443), `name:port`, `name:*`;
        /// comma-separated.
        ALLOWED_HOSTS: "HOSTS";
        /// Origins of web pages that may use `/mcp`, such as `https://app.example.com`,
        /// comma-separated. Defaults to those of this machine and that of `PUBLIC_URL`.
        ALLOWED_ORIGINS: "ORIGINS";
        /// Proxies in front of this server, as addresses and networks such as
        /// `10.0.0.0/8, fd00::/8`; separated by commas. From them, a client's address is the
        /// rightmost address of `X-Forwarded-For` or `Forwarded` that is not one of them; where both
        /// headers are sent they must agree. From anybody else these headers mean nothing. Without
        /// it, all people behind a proxy share one limit of sign-ins.
        TRUSTED_PROXIES: "NETWORKS";
        /// `required` if each connection of `TRUSTED_PROXIES` begins with a PROXY header, version 1
        /// or 2, which names the client; one without it is closed. Connections of others, such as
        /// health checks from a node, have none and are served.
        PROXY_PROTOCOL: "MODE", default("off");
        /// Address (`127.0.0.1:9464`) of a listener for operators with `/health`, `/ready` and
        /// `/metrics`, which answers however many people are connected. If unset, no metrics are
        /// kept. `Host` must be an address, `localhost`, or a name of `PUBLIC_URL` or
        /// `ALLOWED_HOSTS`.
        DATAHUB_MCP_ADMIN_ADDRESS: "ADDRESS:PORT";
        /// The same as `DATAHUB_MCP_ADMIN_ADDRESS`; if both are set, both are served.
        DATAHUB_MCP_METRICS_ADDRESS: "ADDRESS:PORT";
    }
    "Limits" {
        /// Maximum number of connections. For a further one, the connection that waits longest for
        /// its client is closed; if all are at work, only probes are answered, and others get 503.
        /// Kept below the limit of open files.
        DATAHUB_MCP_MAX_CONNECTIONS: "NUMBER", default("8192");
        /// Maximum number of concurrent requests to `/mcp`, until their answers are sent; further ones
        /// are answered 503. Once half of them are taken, nobody gets more than a sixteenth (at least 4),
        /// but 429.
        DATAHUB_MCP_MAX_CONCURRENT_REQUESTS: "NUMBER", default("512");
        /// The largest request body that is accepted. There is room for 64 such bodies at once.
        DATAHUB_MCP_MAX_BODY_BYTES: "BYTES", default("262144");
        /// The largest request head that is accepted: request line and headers together.
        DATAHUB_MCP_MAX_HEADER_BYTES: "BYTES", default("65536");
        /// Time limit for receiving the head of a request.
        DATAHUB_MCP_HEADER_TIMEOUT_SECS: "SECONDS", default("10");
        /// Time limit for receiving the body of a request.
        DATAHUB_MCP_BODY_TIMEOUT_SECS: "SECONDS", default("15");
        /// Longest time a connection may be idle. Keep it above the idle time-out of a load
        /// balancer in front of the server.
        DATAHUB_MCP_IDLE_TIMEOUT_SECS: "SECONDS", default("75");
        /// Longest time a client may go without reading a byte of a pending response.
        DATAHUB_MCP_WRITE_TIMEOUT_SECS: "SECONDS", default("30");
        /// Time limit for a request, from its head to its response, or to the end of a stream of events.
        DATAHUB_MCP_REQUEST_TIMEOUT_SECS: "SECONDS", default("60");
        /// On SIGTERM, time for which `/ready` answers 503 before new connections are refused.
        DATAHUB_MCP_SHUTDOWN_DELAY_SECS: "SECONDS", default("0");
        /// On SIGTERM, time limit for requests in flight to finish.
        DATAHUB_MCP_SHUTDOWN_GRACE_SECS: "SECONDS", default("25");
    }
    "Token validation" {
        /// The token validator as `library[:factory]`, or several, comma-separated, asked in order.
        /// Defaults to `oidc` if `OIDC_ISSUER_URL` is set, otherwise to `datahub_token`.
        TOKEN_VALIDATOR_FACTORY: "LIBRARY[:FACTORY]";
        /// Directories with plugins, colon-separated. Defaults to `plugins` beside the program and
        /// the program's own directory.
        TOKEN_VALIDATOR_PLUGIN_DIR: "DIRECTORIES";
        /// SHA-256 checksum that the plugin must have, in hex; for several validators,
        /// `library=SHA256` for each, comma-separated.
        TOKEN_VALIDATOR_SHA256: "HEX";
        /// The lock file of `plugins pin --lock`: a library that it does not list, or lists with
        /// another checksum or signer, is not loaded.
        TOKEN_VALIDATOR_LOCK: "FILE";
        /// Public keys of minisign, comma-separated. If set, each plugin needs a signature by one of
        /// them in `FILE.minisig` beside it.
        PLUGIN_SIGNERS: "KEYS";
        /// Options of the validator as a JSON object, or `@file`; for several validators, an object
        /// with one such object for each. `TOKEN_VALIDATOR_OPT_<NAME>` sets one option.
        TOKEN_VALIDATOR_CONFIG: "JSON", or_file();
        /// Time limit for checking one token, shared by all validators of a chain.
        TOKEN_VALIDATOR_TIMEOUT_MS: "MILLISECONDS", default("10000");
        /// Time limit for starting a validator.
        TOKEN_VALIDATOR_START_TIMEOUT_SECS: "SECONDS", default("30");
        /// Time limit for shutting a validator down.
        TOKEN_VALIDATOR_SHUTDOWN_TIMEOUT_SECS: "SECONDS", default("5");
        /// Maximum number of concurrent calls of one validator.
        TOKEN_VALIDATOR_MAX_IN_FLIGHT: "NUMBER", default("512");
        /// Maximum number of requests that wait for the check of the same token.
        TOKEN_VALIDATOR_MAX_WAITERS: "NUMBER", default("1024");
        /// Longest time an accepted token is cached; never beyond its own expiry.
        TOKEN_VALIDATOR_CACHE_TTL_SECS: "SECONDS", default("300");
        /// Maximum number of accepted tokens in the cache.
        TOKEN_VALIDATOR_CACHE_ENTRIES: "NUMBER", default("10000");
        /// Time for which a rejected token is cached; 0 turns that off.
        TOKEN_VALIDATOR_REJECTED_TTL_SECS: "SECONDS", default("5");
        /// Panics and time-outs of a validator, within the window, after which it is not called for
        /// a while.
        TOKEN_VALIDATOR_BREAKER_FAULTS: "NUMBER", default("5");
        /// The window in which they are counted.
        TOKEN_VALIDATOR_BREAKER_WINDOW_SECS: "SECONDS", default("30");
        /// Time for which the validator is then not called.
        TOKEN_VALIDATOR_BREAKER_PAUSE_SECS: "SECONDS", default("10");
        /// Maximum number of plugin copies that reloading may map over the lifetime of the process.
        TOKEN_VALIDATOR_MAX_MAPPINGS: "NUMBER", default("256");
        /// Reloads plugins when their files change, as SIGHUP does.
        WATCH_PLUGINS: "BOOLEAN", default("false");
        /// Number of new tokens that the new plugins of a reload are asked about beside those that serve, with
        /// their answers compared and not used, before they serve: a difference keeps the old ones. After a
        /// minute fewer are enough. 0 for none.
        PLUGIN_RELOAD_SHADOW: "NUMBER", default("0");
        /// Process that runs plugins: `process` for a child process per library, which costs requests
        /// a 503 if it crashes, and leaves the server running; or `in-process` for the server itself,
        /// which then ends with a plugin that crashes.
        PLUGIN_ISOLATION: "ISOLATION", default("process");
        /// Sandbox of a plugin's own process: `required` runs no plugin where the kernel lacks a layer of it,
        /// `best-effort` does without that layer and logs so, `off` has none.
        PLUGIN_SANDBOX: "MODE", default("best-effort");
        /// Memory limit of a plugin in a process of its own, in MiB; a process that needs more ends
        /// and is restarted. 0 for no limit.
        PLUGIN_MEMORY_MB: "MEBIBYTES", default("1024");
        /// The identity provider: `entra`, `okta`, `auth0`, `keycloak`, `google` or `cognito` set what it
        /// needs where that is not set here, and refuse what can never work with it; `generic` sets
        /// nothing. `host/docs/providers` has a page for each.
        OIDC_PROVIDER: "PROVIDER", default("generic");
        /// URL of the identity provider, exactly as its tokens and its discovery document name it: a
        /// slash at the end counts.
        OIDC_ISSUER_URL: "URL";
        /// The audience that a token must be issued for; several are comma-separated.
        OIDC_AUDIENCE: "AUDIENCE";
        /// The claim that holds the audience, for a provider whose access tokens have no `aud`, such as
        /// `client_id`. Defaults to `aud`.
        OIDC_AUDIENCE_CLAIM: "CLAIM";
        /// Accepted signature algorithms, comma-separated. If unset, the asymmetric ones that the
        /// issuer's published keys name, and RS256 for an RSA key that names none.
        OIDC_ALGORITHMS: "ALGORITHMS";
        /// Tolerated difference between the clocks of issuer and server. Defaults to 10.
        OIDC_LEEWAY: "SECONDS";
    }
    "Signing in" {
        /// Client id of this server at the identity provider. Turns the sign-in proxy on.
        OIDC_CLIENT_ID: "ID";
        /// Client secret of this server at the identity provider.
        OIDC_CLIENT_SECRET: "SECRET", secret();
        /// The identity provider's authorization endpoint. If unset, it is discovered.
        OAUTH_AUTHORIZE_ENDPOINT: "URL";
        /// The identity provider's token endpoint. If unset, it is discovered.
        OAUTH_TOKEN_ENDPOINT: "URL";
        /// Base URL of the identity provider's discovery document, if it is not below
        /// `OIDC_ISSUER_URL`: a URL that this server reaches, for example inside a cluster. The
        /// document must name `OIDC_ISSUER_URL` as its issuer all the same.
        OAUTH_ISSUER_URL: "URL";
        /// Scopes requested if a client names none, and named in challenges; separated by spaces.
        OAUTH_DEFAULT_SCOPE: "SCOPES", default("openid profile email");
        /// Client authentication at the identity provider: `none`, `basic` or `post`. Defaults to
        /// `basic` if `OIDC_CLIENT_SECRET` is set, otherwise to `none`.
        OAUTH_CLIENT_AUTH: "METHOD";
        /// Parameters added to every authorization request, such as `audience=api&prompt=login`.
        OAUTH_AUTHORIZE_PARAMS: "PARAMETERS";
        /// Parameters added to every token request.
        OAUTH_TOKEN_PARAMS: "PARAMETERS";
        /// Forwards the `resource` parameter to the identity provider; several providers refuse it.
        OAUTH_FORWARD_RESOURCE: "BOOLEAN", default("false");
        /// The identity provider's token behind those that this server issues: `access_token` or
        /// `id_token`.
        OAUTH_UPSTREAM_TOKEN: "TOKEN", default("access_token");
        /// Access token that clients get: `sealed`, our own envelope around the identity provider's
        /// token, or `relay`, that token itself. Refresh tokens are always sealed.
        OAUTH_TOKEN_MODE: "MODE", default("sealed");
        /// Serve only people who signed in here: tokens that the identity provider gave to other
        /// programs are refused, also if the validators would accept them. Consent and revocation then bind
        /// every token.
        OAUTH_SEALED_ONLY: "BOOLEAN", default("false");
        /// Keys that seal tokens, 32 bytes each in base64 or hex, comma-separated: the first one
        /// seals, all of them open. All replicas need the same keys.
        OAUTH_TOKEN_KEYS: "KEYS", secret();
        /// Directory for a key that is generated at the first start if `OAUTH_TOKEN_KEYS` is unset
        /// and, if `OAUTH_STORE_URL` is unset, for the lists of sign-ins that were revoked or ended and
        /// of refresh tokens that were used. Defaults to `$STATE_DIRECTORY`, `$XDG_STATE_HOME/datahub-mcp` or
        /// `~/.local/state/datahub-mcp`.
        OAUTH_STATE_DIR: "DIRECTORY";
        /// Redis shared by all replicas: `redis://user:password@host:6379/0`; through Sentinels,
        /// `redis+sentinel://user:password@host:26379,host2:26379/mymaster/0`, with the login of
        /// Redis, and `?sentinel_password=` if theirs is another; or a cluster,
        /// `redis+cluster://user:password@host:6379,host2:6379`. `rediss` instead of `redis` is TLS
        /// with a certificate trusted by the system or `OUTBOUND_CA_FILE`, and `valkey` is another name for
        /// it; of options after `?`, `ssl` and `db` are obeyed. It stores what may be used only once. If
        /// unset, the memory of this process does.
        OAUTH_STORE_URL: "URL", secret();
        /// Lets clients register themselves (RFC 7591).
        OAUTH_REGISTRATION: "BOOLEAN", default("true");
        /// Lifetime of such a registration; after it, the client registers again. If unset, none ends.
        OAUTH_REGISTRATION_TTL_SECS: "SECONDS";
        /// Clients known in advance: a JSON list of objects with `client_id`, `name`,
        /// `redirect_uris` and, if confidential, `client_secret`; or `@file`.
        OAUTH_CLIENTS: "JSON", secret();
        /// Accepts an https URL as a client id and reads the client's metadata document there. Not
        /// offered to clients while none can be fetched, so that they register.
        OAUTH_CLIENT_METADATA: "BOOLEAN", default("true");
        /// Domains that such documents may come from, comma-separated. If unset, all public ones.
        OAUTH_CLIENT_METADATA_DOMAINS: "DOMAINS";
        /// Leaves out the consent page for an app that the person agreed to in this browser within a
        /// month, unless a page of another site led there. With `false`, each sign-in asks.
        OAUTH_REMEMBER_CONSENT: "BOOLEAN", default("true");
        /// URL schemes of apps that people may be redirected to, comma-separated, beside those with a dot in
        /// them, such as `com.example.app`, which belong to a domain (RFC 8252) and are always accepted.
        OAUTH_REDIRECT_SCHEMES: "SCHEMES", default("cursor,vscode,vscode-insiders");
        /// The longest lifetime of an access token.
        OAUTH_ACCESS_TOKEN_TTL_SECS: "SECONDS", default("3600");
        /// Lifetime of a refresh token that is not used.
        OAUTH_REFRESH_TOKEN_TTL_SECS: "SECONDS", default("2592000");
        /// Sign-in requests that one address may make in a burst at each endpoint, without those that prove
        /// a person: a valid code or refresh token.
        OAUTH_ADDRESS_BURST: "NUMBER", default("300");
        /// The same, each minute.
        OAUTH_ADDRESS_PER_MINUTE: "NUMBER", default("1200");
        /// Requests with valid refresh tokens of one sign-in that are answered in a burst.
        OAUTH_CLIENT_BURST: "NUMBER", default("600");
        /// The same, each minute.
        OAUTH_CLIENT_PER_MINUTE: "NUMBER", default("3000");
    }
    "Tools" {
        /// Of the tools that the settings below enable, those that are offered: names with `*` for
        /// any characters, such as `search,get_*`. All others are hidden and refused.
        TOOLS: "NAMES", default("*");
        /// Offers the tools that write.
        TOOLS_IS_MUTATION_ENABLED: "BOOLEAN", default("false");
        /// Offers `get_me`.
        TOOLS_IS_USER_ENABLED: "BOOLEAN", default("true");
        /// Offers the tools for assertions, profiles and incidents.
        DATA_QUALITY_TOOLS_ENABLED: "BOOLEAN", default("false");
        /// Uses semantic search if DataHub supports it.
        SEMANTIC_SEARCH_ENABLED: "BOOLEAN", default("false");
        /// Hides the tools that search and read documents.
        DATAHUB_MCP_DOCUMENT_TOOLS_DISABLED: "BOOLEAN", default("false");
        /// Offers `save_document`, if the tools that write are offered.
        SAVE_DOCUMENT_TOOL_ENABLED: "BOOLEAN", default("true");
        /// Title of the folder that `save_document` creates and saves to. An existing folder keeps
        /// its title.
        SAVE_DOCUMENT_PARENT_TITLE: "TITLE", default("Shared");
        /// Saves to a folder per person below that one.
        SAVE_DOCUMENT_ORGANIZE_BY_USER: "BOOLEAN", default("false");
        /// Lets `save_document` overwrite documents in its own folder only.
        SAVE_DOCUMENT_RESTRICT_UPDATES: "BOOLEAN", default("true");
        /// Urn of a document of DataHub (`urn:li:document:skills`): the published documents below it are
        /// skills for agents, beside those of this server. Whoever may write there decides what agents
        /// are told to do. Everybody sees those that DataHub shows to them.
        SKILLS_FOLDER: "URN";
        /// Searches everything, ignoring a person's default view.
        DATAHUB_MCP_DISABLE_DEFAULT_VIEW: "BOOLEAN", default("false");
        /// Scopes that a token needs for a tool, or for `read` or `write` tools, such
        /// as `write=datahub:write,search=a b`. What a token may not use is not listed either. If
        /// unset, none.
        TOOL_SCOPES: "SCOPES";
        /// Maximum length of a tool's response.
        TOOL_RESPONSE_TOKEN_LIMIT: "TOKENS", default("80000");
        /// Maximum part of it that the columns of one entity take.
        ENTITY_SCHEMA_TOKEN_BUDGET: "TOKENS", default("16000");
        /// Length at which a description is cut.
        DESCRIPTION_LENGTH_LIMIT: "CHARACTERS", default("5000");
    }
    "Logs" {
        /// Filter for log lines, in the syntax of tracing's `EnvFilter`; overrides `LOG_LEVEL`.
        RUST_LOG: "FILTER";
        /// `error`, `warn`, `info`, `debug`, `trace` or `off`.
        LOG_LEVEL: "LEVEL", default("info");
        /// `json`, `text`, or `auto`: text on a terminal, JSON elsewhere.
        LOG_FORMAT: "FORMAT", default("auto");
        /// Percentage of successful requests that get an access line; failed ones always get one.
        ACCESS_LOG_PERCENT: "PERCENT", default("100");
    }
}
