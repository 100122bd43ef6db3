/* A right validator with room for one fault, for the tests of `plugins check`.
 *
 * Accepts f1.PERSON.END.SUM: END in seconds since the Unix epoch, SUM 16 hexadecimal digits of FNV-1a
 * over "SECRET/PERSON/END". That is no signature to imitate: it has as many bits as a test needs. The
 * person `gone` is revoked, `elsewhere` is of another audience.
 *
 * Options: secret; fault, see the table in tests/tests/suite/kit.rs; slow_ms, the time that an answer
 * takes; create_ms, the time that a validator takes to make; port, a port of 127.0.0.1 that is asked about
 * each right token; leeway_s; remember, whether accepted tokens are answered from memory. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "token_validator.h"

#define STR(literal) { literal, sizeof(literal) - 1 }
#define TEXT(text) ((tv_str){ (text), strlen(text) })
#define LONGEST 512
#define KEPT 64
#define FAULT(name) (strcmp(v->fault, name) == 0)

struct tv_validator {
    const tv_host *host;
    char id[64], secret[64], fault[32];
    int slow_ms, port, leeway_s, remember;
    pthread_mutex_t lock; /* guards all that follows */
    char kept[KEPT][LONGEST];
    int next_kept;
    unsigned calls, refused;
    uint64_t cancelled[256];
};

typedef struct tv_validator validator;

typedef struct person {
    char token[LONGEST], name[LONGEST], datahub_token[64];
    long long end;
} person;

typedef struct job {
    validator *v;
    person who;
    uint64_t id, deadline_ms;
    tv_complete complete;
    void *ctx;
} job;

static char shared_secret[64], shared_name[LONGEST];

static void keep_for_ever(size_t size)
{
    static char *volatile kept;
    kept = malloc(size);
    memset(kept, 1, size);
}

