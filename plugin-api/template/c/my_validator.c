/* Two validators in C. They are a DEMONSTRATION that believes every token: replace accept() by a check, and keep
 * the rest.
 *
 * prefix: accepts c-SUBJECT as SUBJECT, at once.
 * slow:   accepts slow-MILLISECONDS-SUBJECT as SUBJECT, from a thread of its own, after that time, and
 *         stops early when the call is cancelled. It stands for anything that has to be waited for.
 * SUBJECT@SECONDS is a subject whose token ends at that time, in seconds since the Unix epoch.
 * Other tokens are not theirs. c-! and slow-N-! are rejected.
 *
 * Option: secret, a key for your check. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "token_validator.h"

#define STR(literal) { literal, sizeof(literal) - 1 }

/* A call that waits on a thread. */
struct call {
    struct call *next;
    tv_validator *validator;
    uint64_t id;
    struct timespec end;
    int cancelled;
    tv_complete complete;
    void *ctx;
    size_t token_len;
    char token[]; /* a copy: the request is only borrowed */
};

struct tv_validator {
    const tv_host *host;
    int slow;
    char secret[256]; /* SECRET; for your check; empty: not set */
    size_t plugin_id_len;
    char *plugin_id;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct call *calls; /* those that wait; guarded by lock */
};

static void log_line(const tv_validator *validator, uint32_t level, tv_str request_id, const char *text)
{
    tv_str plugin_id = { validator->plugin_id, validator->plugin_id_len };
    tv_str target = STR("my_validator");
    if (validator->host->log_enabled(plugin_id, level, target)) {
        tv_log_record record = { .size = sizeof(record), .plugin_id = plugin_id, .request_id = request_id,
                                 .level = level, .target = target, .message = { text, strlen(text) } };
        validator->host->log(&record);
    }
}

/* Completes a call with a failure. */
static void fail(tv_complete complete, void *ctx, uint32_t kind, const char *why)
{
    tv_outcome outcome = { .size = sizeof(outcome), .kind = kind, .log_detail = { why, strlen(why) } };
    complete(ctx, &outcome);
}

/* The time at the end of SUBJECT@SECONDS, which is cut off; 0: there is none. */
static uint64_t cut_end(tv_str *subject)
{
    uint64_t end = 0, unit = 1;
    for (size_t at = subject->len; at > 1 && subject->len - at < 12; at--, unit *= 10) {
        char digit = subject->ptr[at - 1];
        if (digit == '@' && unit > 1) {
            subject->len = at - 1;
            return end;
        }
        if (digit < '0' || digit > '9')
            return 0;
        end += (uint64_t)(digit - '0') * unit;
    }
    return 0;
}

/* Completes a call with the subject that a token ends with; DataHub is asked with the token itself. The host
 * gets the end of the token: it answers from its cache, and would not ask again. */
static void accept(tv_complete complete, void *ctx, tv_str token, size_t prefix_len)
{
    static const tv_str scopes[] = { STR("read"), STR("write") };
    tv_str subject = { token.ptr + prefix_len, token.len - prefix_len };
    if (subject.len == 0 || (subject.len == 1 && subject.ptr[0] == '!')) {
        fail(complete, ctx, TV_REJECTED, "nobody's token");
        return;
    }
    uint64_t end = cut_end(&subject);
    if (end != 0 && end <= (uint64_t)time(NULL)) {
        fail(complete, ctx, TV_REJECTED, "expired");
        return;
    }
    tv_outcome outcome = { .size = sizeof(outcome), .kind = TV_ACCEPTED, .expires_at = end,
                           .has = TV_HAS_CACHE_TTL | (end != 0 ? TV_HAS_EXPIRES_AT : 0u), .subject = subject, .scopes = scopes, .scopes_len = 2, .cache_ttl_s = 60,
                           .resolved_token = token, .claims_json = STR("{\"from\": \"c\"}") };
    complete(ctx, &outcome);
}

/* Copies the option "secret". Returns 0 if it cannot be used. The schema allows no other option, no escapes and
 * no quotes, so this is enough. With more options, use a JSON parser: members come in any order, and texts are
 * escaped. */
static int read_secret(tv_str json, char *secret, size_t room)
{
    static const char name[] = "{\"secret\":\"";
    size_t start = sizeof(name) - 1;
    *secret = 0;
    if (json.len <= 2)
        return 1; /* {} */
    if (json.len < start + 2 || memcmp(json.ptr, name, start) != 0)
        return 0;
    size_t len = json.len - start - 2;
    if (len < 16 || len >= room)
        return 0;
    memcpy(secret, json.ptr + start, len);
    secret[len] = 0;
    return 1;
}

static tv_validator *create(tv_str plugin_id, tv_str factory, tv_str config_json, const tv_host *host,
                            tv_complete failed, void *ctx)
{
    tv_validator *validator = calloc(1, sizeof(*validator));
    char *id = malloc(plugin_id.len + 1);
    if (validator == NULL || id == NULL) {
        free(validator);
        free(id);
        fail(failed, ctx, TV_INTERNAL, "out of memory");
        return NULL;
    }
    if (!read_secret(config_json, validator->secret, sizeof(validator->secret))) {
        free(validator);
        free(id);
        /* The name of the option, and never its value. */
        fail(failed, ctx, TV_MISCONFIGURED, "`secret`: expected 16 to 255 letters, digits, - or _");
        return NULL;
    }
    if (plugin_id.len > 0)
        memcpy(id, plugin_id.ptr, plugin_id.len);
    validator->plugin_id = id;
    validator->plugin_id_len = plugin_id.len;
    validator->host = host;
    validator->slow = factory.len == 4 && memcmp(factory.ptr, "slow", 4) == 0;
    pthread_mutex_init(&validator->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&validator->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    log_line(validator, TV_INFO, (tv_str){ NULL, 0 }, "made in c");
    return validator;
}

static int starts_with(tv_str text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.ptr, prefix, len) == 0;
}

