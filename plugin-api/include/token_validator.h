/* token_validator.h - a token validator plugin for datahub-mcp in C, or in any language with a C
 * interface.
 *
 * A plugin is a shared library that exports one function, datahub_mcp_token_validator_v1. The host
 * finds it with dlsym, calls it once, and creates validators through the table that it returns. The
 * library is never unloaded. Build it with -fPIC -shared -fvisibility=hidden; nothing else has to be
 * exported. Link the dependencies of the plugin statically, but for libraries of the system.
 *
 * RULES, for every function of both sides:
 * - OWNERSHIP. Every pointer and every tv_str is BORROWED: the callee may read the memory until it
 *   returns, must not write or free it, and copies whatever it needs later. Exceptions are marked.
 * - THREADS. The host calls from any of its threads, and several at once. The host's functions
 *   (log_enabled, log, tv_complete) may be called from any thread of the plugin.
 * - TEXT is UTF-8, has a length, and NO terminating NUL. ptr may be NULL if len is 0.
 * - UNWINDING. No exception, longjmp or panic may leave a function: it would end the process.
 * - SECRETS. A token never goes to the log, into log_detail or into claims_json. Wipe copies.
 * - SIZES. Each struct starts with its size in bytes, as the side that fills it in knows it. A reader
 *   reads no field beyond that size. Later versions add fields at the end and never change existing
 *   ones.
 * - SIGNALS. Threads of the plugin block all signals: the host handles them.
 *
 * The README in the parent directory explains the contract: the meaning of each answer, and how the host
 * acts on it.
 */
#ifndef TOKEN_VALIDATOR_H
#define TOKEN_VALIDATOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header, for tv_plugin.version and tv_host.version. 1 is API 1.0, 2 is API 1.1, which
 * added tv_host.info_json and the member "needs" of tv_plugin.info_json. A host loads every version up to its
 * own. */
#define TV_VERSION 2u

/* Text. Borrowed, UTF-8, not terminated. */
typedef struct tv_str {
    const char *ptr; /* len bytes; may be NULL if len is 0 */
    size_t len;      /* in bytes */
} tv_str;

/* Kinds of tv_outcome.kind. A number that the host does not know is TV_INTERNAL. */
#define TV_ACCEPTED 0u      /* the token is valid; for health and shutdown: no problem */
#define TV_NOT_MINE 1u      /* not a kind of token that this validator recognizes: the next one is asked */
#define TV_REJECTED 2u      /* of this kind, and not valid: HTTP 401 */
#define TV_UNAVAILABLE 3u   /* a service that it depends on cannot be reached: HTTP 503, Retry-After */
#define TV_MISCONFIGURED 4u /* the options are wrong: stops the host's start; later HTTP 503 */
#define TV_INTERNAL 5u      /* an error in the validator: HTTP 503 */
#define TV_PANICKED 6u      /* a crash that the validator caught: HTTP 503, counts for the circuit breaker */

/* Levels of tv_log_record.level. */
#define TV_ERROR 1u
#define TV_WARN 2u
#define TV_INFO 3u
#define TV_DEBUG 4u
#define TV_TRACE 5u

/* Bits of tv_outcome.has: which of the optional numbers are set. The others are not read. */
#define TV_HAS_EXPIRES_AT 1u
#define TV_HAS_CACHE_TTL 2u
#define TV_HAS_RETRY_AFTER 4u

/* One request to decide on a token. BORROWED from the host for the length of the call: copy the token if
 * the answer comes later, and wipe the copy. */
typedef struct tv_request {
    size_t size;          /* sizeof(tv_request) of the host */
    tv_str token;         /* the bearer token; never empty; SECRET */
    tv_str request_id;    /* the host's id of the HTTP request, for the log */
    uint64_t deadline_ms; /* time that the host waits, in milliseconds from the call */
    tv_str ext_json;      /* reserved for extensions: a JSON object or empty */
} tv_request;

/* One answer. BORROWED from the plugin for the length of the tv_complete call: the host copies it before
 * tv_complete returns, and the plugin may then free or reuse all of it. Set unused fields to zero. */
typedef struct tv_outcome {
    size_t size;            /* sizeof(tv_outcome) of the plugin */
    uint32_t kind;          /* TV_ACCEPTED, or the kind of failure */
    uint32_t has;           /* bits TV_HAS_... */
    tv_str subject;         /* accepted: the person the token belongs to; 1 to 1,024 bytes, no controls */
    const tv_str *scopes;   /* accepted: scopes_len scopes, one each; NULL if there are none */
    size_t scopes_len;      /* number of scopes */
    uint64_t expires_at;    /* TV_HAS_EXPIRES_AT: expiry of the token, seconds since the Unix epoch */
    uint64_t cache_ttl_s;   /* TV_HAS_CACHE_TTL: time to cache the answer, seconds; 0: not at all */
    tv_str resolved_token;  /* accepted: the token that the host sends to DataHub; required; SECRET */
    tv_str claims_json;     /* accepted: claims to keep, a JSON object, or empty */
    uint64_t retry_after_ms; /* TV_HAS_RETRY_AFTER: time after which to try again, milliseconds */
    tv_str oauth_error;     /* not accepted: an error code of RFC 6750 section 3.1 for the log, or empty */
    tv_str log_detail;      /* not accepted: for the host's log, never for the caller */
    tv_str ext_json;        /* reserved for extensions: a JSON object or empty */
} tv_outcome;

/* Takes one answer. GIVEN BY the host, called by the plugin EXACTLY ONCE for each ctx, from any thread,
 * also from within the call that it answers. Never blocks, never calls back into the plugin. ctx
 * belongs to the host: pass it back unchanged and do not dereference it; it is invalid once tv_complete
 * was called. */
