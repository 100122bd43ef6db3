//! All settings there are. A doc comment here is the text of `--help` and of the README's table.
//!
//! The unit is part of the name. Nothing else in the program declares a setting.

use super::setting::{Setting, settings};

settings! {
    "DataHub" {
        /// DataHub's metadata service (`http://gms:8080`) or the frontend before it
        /// (`https://datahub.example.com/api/gms`). The one setting that must be given.
        DATAHUB_GMS_URL: "URL";
        /// Token that serves requests without an `Authorization` header: everybody shares its
        /// rights. A bad token never falls back to it.
        DATAHUB_GMS_TOKEN: "TOKEN", secret();
        /// Allows `DATAHUB_GMS_TOKEN` on an address that others can reach.
        ALLOW_SHARED_TOKEN: "BOOLEAN", default("false");
        /// How long connecting to DataHub may take.
        DATAHUB_MCP_GMS_CONNECT_TIMEOUT_MS: "MILLISECONDS", default("2000");
        /// How long one call to DataHub may take, retries included.
        DATAHUB_MCP_GMS_TIMEOUT_SECS: "SECONDS", default("30");
        /// The most bytes that are read of one answer of DataHub.
        DATAHUB_MCP_GMS_MAX_RESPONSE_BYTES: "BYTES", default("33554432");
        /// The most calls to DataHub under way at once.
        DATAHUB_MCP_GMS_MAX_IN_FLIGHT: "NUMBER", default("512");
        /// Failures in a row after which DataHub counts as down.
        DATAHUB_MCP_GMS_BREAKER_FAILURES: "NUMBER", default("5");
        /// How long DataHub is first left alone after that.
        DATAHUB_MCP_GMS_BREAKER_PAUSE_MS: "MILLISECONDS", default("1000");
        /// How long the version that DataHub names is remembered.
        DATAHUB_MCP_GMS_VERSION_TTL_SECS: "SECONDS", default("60");
    }
    "Outgoing connections" {
        /// HTTP proxy for all outgoing requests, as `http://proxy.example.com:3128`, with
        /// `user:password@` before the host where it wants that; `none` for no proxy. Unset,
        /// `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` count, in either case of letters. This
        /// machine is never asked through a proxy.
        OUTBOUND_PROXY: "URL", secret();
        /// Hosts that are asked without a proxy: `example.com` with its subdomains, addresses,
        /// networks as `10.0.0.0/8`, each with `:port` or without, or `*`; comma-separated. Unset,
        /// `NO_PROXY`.
        OUTBOUND_NO_PROXY: "HOSTS";
        /// File of PEM certificates of authorities that are trusted besides the system's. Unset,
        /// `SSL_CERT_FILE`.
        OUTBOUND_CA_FILE: "FILE";
        /// Lets the identity provider be asked over plain HTTP, as inside a cluster, by the validators
        /// and for signing in alike. Loopback addresses need no permission.
        OUTBOUND_ALLOW_HTTP: "BOOLEAN", default("false");
    }
    "Listening" {
        /// IP address to listen on, or `localhost`. Anything but loopback needs `PUBLIC_URL`.
        DATAHUB_MCP_HOST: "ADDRESS", default("127.0.0.1"), alias("FASTMCP_HOST");
        /// TCP port to listen on; 0 takes a free one.
        DATAHUB_MCP_PORT: "PORT", default("8000"), alias("FASTMCP_PORT");
        /// The URL under which people reach this server, with or without `/mcp` at its end. All URLs
        /// that are handed out are made from it, never from a request. Unset, it is the loopback
        /// address that is listened on.
        PUBLIC_URL: "URL";
        /// The same as `PUBLIC_URL`.
        OAUTH_RESOURCE_URL: "URL";
        /// Names that a `Host` header may hold besides that of `PUBLIC_URL` and, on loopback, those of
        /// this machine: `name` (the listening port, 80 and 443), `name:port`, `name:*`;
        /// comma-separated.
        ALLOWED_HOSTS: "HOSTS";
        /// Origins of web pages that may use `/mcp`, as `https://app.example.com`, comma-separated.
        /// Unset, those of this machine and that of `PUBLIC_URL`.
        ALLOWED_ORIGINS: "ORIGINS";
        /// Address (`127.0.0.1:9464`) on which `/metrics` is served. Unset, no metrics are kept.
        DATAHUB_MCP_METRICS_ADDRESS: "ADDRESS:PORT";
    }
    "Limits" {
        /// The most connections at once; more wait. Held below the limit of open files.
        DATAHUB_MCP_MAX_CONNECTIONS: "NUMBER", default("8192");
        /// The most requests to `/mcp` under way at once; more are answered 503.
        DATAHUB_MCP_MAX_CONCURRENT_REQUESTS: "NUMBER", default("512");
        /// The largest request body.
        DATAHUB_MCP_MAX_BODY_BYTES: "BYTES", default("2097152");
        /// The largest head of a request: request line and headers together.
        DATAHUB_MCP_MAX_HEADER_BYTES: "BYTES", default("65536");
        /// How long the head of a request may take to arrive.
        DATAHUB_MCP_HEADER_TIMEOUT_SECS: "SECONDS", default("10");
        /// How long the body of a request may take to arrive.
        DATAHUB_MCP_BODY_TIMEOUT_SECS: "SECONDS", default("15");
        /// How long a connection may be idle. Keep it above that of a load balancer before it.
        DATAHUB_MCP_IDLE_TIMEOUT_SECS: "SECONDS", default("75");
        /// How long a client may take no byte of an answer that waits for it.
        DATAHUB_MCP_WRITE_TIMEOUT_SECS: "SECONDS", default("30");
        /// How long a request may take from its head to its answer.
        DATAHUB_MCP_REQUEST_TIMEOUT_SECS: "SECONDS", default("60");
        /// On SIGTERM, how long `/ready` says no before new connections are refused.
        DATAHUB_MCP_SHUTDOWN_DELAY_SECS: "SECONDS", default("0");
        /// On SIGTERM, how long requests under way may take to finish.
        DATAHUB_MCP_SHUTDOWN_GRACE_SECS: "SECONDS", default("25");
    }
    "Who is let in" {
        /// The token validator as `library[:factory]`, or several, comma-separated, asked in order.
        /// Unset, `oidc` where `OIDC_ISSUER_URL` is set, else `datahub_token`.
        TOKEN_VALIDATOR_FACTORY: "LIBRARY[:FACTORY]";
        /// Directories with plugins, colon-separated. Unset, `plugins` beside the program and the
        /// program's own directory.
        TOKEN_VALIDATOR_PLUGIN_DIR: "DIRECTORIES";
        /// SHA-256 that the plugin must have, in hex; of several validators,
        /// `library=SHA256` for each, comma-separated.
        TOKEN_VALIDATOR_SHA256: "HEX";
        /// Options of the validator as a JSON object, or `@file`; of several validators, an object
        /// with one such object for each. `TOKEN_VALIDATOR_OPT_<NAME>` sets one option.
        TOKEN_VALIDATOR_CONFIG: "JSON", or_file();
        /// How long the check of one token may take, all validators of a chain together.
        TOKEN_VALIDATOR_TIMEOUT_MS: "MILLISECONDS", default("10000");
        /// How long a validator may take to start.
        TOKEN_VALIDATOR_START_TIMEOUT_SECS: "SECONDS", default("30");
        /// How long a validator may take to shut down.
        TOKEN_VALIDATOR_SHUTDOWN_TIMEOUT_SECS: "SECONDS", default("5");
        /// The most calls of one validator under way at once.
        TOKEN_VALIDATOR_MAX_IN_FLIGHT: "NUMBER", default("512");
        /// The most requests that wait for the check of the same token.
        TOKEN_VALIDATOR_MAX_WAITERS: "NUMBER", default("1024");
        /// How long an accepted token is remembered at most; never beyond its own end.
        TOKEN_VALIDATOR_CACHE_TTL_SECS: "SECONDS", default("300");
        /// How many accepted tokens are remembered.
        TOKEN_VALIDATOR_CACHE_ENTRIES: "NUMBER", default("10000");
        /// How long a rejected token is remembered; 0 for not at all.
        TOKEN_VALIDATOR_REJECTED_TTL_SECS: "SECONDS", default("5");
        /// Panics and time-outs of a validator, within the window, after which it is left alone.
        TOKEN_VALIDATOR_BREAKER_FAULTS: "NUMBER", default("5");
        /// The window in which they are counted.
        TOKEN_VALIDATOR_BREAKER_WINDOW_SECS: "SECONDS", default("30");
        /// How long the validator is left alone.
        TOKEN_VALIDATOR_BREAKER_PAUSE_SECS: "SECONDS", default("10");
        /// The most copies of plugins that reloading may map over the life of the process.
        TOKEN_VALIDATOR_MAX_MAPPINGS: "NUMBER", default("256");
        /// Reloads plugins when their files change, as SIGHUP does.
        WATCH_PLUGINS: "BOOLEAN", default("false");
        /// Where plugins run: `in-process`, or `process` for a child process each, whose crash costs
        /// requests a 503 and not the server.
        PLUGIN_ISOLATION: "ISOLATION", default("in-process");
        /// The most memory that a plugin in a process of its own may take, in MiB; its process ends and
        /// starts anew where that is not enough. 0 for no bound.
        PLUGIN_MEMORY_MB: "MEBIBYTES", default("1024");
        /// URL of the identity provider, exactly as its tokens and its discovery document name it: a
        /// slash at the end counts.
        OIDC_ISSUER_URL: "URL";
        /// The audience that a token must be for; several are comma-separated.
        OIDC_AUDIENCE: "AUDIENCE";
        /// Signature algorithms that are accepted, comma-separated. Unset, the asymmetric ones that the issuer's published keys name, RS256 for an RSA key that names none.
        OIDC_ALGORITHMS: "ALGORITHMS";
        /// How far the clocks of issuer and server may be apart. 10 where unset.
        OIDC_LEEWAY: "SECONDS";
    }
    "Signing in" {
        /// Our client id at the identity provider. Turns the sign-in proxy on.
        OIDC_CLIENT_ID: "ID";
        /// Our client secret there.
        OIDC_CLIENT_SECRET: "SECRET", secret();
        /// The identity provider's authorization endpoint. Unset, it is discovered.
        OAUTH_AUTHORIZE_ENDPOINT: "URL";
        /// The identity provider's token endpoint. Unset, it is discovered.
        OAUTH_TOKEN_ENDPOINT: "URL";
        /// Where the identity provider's discovery document is looked for, if not below
        /// `OIDC_ISSUER_URL`: a URL that this server reaches, inside a cluster for example. The issuer
        /// that the document names must be `OIDC_ISSUER_URL` all the same.
        OAUTH_ISSUER_URL: "URL";
        /// Scopes asked for where a client names none, and named in challenges; separated by spaces.
        OAUTH_DEFAULT_SCOPE: "SCOPES", default("openid profile email");
        /// How we authenticate at the identity provider: `none`, `basic` or `post`. Unset, `basic`
        /// where `OIDC_CLIENT_SECRET` is set, else `none`.
        OAUTH_CLIENT_AUTH: "METHOD";
        /// Parameters added to every authorization request, as `audience=api&prompt=login`.
        OAUTH_AUTHORIZE_PARAMS: "PARAMETERS";
        /// Parameters added to every token request.
        OAUTH_TOKEN_PARAMS: "PARAMETERS";
        /// Sends the `resource` parameter on to the identity provider; several refuse it.
        OAUTH_FORWARD_RESOURCE: "BOOLEAN", default("false");
        /// Which token of the identity provider stands behind ours: `access_token` or `id_token`.
        OAUTH_UPSTREAM_TOKEN: "TOKEN", default("access_token");
        /// What clients get: `sealed`, our own envelope around the identity provider's token, or
        /// `relay`, that token itself.
        OAUTH_TOKEN_MODE: "MODE", default("sealed");
        /// Keys that seal tokens, 32 bytes each in base64 or hex, comma-separated: the first seals, all
        /// open. All replicas need the same.
        OAUTH_TOKEN_KEYS: "KEYS", secret();
        /// Directory for a key made at the first start, where `OAUTH_TOKEN_KEYS` is unset.
        OAUTH_STATE_DIR: "DIRECTORY";
        /// Redis shared by all replicas, as `redis://host:6379/0`, or `rediss://` for TLS with a certificate that the
        /// system or `SSL_CERT_FILE` vouches for. It keeps what must be used once. Unset,
        /// this process remembers it.
        OAUTH_STORE_URL: "URL", secret();
        /// Lets clients register themselves (RFC 7591).
        OAUTH_REGISTRATION: "BOOLEAN", default("true");
        /// Clients known beforehand: a JSON list of objects with `client_id`, `name`, `redirect_uris`
        /// and, where confidential, `client_secret`; or `@file`.
        OAUTH_CLIENTS: "JSON", secret();
        /// Takes an https URL as a client's id and reads its metadata document there.
        OAUTH_CLIENT_METADATA: "BOOLEAN", default("true");
        /// Domains that such documents may come from, comma-separated. Unset, all public ones.
        OAUTH_CLIENT_METADATA_DOMAINS: "DOMAINS";
        /// URL schemes of apps that people may be sent back to, comma-separated.
        OAUTH_REDIRECT_SCHEMES: "SCHEMES", default("cursor,vscode,vscode-insiders");
        /// The longest life of an access token.
        OAUTH_ACCESS_TOKEN_TTL_SECS: "SECONDS", default("3600");
        /// How long a refresh token lives unused.
        OAUTH_REFRESH_TOKEN_TTL_SECS: "SECONDS", default("2592000");
        /// Sign-in requests that one address may make at once at each endpoint.
        OAUTH_ADDRESS_BURST: "NUMBER", default("300");
        /// Sign-in requests that one address may make each minute at each endpoint.
        OAUTH_ADDRESS_PER_MINUTE: "NUMBER", default("1200");
        /// Sign-in requests that one client may make at once at each endpoint.
        OAUTH_CLIENT_BURST: "NUMBER", default("600");
        /// Sign-in requests that one client may make each minute at each endpoint.
        OAUTH_CLIENT_PER_MINUTE: "NUMBER", default("3000");
    }
    "Tools" {
        /// Offers the tools that write.
        TOOLS_IS_MUTATION_ENABLED: "BOOLEAN", default("false");
        /// Offers `get_me`.
        TOOLS_IS_USER_ENABLED: "BOOLEAN", default("true");
        /// Offers the tools for assertions, profiles and incidents.
        DATA_QUALITY_TOOLS_ENABLED: "BOOLEAN", default("false");
        /// Searches by meaning where DataHub can.
        SEMANTIC_SEARCH_ENABLED: "BOOLEAN", default("false");
        /// Hides the tools that search and read documents.
        DATAHUB_MCP_DOCUMENT_TOOLS_DISABLED: "BOOLEAN", default("false");
        /// Offers `save_document`, where writing is on at all.
        SAVE_DOCUMENT_TOOL_ENABLED: "BOOLEAN", default("true");
        /// Title of the folder that `save_document` makes and saves to. A folder that is there keeps
        /// its title.
        SAVE_DOCUMENT_PARENT_TITLE: "TITLE", default("Shared");
        /// Saves to a folder of each person's own below that.
        SAVE_DOCUMENT_ORGANIZE_BY_USER: "BOOLEAN", default("false");
        /// Lets `save_document` write over documents in its folder only.
        SAVE_DOCUMENT_RESTRICT_UPDATES: "BOOLEAN", default("true");
        /// Searches everything, whatever default view a person has.
        DATAHUB_MCP_DISABLE_DEFAULT_VIEW: "BOOLEAN", default("false");
        /// Scopes that a token needs for a tool, or for `read` or `write` tools, as
        /// `write=datahub:write,search=a b`. Unset, none.
        TOOL_SCOPES: "SCOPES";
        /// How long an answer of a tool may be.
        TOOL_RESPONSE_TOKEN_LIMIT: "TOKENS", default("80000");
        /// How much of it the columns of one entity may take.
        ENTITY_SCHEMA_TOKEN_BUDGET: "TOKENS", default("16000");
        /// Where a description is cut.
        DESCRIPTION_LENGTH_LIMIT: "CHARACTERS", default("5000");
    }
    "Logs" {
        /// Which log lines are written, in the syntax of tracing's `EnvFilter`; over `LOG_LEVEL`.
        RUST_LOG: "FILTER";
        /// `error`, `warn`, `info`, `debug`, `trace` or `off`.
        LOG_LEVEL: "LEVEL", default("info");
        /// `json`, `text`, or `auto`: text on a terminal, JSON elsewhere.
        LOG_FORMAT: "FORMAT", default("auto");
        /// How many of a hundred successful requests have an access line; failed ones always have.
        ACCESS_LOG_PERCENT: "PERCENT", default("100");
    }
}
