/* A validator that tries to get out of its sandbox. The token `try~NAME~ARGUMENT` makes the attempt NAME, with
 * an argument of the test; it is accepted if the attempt worked, and rejected with the error if not.
 * `good-PERSON` is PERSON. Attempts undo what they did, or ask the kernel in a form that changes nothing: with
 * arguments that it can only find wrong after it let the call in.
 *
 *     cc -std=gnu11 -fPIC -shared -fvisibility=hidden -pthread -I plugin-api/include -o libescapes.so escapes.c
 *
 * -DNEEDS='"..."' is what the description declares, with a comma before it. */
#define _GNU_SOURCE
#include "token_validator.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#ifndef NEEDS
#define NEEDS ""
#endif
#define TEXT(x) ((tv_str){(x), strlen(x)})
/* The kernel let the call in, and found only then that its arguments are wrong. */
#define LET_IN(error) (errno == (error))

struct tv_validator { int unused; };

static int reads(const char *path) {
    char byte;
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return 0;
    int got = read(file, &byte, 1) >= 0 || errno == EIO;
    close(file);
    return got;
}
static int of_process(const char *pid, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
    return reads(path);
}
static int connects(int kind, const struct sockaddr *to, socklen_t length) {
    int f = socket(to->sa_family, kind | SOCK_CLOEXEC, 0);
    if (f < 0) return 0;
    int got = connect(f, to, length) == 0 && (kind != SOCK_DGRAM || send(f, "x", 1, 0) == 1);
    close(f);
    return got;
}
static struct sockaddr_in loopback(const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return to;
}
static socklen_t local(struct sockaddr_un *to, const char *name, int abstract) {
    memset(to, 0, sizeof *to);
    to->sun_family = AF_UNIX;
    strncpy(to->sun_path + abstract, name, sizeof to->sun_path - 2);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)abstract + strlen(name));
}