typedef void (*tv_complete)(void *ctx, const tv_outcome *outcome);

/* One line for the host's log. BORROWED from the plugin for the length of the call. */
typedef struct tv_log_record {
    size_t size;       /* sizeof(tv_log_record) of the plugin */
    tv_str plugin_id;  /* as given to create */
    tv_str request_id; /* the request that it belongs to, or empty */
    uint32_t level;    /* TV_ERROR ... TV_TRACE */
    uint32_t reserved; /* 0 */
    tv_str target;     /* the part of the plugin that logs */
    tv_str message;    /* the text; no secrets; truncated at 4 KiB */
    tv_str fields;     /* name=value name=value, or empty */
} tv_log_record;

/* The host's functions. LIVES until the process ends: the pointer may be kept. */
typedef struct tv_host {
    size_t size;       /* sizeof(tv_host) of the host */
    uint32_t version;  /* TV_VERSION of the host */
    uint32_t reserved; /* 0 */
    /* Says whether such a record would be written: 0 or 1. Cheap. Any thread. */
    uint32_t (*log_enabled)(tv_str plugin_id, uint32_t level, tv_str target);
    /* Writes a record and copies it. Any thread. Never blocks for long, never calls back. */
    void (*log)(const tv_log_record *record);
    /* Since TV_VERSION 2: {"name": "...", "version": "...", "api": "1.1"}: the host, and the newest API that it
     * loads. LIVES until the process ends. Read it only if TV_HAS_INFO(host). */
    tv_str info_json;
} tv_host;

/* Says whether a host has info_json: one of TV_VERSION 1 has not. */
#define TV_HAS_INFO(host) ((host)->size >= offsetof(tv_host, info_json) + sizeof(tv_str))

/* One kind of validator of this library. LIVES until the process ends. */
typedef struct tv_factory {
    size_t size;        /* sizeof(tv_factory) of the plugin */
    tv_str name;        /* ASCII letters, digits, _ and -; selected as LIBRARY:NAME */
    tv_str schema_json; /* JSON Schema (an object schema) of its options. On an option: "x-env", "x-secret",
                         * "x-file"; on the schema: "x-needs". See README */
    tv_str ext_json;    /* reserved for extensions: a JSON object or empty */
} tv_factory;

/* A validator: owned by the plugin, opaque to the host. */
typedef struct tv_validator tv_validator;

/* The plugin's functions. LIVES until the process ends, never changes. */
typedef struct tv_plugin {
    size_t size;                 /* sizeof(tv_plugin) of the plugin */
    uint32_t version;            /* TV_VERSION of the plugin */
    uint32_t reserved;           /* 0 */
    tv_str info_json;            /* {"name": "...", "version": "..."}; since TV_VERSION 2 also "needs", see README */
    const tv_factory *factories; /* factories_len of them, at least one */
    size_t factories_len;        /* number of factories */

    /* Creates a validator. REQUIRED. May block for as long as the host's start may take. All arguments are
     * borrowed, except host, which may be kept. Either returns the validator, which the host OWNS until it
     * calls destroy, and never calls failed; or calls failed exactly once before it returns, and returns
     * NULL. config_json is a JSON object that fits the factory's schema; it may hold SECRETS. It is UTF-8,
     * has its members in any order and its texts escaped as JSON allows, and holds only what is set: a
     * "default" of the schema is not filled in. Read it with a JSON parser. */
    tv_validator *(*create)(tv_str plugin_id, tv_str factory, tv_str config_json, const tv_host *host,
                            tv_complete failed, void *ctx);

    /* Answers from memory, if it can. OPTIONAL (NULL). MUST NOT block, wait or do I/O. Either calls
     * complete within this call and returns 1; or never calls complete and returns 0. */
    uint32_t (*try_validate)(tv_validator *validator, const tv_request *request, tv_complete complete,
                             void *ctx);

    /* Starts a call. REQUIRED. SHOULD NOT block: hand the work to a thread of your own. complete is
     * called exactly once, whatever happens, also after cancel. call_id names the call for cancel; the
     * host uses each number once in the lifetime of the validator. */
    void (*validate)(tv_validator *validator, uint64_t call_id, const tv_request *request,
                     tv_complete complete, void *ctx);

    /* Cancels a call whose answer is no longer needed. OPTIONAL (NULL). Must not block. The call still has
     * to be completed, soon, with any outcome. May be called at any time, also after the call was
     * completed: ignore an unknown call_id. */
    void (*cancel)(tv_validator *validator, uint64_t call_id);

    /* Says whether the validator could answer now. OPTIONAL (NULL: it always could). The rules of validate
     * apply, but there is no cancel. Only kind, log_detail and retry_after_ms are read. */
    void (*health)(tv_validator *validator, tv_complete complete, void *ctx);

    /* Revokes tokens and flushes state. OPTIONAL (NULL). Called once, when no further call starts; calls in
     * progress continue. The rules of health apply; the host waits a bounded time. */
    void (*shutdown)(tv_validator *validator, tv_complete complete, void *ctx);

    /* Frees the validator. REQUIRED. Called once, after each of its calls was completed; no function is
     * called with it after that. A call that is never completed keeps the validator alive forever. */
    void (*destroy)(tv_validator *validator);
} tv_plugin;

#if defined(__GNUC__) || defined(__clang__)
#define TV_EXPORT __attribute__((visibility("default")))
#else
#define TV_EXPORT
#endif

/* The one symbol that a plugin exports. Called once, before everything else; must not block. Returns a
 * table that LIVES until the process ends, or NULL to refuse being loaded. */
TV_EXPORT const tv_plugin *datahub_mcp_token_validator_v1(void);

#ifdef __cplusplus
}
#endif

#endif /* TOKEN_VALIDATOR_H */
