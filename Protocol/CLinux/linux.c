#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int apex_affinity_count(void) {
    // Room for 8192 processors: the kernel refuses a mask smaller than its own.
    unsigned long mask[8192 / (8 * sizeof(unsigned long))] = {0};
    if (sched_getaffinity(0, sizeof mask, (cpu_set_t *)mask) != 0) return 0;
    int count = 0;
    for (unsigned i = 0; i < sizeof mask / sizeof mask[0]; i++) count += __builtin_popcountl(mask[i]);
    return count;
}

int apex_pidfd_open(pid_t process) { return pidfd_open(process, 0); }

int apex_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

void apex_set_nonblocking(int descriptor) {
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

int apex_reap(pid_t process, int *code, int *signalled) {
    int status = 0;
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR) return errno;
    *signalled = WIFSIGNALED(status);
    *code = *signalled ? WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

// A signal handler and a thread to run it on, not sigwait or signalfd: those need every thread of the process to block
// the signals, and threads made by others start with none blocked.
static int stop_pipe[2];

static void on_stop(int number) {
    unsigned char byte = (unsigned char)number;
    if (write(stop_pipe[1], &byte, 1) < 0) { /* full: the reader has plenty to read */ }
}

static void *wait_for_signals(void *nothing) {
    sigset_t set;
    sigemptyset(&set);
    pthread_sigmask(SIG_SETMASK, &set, 0);
    for (;;) pause();
    return nothing;
}

int apex_stop_signals(void) {
    if (stop_pipe[0] != 0) return stop_pipe[0];
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return -1;
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    sigset_t set;
    sigemptyset(&set);
    const int stops[] = {SIGTERM, SIGINT, SIGHUP};
    for (int i = 0; i < 3; i++) {
        if (sigaction(stops[i], &action, 0) != 0) return -1;
        sigaddset(&set, stops[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    pthread_t thread;
    if (pthread_create(&thread, 0, wait_for_signals, 0) != 0) return -1;
    pthread_detach(thread);
    if (pthread_sigmask(SIG_BLOCK, &set, 0) != 0) return -1;
    return stop_pipe[0];
}

int apex_also_hear(int number) {
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    if (sigaction(number, &action, 0) != 0) return -1;
    return pthread_sigmask(SIG_BLOCK, &set, 0) == 0 ? 0 : -1;
}

int apex_next_signal(int descriptor) {
    unsigned char byte = 0;
    return read(descriptor, &byte, 1) == 1 ? byte : 0;
}

long apex_filesystem_kind(const char *path) {
    struct statfs facts;
    return statfs(path, &facts) == 0 ? (long)facts.f_type : 0;
}

int apex_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

char **apex_environment(void) { return environ; }

unsigned long long apex_free_bytes(const char *path) {
    struct statvfs facts;
    return statvfs(path, &facts) == 0 ? (unsigned long long)facts.f_bavail * facts.f_frsize : 0;
}

int apex_clock_is_synchronised(void) {
    struct timex facts = {0};
    return adjtimex(&facts) == -1 || (facts.status & STA_UNSYNC) == 0;
}

int apex_end_with(pid_t parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return -1;
    return getppid() == parent ? 0 : -1;
}

void apex_spread_folders(int folder) {
    // Without this flag ext4 puts a folder's files where its parent's are, and passes over every inode freed there in the
    // last minutes, one by one, for each file it makes.
    int flags = 0;
    if (ioctl(folder, FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL)) return;
    flags |= FS_TOPDIR_FL;
    (void)ioctl(folder, FS_IOC_SETFLAGS, &flags);
}

int apex_notify(const char *words) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == 0 || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path) return 0;
    memcpy(address.sun_path, path, strlen(path));
    // An abstract name begins with a zero byte.
    if (path[0] == '@') address.sun_path[0] = 0;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] == '/'));
    int channel = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (channel < 0) return -1;
    long sent = sendto(channel, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, length);
    close(channel);
    return sent < 0 ? -1 : 1;
}

void apex_notify_alive(void) {
    // Of one thread only: the one whose going round is watched.
    static long long interval = -1, next;
    if (interval < 0) {
        const char *limit = getenv("WATCHDOG_USEC"), *process = getenv("WATCHDOG_PID");
        interval = limit == 0 || (process != 0 && atol(process) != getpid()) ? 0 : atoll(limit) / 3;
        if (interval < 0) interval = 0;
    }
    if (interval == 0) return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long moment = now.tv_sec * 1000000LL + now.tv_nsec / 1000;
    if (moment < next) return;
    next = moment + interval;
    apex_notify("WATCHDOG=1");
}

void apex_give_memory_back(void) { malloc_trim(0); }