/* files */
static int read_file(const char *a) { return reads(a); }
static int list_directory(const char *a) { DIR *d = opendir(a); if (d) closedir(d); return d != 0; }
static int write_file(const char *a) {
    int f = open(a, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (f < 0) return 0;
    close(f); unlink(a); return 1;
}
static int truncate_file(const char *a) { return open(a, O_RDONLY | O_TRUNC | O_CLOEXEC) >= 0; }
static int change_mode(const char *a) { return chmod(a, 0600) == 0; }
static int change_times(const char *a) { return utimensat(AT_FDCWD, a, 0, 0) == 0; }
static int change_attribute(const char *a) { return setxattr(a, "user.x", "", 0, 0) == 0 || errno == ENOTSUP; }
static int rename_file(const char *a) { return rename(a, a) == 0; }
static int remove_file(const char *a) { (void)a; return unlink("/nowhere/at/all") != 0 && LET_IN(ENOENT); }
static int make_directory(const char *a) { if (mkdir(a, 0700)) return 0; rmdir(a); return 1; }
static int open_by_handle(const char *a) { (void)a; syscall(SYS_open_by_handle_at, AT_FDCWD, 8, 0); return LET_IN(EFAULT); }
static int device(const char *a) { (void)a; return reads("/dev/full"); }
static int shared_memory_file(const char *a) { (void)a; return write_file("/dev/shm/escapes"); }
static int system_tree(const char *a) { (void)a; return reads("/sys/kernel/notes") || reads("/sys/kernel/uevent_seqnum"); }
static int kernel_settings(const char *a) { (void)a; return reads("/proc/sys/kernel/ostype"); }
static int inherited_descriptor(const char *a) {
    char path[64], to[512];
    for (int f = 3; f < 1024; f++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", f);
        ssize_t n = readlink(path, to, sizeof to - 1);
        if (n > 0 && (to[n] = 0, !strcmp(to, a))) return 1;
    }
    return 0;
}

/* other processes */
static int environment_of(const char *a) { return of_process(a, "environ"); }
static int command_of(const char *a) { return of_process(a, "cmdline"); }
static int memory_of(const char *a) {
    char byte; struct iovec here = {&byte, 1}, there = {0, 1};
    return process_vm_readv(atoi(a), &here, 1, &there, 1, 0) < 0 && LET_IN(EFAULT);
}
static int memory_file_of(const char *a) { char p[64]; snprintf(p, sizeof p, "/proc/%s/mem", a); int f = open(p, O_RDWR | O_CLOEXEC); if (f >= 0) close(f); return f >= 0; }
static int trace(const char *a) {
    if (ptrace(PTRACE_SEIZE, atoi(a), 0, 0)) return 0;
    ptrace(PTRACE_INTERRUPT, atoi(a), 0, 0); waitpid(atoi(a), 0, __WALL); ptrace(PTRACE_DETACH, atoi(a), 0, 0);
    return 1;
}
static int signal_to(const char *a) { return kill(atoi(a), SIGCONT) == 0; }
static int signal_to_thread(const char *a) { return syscall(SYS_tgkill, atoi(a), atoi(a), SIGCONT) == 0 || syscall(SYS_tkill, atoi(a), SIGCONT) == 0; }
static int signal_with_value(const char *a) { union sigval v = {0}; return sigqueue(atoi(a), SIGCONT, v) == 0; }
static int signal_by_descriptor(const char *a) { int p = (int)syscall(SYS_pidfd_open, atoi(a), 0); if (p < 0) return 0; int got = syscall(SYS_pidfd_send_signal, p, SIGCONT, 0, 0) == 0; close(p); return got; }
static int signal_by_file(const char *a) { int p[2]; if (pipe(p)) return 0; int got = fcntl(p[0], F_SETOWN, atoi(a)) == 0; close(p[0]); close(p[1]); return got; }
static int limits_of(const char *a) { struct rlimit old; return prlimit(atoi(a), RLIMIT_NOFILE, 0, &old) == 0; }
static int priority_of(const char *a) { return setpriority(PRIO_PROCESS, (id_t)atoi(a), 0) == 0; }
static int scheduler_of(const char *a) { struct sched_param p = {0}; return sched_setscheduler(atoi(a), SCHED_OTHER, &p) == 0; }

/* new processes and rights */
static int fork_once(const char *a) { (void)a; pid_t p = fork(); if (p == 0) _exit(0); return p > 0 && waitpid(p, 0, 0) == p; }
static int fork_bomb(const char *a) {
    (void)a; pid_t kids[16]; int n = 0;
    for (int i = 0; i < 16; i++) { pid_t p = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); if (p == 0) { pause(); _exit(0); } if (p > 0) kids[n++] = p; }
    for (int i = 0; i < n; i++) { kill(kids[i], SIGKILL); waitpid(kids[i], 0, 0); }
    return n > 0;
}
static int run_program(const char *a) { (void)a; execl("/nowhere/at/all", "x", (char *)0); return LET_IN(ENOENT); }
static int spawn_program(const char *a) {
    (void)a; pid_t p; char *args[] = {"true", 0}, *env[] = {0};
    if (posix_spawn(&p, "/bin/true", 0, 0, args, env)) return 0;
    int how; return waitpid(p, &how, 0) == p && WIFEXITED(how) && WEXITSTATUS(how) == 0;
}
static int gain_rights(const char *a) { (void)a; return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0; }
static int capabilities(const char *a) {
    (void)a; char line[256]; unsigned long long got = 0; FILE *f = fopen("/proc/self/status", "r"); if (!f) return 0;
    while (fgets(line, sizeof line, f)) if (!strncmp(line, "CapPrm:", 7)) got = strtoull(line + 7, 0, 16);
    fclose(f); return got != 0;
}
static int dump_core(const char *a) { (void)a; return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1; }
static int outlive_the_server(const char *a) { (void)a; return prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) == 0; }
static int leave_the_group(const char *a) { (void)a; syscall(SYS_setpgid, 1, 1); return LET_IN(ESRCH); }