static void wait_ms(long long milliseconds)
{
    struct timespec left = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static void say(const validator *v, const char *text)
{
    tv_log_record record = { .size = sizeof(record), .plugin_id = TEXT(v->id), .level = TV_INFO,
                             .target = STR("faulty"), .message = TEXT(text) };
    v->host->log(&record);
}

/* The value of a member of a flat JSON object, without quotes. */
static void option(tv_str json, const char *name, char *out, size_t room)
{
    char text[2048], quoted[64];
    snprintf(text, sizeof(text), "%.*s", (int)json.len, json.ptr);
    snprintf(quoted, sizeof(quoted), "\"%s\":", name);
    char *at = strstr(text, quoted);
    *out = 0;
    if (at == NULL)
        return;
    at += strlen(quoted) + strspn(at + strlen(quoted), " \"");
    snprintf(out, room, "%.*s", (int)strcspn(at, "\",}"), at);
}

static void checksum(const char *secret, const char *name, const char *end, char out[17])
{
    char text[2 * LONGEST];
    unsigned long long hash = 0xcbf29ce484222325;
    snprintf(text, sizeof(text), "%s/%s/%s", secret, name, end);
    for (const char *at = text; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3;
    snprintf(out, 17, "%016llx", hash);
}

static void fail(tv_complete complete, void *ctx, uint32_t kind, const char *why)
{
    tv_outcome outcome = { .size = sizeof(outcome), .kind = kind, .log_detail = TEXT(why) };
    complete(ctx, &outcome);
}

static void accept_person(const validator *v, tv_complete complete, void *ctx, const person *who)
{
    char claims[LONGEST + 32] = "";
    if (FAULT("claims-token"))
        snprintf(claims, sizeof(claims), "{\"of\": \"%.*s\"}", (int)strlen(who->token) - 2, who->token);
    if (FAULT("keeps-each-answer"))
        keep_for_ever(4096);
    if (FAULT("keeps-a-little"))
        keep_for_ever(40);
    tv_outcome outcome = { .size = sizeof(outcome), .kind = TV_ACCEPTED, .subject = TEXT(who->name),
                           .resolved_token = TEXT(who->datahub_token),
                           .has = FAULT("no-expiry") ? 0 : TV_HAS_EXPIRES_AT,
                           .expires_at = (uint64_t)who->end, .claims_json = TEXT(claims) };
    complete(ctx, &outcome);
    if (FAULT("completes-twice"))
        complete(ctx, &outcome);
}

/* Whether a token was accepted before; remembers it if `keep`. */
static int known(validator *v, const char *token, int keep)
{
    size_t length = FAULT("remembers-the-start") ? 12 : LONGEST;
    int found = 0;
    pthread_mutex_lock(&v->lock);
    for (int i = 0; i < KEPT; i++)
        found |= v->kept[i][0] != 0 && strncmp(v->kept[i], token, length) == 0;
    if (keep && !found)
        strcpy(v->kept[v->next_kept++ % KEPT], token);
    pthread_mutex_unlock(&v->lock);
    return found;
}

/* The faults that any token triggers, before it is read. */
static void before_reading(validator *v, const char *token)
{
    char text[LONGEST + 64];
    int part = strlen(token) > 2 ? (int)strlen(token) - 2 : 0;
    snprintf(text, sizeof(text), "asked about %.*s", part, token);
    if (FAULT("logs-token"))
        say(v, text);
    if (FAULT("prints-token"))
        fprintf(stderr, "%s\n", text);
    if (FAULT("crashes-on-short") && strlen(token) < 16)
        abort();
    if (FAULT("crashes-on-longer") && strlen(token) > 128)
        abort();
    if (FAULT("exits-on-percent") && strchr(token, '%') != NULL)
        exit(0);
    if (FAULT("keeps-each-token"))
        keep_for_ever(16384);
    if (FAULT("leaks-files") && open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
        say(v, "no more files");
}

static int right_sum(const validator *v, const char *sum, const char *right)
{
    if (FAULT("no-signature"))
        return 1;
    if (FAULT("two-digits"))
        return strncmp(sum, right, 2) == 0;
    if (FAULT("any-length"))
        return strncmp(sum, right, strlen(sum)) == 0;
    return strcmp(sum, right) == 0;
}

/* TV_ACCEPTED with a person, or the kind of failure and the reason for it. */
static uint32_t judge(validator *v, tv_str given, person *who, char *why, size_t room)
{
    char text[LONGEST], right[17];
    snprintf(why, room, "not of this kind");
    if (given.len < 3 || memcmp(given.ptr, "f1.", 3) != 0)
        return TV_NOT_MINE;
    snprintf(why, room, "malformed");
    if (given.len >= LONGEST || memchr(given.ptr, 0, given.len) != NULL)
        return TV_REJECTED;
    memcpy(text, given.ptr, given.len);
    text[given.len] = 0;
    strcpy(who->token, text);
    before_reading(v, text);
    if (FAULT("remembers-the-start") && known(v, text, 0)) {
        strcpy(who->name, "ada");
        strcpy(who->datahub_token, "of-ada");
        who->end = time(NULL) + 60;
        return TV_ACCEPTED;
    }
    if (FAULT("any-case"))
        for (char *at = text; *at; at++)
            *at = *at >= 'A' && *at <= 'Z' ? *at + 32 : *at;
    char *name = text + 3, *end = strchr(name, '.'), *sum = end ? strchr(end + 1, '.') : NULL;
    if (sum == NULL)
        return TV_REJECTED;
    *end++ = 0;
    *sum++ = 0;
    if (*name == 0 || *end == 0 || strlen(end) > 12 || strspn(end, "0123456789") != strlen(end))
        return TV_REJECTED;
    checksum(FAULT("shares-its-secret") ? shared_secret : v->secret, name, end, right);
    pthread_mutex_lock(&v->lock);
    unsigned calls = v->calls++, refused = v->refused;
    pthread_mutex_unlock(&v->lock);
    int open = FAULT("opens-after-calls") && calls > 400;
    if (!open && !right_sum(v, sum, right)) {
        pthread_mutex_lock(&v->lock);
        v->refused++;
        pthread_mutex_unlock(&v->lock);
        if (FAULT("keeps-each-refusal"))
            keep_for_ever(256);
        snprintf(why, room, FAULT("reason-token") ? "wrong sum: %.40s" : "wrong sum", who->token);
        return FAULT("not-mine") ? TV_NOT_MINE : TV_REJECTED;
    }
    snprintf(why, room, "too many wrong tokens");
    if (FAULT("locks-out") && refused > 50)
        return TV_REJECTED;
    who->end = atoll(end);
    snprintf(why, room, "expired");
    if (who->end + v->leeway_s <= time(NULL)) {
        if (!FAULT("accepts-expired"))
            return TV_REJECTED;
        who->end = time(NULL) + 60;
    }
    snprintf(why, room, "revoked, or of another audience");
    if ((strcmp(name, "gone") == 0 && !FAULT("accepts-revoked")) ||
        (strcmp(name, "elsewhere") == 0 && !FAULT("accepts-audience")))
        return TV_REJECTED;
    snprintf(who->name, sizeof(who->name), "%s", FAULT("one-person") ? "service" : name);
    if (FAULT("new-names"))
        snprintf(who->name, sizeof(who->name), "%.100s-%u", name, calls);
    snprintf(who->datahub_token, sizeof(who->datahub_token), "of-%.40s",
             FAULT("one-datahub-token") ? "all" : name);
    if (FAULT("mixes-persons"))
        strcpy(shared_name, who->name);
    return TV_ACCEPTED;
}

static int reached(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int ok = connect(socket_fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(socket_fd);
    return ok;
}

static void *work(void *argument)
{
    job *job = argument;
    validator *v = job->v;
    long long room = job->deadline_ms > 20 ? (long long)job->deadline_ms - 20 : 0;
    int late = v->slow_ms > room && !FAULT("ignores-deadlines");
    wait_ms(late ? room : v->slow_ms);
    int ok = !late && (v->port == 0 || reached(v->port));
    if (FAULT("mixes-persons"))
        strcpy(job->who.name, shared_name);
    pthread_mutex_lock(&v->lock);
    int lost = FAULT("loses-cancelled") && v->cancelled[job->id % 256] == job->id;
    pthread_mutex_unlock(&v->lock);
    if (ok && v->remember)
        known(v, job->who.token, 1);
    if (!ok && FAULT("remembers-too-early"))
        known(v, job->who.token, 1);
    if (FAULT("never-answers"))
        wait_ms(24 * 60 * 60 * 1000);
    /* The host may destroy the validator from within complete. */
    if (ok && !lost)
        accept_person(v, job->complete, job->ctx, &job->who);
    else if (!lost)
        fail(job->complete, job->ctx, FAULT("rejects-in-outages") ? TV_REJECTED : TV_UNAVAILABLE,
             "no answer from the one that is asked");
    explicit_bzero(job, sizeof(*job));
    free(job);
    return NULL;
}

/* Starts a thread that nobody joins, with all signals blocked: they are the host's. */
static int start_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 128 * 1024);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, &attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

static uint32_t try_validate(validator *v, const tv_request *request, tv_complete complete, void *ctx)
{
    person who = { 0 };
    char why[LONGEST];
    uint32_t kind = judge(v, request->token, &who, why, sizeof(why));
    if (FAULT("blocks-for-ever"))
        wait_ms(24 * 60 * 60 * 1000);
    if (FAULT("blocks-each-time"))
        wait_ms(400);
    if (FAULT("blocks-for-new") && kind != TV_NOT_MINE && !known(v, who.token, 1))
        wait_ms(50);
    int waits = v->slow_ms > 0 || v->port > 0;
    if (kind == TV_ACCEPTED && waits && !known(v, who.token, 0))
        return 0;
    if (kind == TV_ACCEPTED) {
        if (FAULT("remembers-the-start"))
            known(v, who.token, 1);
        accept_person(v, complete, ctx, &who);
    } else {
        fail(complete, ctx, kind, why);
    }
    explicit_bzero(&who, sizeof(who));
    return FAULT("completes-and-returns-0") ? 0 : 1;
}

static void validate(validator *v, uint64_t call_id, const tv_request *request, tv_complete complete,
                     void *ctx)
{
    char why[LONGEST];
    job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        fail(complete, ctx, TV_INTERNAL, "out of memory");
        return;
    }
    uint32_t kind = judge(v, request->token, &job->who, why, sizeof(why));
    if (kind != TV_ACCEPTED) {
        free(job);
        fail(complete, ctx, kind, why);
        return;
    }
    job->v = v;
    job->id = call_id;
    job->deadline_ms = request->deadline_ms;
    job->complete = complete;
    job->ctx = ctx;
    if (start_thread(work, job) != 0) {
        free(job);
        fail(complete, ctx, TV_UNAVAILABLE, "no thread can be had");
    }
}

static void cancel(validator *v, uint64_t call_id)
{
    pthread_mutex_lock(&v->lock);
    v->cancelled[call_id % 256] = call_id;
    pthread_mutex_unlock(&v->lock);
}

static void *for_ever(void *argument)
{
    (void)argument;
    for (;;)
        pause();
    return NULL;
}

static validator *create(tv_str id, tv_str factory, tv_str config, const tv_host *host,
                         tv_complete failed, void *ctx)
{
    char text[32];
    validator *v = calloc(1, sizeof(*v));
    (void)factory;
    if (v == NULL) {
        fail(failed, ctx, TV_INTERNAL, "out of memory");
        return NULL;
    }
    v->host = host;
    pthread_mutex_init(&v->lock, NULL);
    snprintf(v->id, sizeof(v->id), "%.*s", (int)id.len, id.ptr);
    option(config, "secret", v->secret, sizeof(v->secret));
    option(config, "fault", v->fault, sizeof(v->fault));
    option(config, "slow_ms", text, sizeof(text));
    v->slow_ms = atoi(text);
    option(config, "create_ms", text, sizeof(text));
    wait_ms(atoi(text));
    option(config, "port", text, sizeof(text));
    v->port = atoi(text);
    option(config, "leeway_s", text, sizeof(text));
    v->leeway_s = atoi(text);
    option(config, "remember", text, sizeof(text));
    v->remember = strcmp(text, "true") == 0;
    strcpy(shared_secret, v->secret);
    if (FAULT("logs-secret")) {
        char line[128];
        snprintf(line, sizeof(line), "made with %s", v->secret);
        say(v, line);
    }
    if (FAULT("leaves-threads") && start_thread(for_ever, NULL) != 0)
        say(v, "no more threads");
    return v;
}

static void shut_down(validator *v, tv_complete complete, void *ctx)
{
    tv_outcome outcome = { .size = sizeof(outcome), .kind = TV_ACCEPTED };
    if (!FAULT("never-shuts-down"))
        complete(ctx, &outcome);
}

static void destroy(validator *v)
{
    pthread_mutex_destroy(&v->lock);
    explicit_bzero(v, sizeof(*v));
    free(v);
}

/* What a test adds to the description, and to the options. */
#ifndef MORE_INFO
#define MORE_INFO ""
#endif
#ifndef MORE_OPTIONS
#define MORE_OPTIONS ""
#endif

#define OPTIONS                                                                                        \
    "{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"secret\"],"              \
    " \"properties\": {\"secret\": {\"type\": \"string\", \"x-secret\": true},"                        \
    " \"fault\": {\"type\": \"string\"}, \"slow_ms\": {\"type\": \"integer\"},"                        \
    " \"create_ms\": {\"type\": \"integer\"}," MORE_OPTIONS                                            \
    " \"port\": {\"type\": \"integer\"}, \"leeway_s\": {\"type\": \"integer\"},"                       \
    " \"remember\": {\"type\": \"boolean\"}}}"

static const tv_factory factories[] = {
    { .size = sizeof(tv_factory), .name = STR("faulty"), .schema_json = STR(OPTIONS) },
};

static const tv_plugin plugin = {
    .size = sizeof(tv_plugin),
    .version = TV_VERSION,
    .info_json = STR("{\"name\": \"faulty\", \"version\": \"1\"" MORE_INFO "}"),
    .factories = factories,
    .factories_len = 1,
    .create = create,
    .try_validate = try_validate,
    .validate = validate,
    .cancel = cancel,
    .shutdown = shut_down,
    .destroy = destroy,
};

TV_EXPORT const tv_plugin *datahub_mcp_token_validator_v1(void)
{
    return &plugin;
}