static uint32_t try_validate(tv_validator *validator, const tv_request *request, tv_complete complete,
                             void *ctx)
{
    if (validator->slow)
        return 0;
    if (starts_with(request->token, "c-"))
        accept(complete, ctx, request->token, 2);
    else
        fail(complete, ctx, TV_NOT_MINE, "does not start with c-");
    return 1;
}

/* The length of slow-MILLISECONDS-, or 0; sets the time. */
static size_t slow_prefix(tv_str token, long *milliseconds)
{
    size_t at = 5;
    if (!starts_with(token, "slow-"))
        return 0;
    *milliseconds = 0;
    while (at < token.len && token.ptr[at] >= '0' && token.ptr[at] <= '9' && *milliseconds < 100000)
        *milliseconds = *milliseconds * 10 + (token.ptr[at++] - '0');
    return at > 5 && at < token.len && token.ptr[at] == '-' ? at + 1 : 0;
}

static void *wait_and_answer(void *argument)
{
    struct call *call = argument;
    tv_validator *validator = call->validator;
    pthread_mutex_lock(&validator->lock);
    int expired = 0;
    while (!call->cancelled && !expired)
        expired = pthread_cond_timedwait(&validator->changed, &validator->lock, &call->end) != 0;
    struct call **link = &validator->calls;
    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    pthread_mutex_unlock(&validator->lock);

    /* The host may destroy the validator from within complete: nothing of it is touched after this. */
    tv_str token = { call->token, call->token_len };
    long milliseconds;
    if (call->cancelled)
        fail(call->complete, call->ctx, TV_UNAVAILABLE, "cancelled");
    else
        accept(call->complete, call->ctx, token, slow_prefix(token, &milliseconds));
    explicit_bzero(call->token, call->token_len);
    free(call);
    return NULL;
}

/* Starts a thread that nobody joins, with all signals blocked: they are the host's. */
static int start_thread(struct call *call)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, &attributes, wait_and_answer, call);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

static void validate(tv_validator *validator, uint64_t call_id, const tv_request *request,
                     tv_complete complete, void *ctx)
{
    if (!validator->slow) {
        try_validate(validator, request, complete, ctx);
        return;
    }
    long milliseconds;
    if (slow_prefix(request->token, &milliseconds) == 0) {
        fail(complete, ctx, TV_NOT_MINE, "not slow-MILLISECONDS-SUBJECT");
        return;
    }
    log_line(validator, TV_DEBUG, request->request_id, "waiting");
    struct call *call = calloc(1, sizeof(*call) + request->token.len);
    if (call == NULL) {
        fail(complete, ctx, TV_INTERNAL, "out of memory");
        return;
    }
    memcpy(call->token, request->token.ptr, request->token.len);
    call->token_len = request->token.len;
    call->validator = validator;
    call->id = call_id;
    call->complete = complete;
    call->ctx = ctx;
    clock_gettime(CLOCK_MONOTONIC, &call->end);
    call->end.tv_sec += milliseconds / 1000;
    call->end.tv_nsec += milliseconds % 1000 * 1000000;
    if (call->end.tv_nsec >= 1000000000) {
        call->end.tv_sec++;
        call->end.tv_nsec -= 1000000000;
    }
    /* Held until the call is in the list: the thread looks for itself there. */
    pthread_mutex_lock(&validator->lock);
    int error = start_thread(call);
    if (error == 0) {
        call->next = validator->calls;
        validator->calls = call;
    }
    pthread_mutex_unlock(&validator->lock);
    if (error != 0) {
        explicit_bzero(call->token, call->token_len);
        free(call);
        fail(complete, ctx, TV_UNAVAILABLE, "no thread can be had");
    }
}

static void cancel(tv_validator *validator, uint64_t call_id)
{
    pthread_mutex_lock(&validator->lock);
    for (struct call *call = validator->calls; call != NULL; call = call->next)
        if (call->id == call_id)
            call->cancelled = 1;
    pthread_cond_broadcast(&validator->changed);
    pthread_mutex_unlock(&validator->lock);
}

static void all_is_well(tv_validator *validator, tv_complete complete, void *ctx)
{
    (void)validator;
    tv_outcome outcome = { .size = sizeof(outcome), .kind = TV_ACCEPTED };
    complete(ctx, &outcome);
}

static void destroy(tv_validator *validator)
{
    pthread_cond_destroy(&validator->changed);
    pthread_mutex_destroy(&validator->lock);
    free(validator->plugin_id);
    explicit_bzero(validator->secret, sizeof(validator->secret));
    free(validator);
}

/* x-secret: no log and no error of the host shows the value, and @/path/to/file reads it from there. */
#define OPTIONS                                                                                    \
    "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {\"secret\": {"         \
    "\"type\": \"string\", \"x-secret\": true, \"pattern\": \"^[A-Za-z0-9_-]*$\","                   \
    " \"description\": \"The key of the tokens, 16 to 255 letters, digits, - or _.\"}}}"

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
    return &plugin;
}