/* the kernel and the machine */
static int mounts(const char *a) { (void)a; syscall(SYS_mount, 1, 1, 1, 0, 0); return LET_IN(EFAULT); }
static int mounts_in_the_new_way(const char *a) { (void)a; syscall(SYS_fsopen, "tmpfs", ~0u); return LET_IN(EINVAL); }
static int namespaces(const char *a) { (void)a; return unshare(0) == 0; }
static int change_root(const char *a) { (void)a; return chroot("/nowhere/at/all") && LET_IN(ENOENT); }
static int keyrings(const char *a) { (void)a; return syscall(SYS_keyctl, 0, -3, 0) > 0; }
static int clock_set(const char *a) { (void)a; return syscall(SYS_clock_settime, CLOCK_REALTIME, 0) && LET_IN(EFAULT); }
static int programs_in_the_kernel(const char *a) { (void)a; syscall(SYS_bpf, 9999, 0, 0); return LET_IN(EINVAL); }
static int counters(const char *a) { (void)a; syscall(SYS_perf_event_open, 0, 0, -1, -1, 0); return LET_IN(EFAULT); }
static int page_faults(const char *a) { (void)a; syscall(SYS_userfaultfd, ~0u); return LET_IN(EINVAL); }
static int rings(const char *a) { (void)a; syscall(SYS_io_uring_setup, 0, 0); return LET_IN(EFAULT) || LET_IN(EINVAL); }
static int persona(const char *a) { (void)a; return personality(0xffffffff) >= 0; }
static int modules(const char *a) { (void)a; syscall(SYS_delete_module, 0, 0); return LET_IN(EFAULT); }
static int terminal(const char *a) { (void)a; int m = posix_openpt(O_RDWR | O_NOCTTY); if (m < 0) return 0; close(m); return 1; }
static int newer_calls(const char *a) { (void)a; syscall(463, -1, 0, 0, 0, 0, 0); return errno != ENOSYS; }
static int other_numbers(const char *a) { (void)a; return syscall(0x40000000 | SYS_getpid) > 0 || errno != ENOSYS; }

/* memory and threads */
static int shared_memory(const char *a) {
    (void)a; void *m = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED) return 0;
    munmap(m, 1 << 20); return 1;
}
static int memory_files(const char *a) { (void)a; int f = memfd_create("x", MFD_CLOEXEC); if (f >= 0) close(f); return f >= 0; }
static int system_v(const char *a) { (void)a; syscall(SYS_shmget, 0x7e57, 4096, 0); return LET_IN(ENOENT); }
static int hoard(const char *a) {
    size_t size = (size_t)atoi(a) << 20; char *m = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED) return 0;
    for (size_t at = 0; at < size; at += 4096) m[at] = 1;
    munmap(m, size); return 1;
}
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static void *waits(void *u) { pthread_mutex_lock(&gate); pthread_mutex_unlock(&gate); return u; }
static int threads(const char *a) {
    int wanted = atoi(a), n = 0; pthread_t *all = calloc((size_t)wanted, sizeof *all); if (!all) return 0;
    pthread_mutex_lock(&gate);
    while (n < wanted && !pthread_create(&all[n], 0, waits, 0)) n++;
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < n; i++) pthread_join(all[i], 0);
    free(all); return n == wanted;
}

/* networks */
static int serve(const char *a) { (void)a; struct sockaddr_in at = loopback("0"); int f = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); if (f < 0) return 0; int got = bind(f, (void *)&at, sizeof at) == 0; close(f); return got; }
static int listen_unbound(const char *a) { (void)a; int f = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); if (f < 0) return 0; int got = listen(f, 1) == 0; close(f); return got; }
static int connect_to(const char *a) { struct sockaddr_in to = loopback(a); return connects(SOCK_STREAM, (void *)&to, sizeof to); }
static int fast_open(const char *a) { struct sockaddr_in to = loopback(a); int f = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); if (f < 0) return 0; int got = sendto(f, "x", 1, MSG_FASTOPEN, (void *)&to, sizeof to) >= 0; close(f); return got; }
static int other_protocol(const char *a) { (void)a; int f = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 262); if (f >= 0) close(f); return f >= 0; }
static int datagram(const char *a) { struct sockaddr_in to = loopback(a); return connects(SOCK_DGRAM, (void *)&to, sizeof to); }
static int resolve(const char *a) {
    (void)a; struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = 0;
    if (getaddrinfo("localhost", "80", &hints, &found)) return 0;
    freeaddrinfo(found); return 1;
}
static int local_service(const char *a) { struct sockaddr_un to; socklen_t n = local(&to, a, 0); return connects(SOCK_STREAM, (void *)&to, n + 1); }
static int abstract_service(const char *a) { struct sockaddr_un to; socklen_t n = local(&to, a, 1); return connects(SOCK_STREAM, (void *)&to, n); }
static int local_datagram(const char *a) {
    struct sockaddr_un to; socklen_t n = local(&to, a, 0); int pair[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair)) return 0;
    int got = sendto(pair[0], "x", 1, 0, (void *)&to, n + 1) == 1; close(pair[0]); close(pair[1]); return got;
}
static int raw_packets(const char *a) { (void)a; int f = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0); if (f >= 0) close(f); return f >= 0; }
static int kernel_events(const char *a) { (void)a; int f = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 15); if (f >= 0) close(f); return f >= 0; }

