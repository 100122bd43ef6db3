/* The table that the host gets, and the way from it into Go and back.
 *
 * Go gets numbers where C has pointers that are not Go's: a ctx of the host may be any number, and Go's
 * garbage collector ends the process where it finds such a one in a variable of a pointer's type. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "_cgo_export.h"

#define STR(literal) { literal, sizeof(literal) - 1 }

/* The host holds this; Go holds the validator, under a number. */
struct tv_validator {
    uintptr_t handle;
};

/* Threads of a plugin block all signals. Go's runtime makes its first thread while the library is
 * loaded, and each thread has the mask of the one that made it: so the mask is set before (constructors
 * with a priority run first), and set back when the host calls, on the thread that loaded. */
static sigset_t before_go;

__attribute__((constructor(101))) static void block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_go);
}

void bridge_accept(uintptr_t complete, uintptr_t ctx, const char *subject, size_t subject_len,
                   const char *token, size_t token_len, uint64_t end)
{
    static const tv_str scopes[] = { STR("read"), STR("write") };
    tv_outcome outcome = { .size = sizeof(outcome), .kind = TV_ACCEPTED, .expires_at = end,
                           .has = TV_HAS_CACHE_TTL | (end != 0 ? TV_HAS_EXPIRES_AT : 0u),
                           .subject = { subject, subject_len }, .scopes = scopes, .scopes_len = 2,
                           .cache_ttl_s = 60, .resolved_token = { token, token_len },
                           .claims_json = STR("{\"from\": \"go\"}") };
    ((tv_complete)complete)((void *)ctx, &outcome);
}

void bridge_fail(uintptr_t complete, uintptr_t ctx, uint32_t kind, const char *why, size_t why_len)
{
    tv_outcome outcome = { .size = sizeof(outcome), .kind = kind, .log_detail = { why, why_len } };
    ((tv_complete)complete)((void *)ctx, &outcome);
}

void bridge_log(uintptr_t host, uint32_t level, const char *plugin_id, size_t plugin_id_len,
                const char *message, size_t message_len)
{
    const tv_host *functions = (const tv_host *)host;
    tv_str id = { plugin_id, plugin_id_len }, target = STR("my_validator");
    if (functions->log_enabled(id, level, target)) {
        tv_log_record record = { .size = sizeof(record), .plugin_id = id, .level = level,
                                 .target = target, .message = { message, message_len } };
        functions->log(&record);
    }
}

static tv_validator *create(tv_str plugin_id, tv_str factory, tv_str config_json, const tv_host *host,
                            tv_complete failed, void *ctx)
{
    tv_validator *validator = malloc(sizeof(*validator));
    if (validator == NULL) {
        static const char why[] = "out of memory";
        bridge_fail((uintptr_t)failed, (uintptr_t)ctx, TV_INTERNAL, why, sizeof(why) - 1);
        return NULL;
    }
    validator->handle = goCreate((uintptr_t)host, plugin_id, factory, config_json, (uintptr_t)failed,
                                 (uintptr_t)ctx);
    if (validator->handle == 0) {
        free(validator);
        return NULL;
    }
    return validator;
}

static uint32_t try_validate(tv_validator *validator, const tv_request *request, tv_complete complete,
                             void *ctx)
{
    return goTryValidate(validator->handle, request->token, (uintptr_t)complete, (uintptr_t)ctx);
}

static void validate(tv_validator *validator, uint64_t call_id, const tv_request *request,
                     tv_complete complete, void *ctx)
{
    goValidate(validator->handle, call_id, request->token, (uintptr_t)complete, (uintptr_t)ctx);
}

static void cancel(tv_validator *validator, uint64_t call_id)
{
    goCancel(validator->handle, call_id);
}

static void all_is_well(tv_validator *validator, tv_complete complete, void *ctx)
{
    (void)validator;
    tv_outcome outcome = { .size = sizeof(outcome), .kind = TV_ACCEPTED };
    complete(ctx, &outcome);
}

static void destroy(tv_validator *validator)
{
    goDestroy(validator->handle);
    free(validator);
}

/* x-secret: no log and no error of the host shows the value, and @/path/to/file reads it from there. */
#define OPTIONS                                                                                    \
    "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {\"secret\": {"         \
    "\"type\": \"string\", \"x-secret\": true,"                                                      \
    " \"description\": \"The key of the tokens, at least 16 bytes.\"}}}"

static const tv_factory factories[] = {
    { .size = sizeof(tv_factory), .name = STR("prefix"), .schema_json = STR(OPTIONS) },
    { .size = sizeof(tv_factory), .name = STR("slow"), .schema_json = STR(OPTIONS) },
};

/* What it needs of the system: no network and no files. A host with a sandbox allows nothing else. */
#define INFO "{\"name\": \"my_validator\", \"version\": \"0.1.0\", \"needs\": {\"network\": false}}"

static const tv_plugin plugin = {
    .size = sizeof(tv_plugin),
    .version = TV_VERSION,
    .info_json = STR(INFO),
    .factories = factories,
    .factories_len = 2,
    .create = create,
    .try_validate = try_validate,
    .validate = validate,
    .cancel = cancel,
    .health = all_is_well,
    .shutdown = all_is_well,
    .destroy = destroy,
};

TV_EXPORT const tv_plugin *datahub_mcp_token_validator_v1(void)
{
    pthread_sigmask(SIG_SETMASK, &before_go, NULL);
    return &plugin;
}