#define A(name) {#name, name}
static const struct { const char *name; int (*attempt)(const char *); } attempts[] = {
    A(read_file), A(list_directory), A(write_file), A(truncate_file), A(change_mode), A(change_times), A(change_attribute),
    A(rename_file), A(remove_file), A(make_directory), A(open_by_handle), A(device), A(shared_memory_file), A(system_tree),
    A(kernel_settings), A(inherited_descriptor), A(environment_of), A(command_of), A(memory_of), A(memory_file_of), A(trace),
    A(signal_to), A(signal_to_thread), A(signal_with_value), A(signal_by_descriptor), A(signal_by_file), A(limits_of),
    A(priority_of), A(scheduler_of), A(fork_once), A(fork_bomb), A(run_program), A(spawn_program), A(gain_rights),
    A(capabilities), A(dump_core), A(outlive_the_server), A(leave_the_group), A(mounts), A(mounts_in_the_new_way), A(namespaces),
    A(change_root), A(keyrings), A(clock_set), A(programs_in_the_kernel), A(counters), A(page_faults), A(rings), A(persona),
    A(modules), A(terminal), A(newer_calls), A(other_numbers), A(shared_memory), A(memory_files), A(system_v), A(hoard),
    A(threads), A(serve), A(listen_unbound), A(connect_to), A(fast_open), A(other_protocol), A(datagram), A(resolve),
    A(local_service), A(abstract_service), A(local_datagram), A(raw_packets), A(kernel_events),
};

static void answer(tv_complete complete, void *ctx, const char *person, const char *detail) {
    tv_outcome outcome = {.size = sizeof outcome, .kind = person ? TV_ACCEPTED : TV_REJECTED};
    if (person) { outcome.subject = TEXT(person); outcome.resolved_token = TEXT("good-datahub"); }
    if (detail) outcome.log_detail = TEXT(detail);
    complete(ctx, &outcome);
}
static void validate(tv_validator *v, uint64_t call, const tv_request *request, tv_complete complete, void *ctx) {
    (void)v; (void)call;
    char token[1024], detail[256];
    size_t length = request->token.len < sizeof token - 1 ? request->token.len : sizeof token - 1;
    memcpy(token, request->token.ptr, length); token[length] = 0;
    if (!strncmp(token, "good-", 5)) { answer(complete, ctx, token + 5, 0); return; }
    char *name = strchr(token, '~'), *argument = name ? strchr(name + 1, '~') : 0;
    if (!argument) { answer(complete, ctx, 0, "not good"); return; }
    *argument++ = 0; name++;
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        if (!strcmp(attempts[i].name, name)) {
            errno = 0;
            int got = attempts[i].attempt(argument);
            snprintf(detail, sizeof detail, "attempt %s stopped: errno %d", name, errno);
            answer(complete, ctx, got ? "escaped" : 0, got ? 0 : detail);
            return;
        }
    tv_outcome unknown = {.size = sizeof unknown, .kind = TV_UNAVAILABLE, .log_detail = TEXT("no such attempt")};
    complete(ctx, &unknown);
}
static tv_validator *create(tv_str id, tv_str factory, tv_str config, const tv_host *host, tv_complete failed, void *ctx) {
    (void)id; (void)factory; (void)config; (void)host; (void)failed; (void)ctx;
    return calloc(1, sizeof(tv_validator));
}
static void destroy(tv_validator *v) { free(v); }

static const char schema[] = "{\"type\":\"object\",\"properties\":{\"file\":{\"type\":\"string\"}},\"additionalProperties\":false}";
static const char info[] = "{\"name\":\"escapes\",\"version\":\"1\"" NEEDS "}";
static const tv_factory factory = {sizeof factory, {"escapes", 7}, {schema, sizeof schema - 1}, {0, 0}};
static const tv_plugin plugin = {
    sizeof plugin, TV_VERSION, 0, {info, sizeof info - 1}, &factory, 1, create, 0, validate, 0, 0, 0, destroy,
};
const tv_plugin *datahub_mcp_token_validator_v1(void) { return &plugin; }
