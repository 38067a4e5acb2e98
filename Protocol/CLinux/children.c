// Starting programs, and seeing to it that none outlives the process that started it.
#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

// Programs one process runs at once: a worker has at most 4096 slots.
#define WATCHED 8192

static void tell(int watchdog, int32_t process) {
    if (watchdog < 0) return;
    while (send(watchdog, &process, sizeof process, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

// The watchdog's whole life. Forked from a process with threads: only system calls here.
static void watch(int socket) {
    static int32_t groups[WATCHED];
    int count = 0;
    int32_t process;
    for (;;) {
        ssize_t bytes = recv(socket, &process, sizeof process, 0);
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes != sizeof process) break;
        if (process > 0 && count < WATCHED) groups[count++] = process;
        for (int i = 0; process < 0 && i < count; i++)
            if (groups[i] == -process) {
                groups[i] = groups[--count];
                break;
            }
    }
    for (int i = 0; i < count; i++) kill(-groups[i], SIGKILL);
    _exit(0);
}

int apex_watchdog(void) {
    // A standard stream that was closed would be given away as a descriptor, and lost in `apex_start`.
    for (int stream = 0; stream < 3; stream++)
        if (fcntl(stream, F_GETFD) < 0) (void)!open("/dev/null", stream == 0 ? O_RDONLY : O_WRONLY);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t process = fork();
    if (process == 0) {
        // Signals stay blocked, and a session of its own: what ends this process's terminal or group must not end it.
        setsid();
        prctl(PR_SET_NAME, "apex-watchdog");
        int nothing = open("/dev/null", O_RDWR);
        for (int stream = 0; stream < 3; stream++) dup2(nothing, stream);
        dup2(ends[1], 3);
        close_range(4, ~0U, 0);
        (void)!chdir("/");
        watch(3);
    }
    int reason = errno;
    pthread_sigmask(SIG_SETMASK, &before, 0);
    close(ends[1]);
    if (process > 0) return ends[0];
    close(ends[0]);
    errno = reason;
    return -1;
}

int apex_start(const char *program, char *const words[], char *const environment[], const int streams[3], int watchdog,
               pid_t *process) {
    volatile int failure = 0;
    sigset_t all, before, none;
    sigfillset(&all);
    sigemptyset(&none);
    // The child borrows this memory until it is another program: no handler of ours may run in it.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t child = vfork();
    if (child == 0) {
        struct sigaction usual = {.sa_handler = SIG_DFL}, now;
        for (int number = 1; number < NSIG; number++)
            if (sigaction(number, 0, &now) == 0 && now.sa_handler != SIG_DFL) sigaction(number, &usual, 0);
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(127);
        tell(watchdog, getpid());
        for (int stream = 0; stream < 3; stream++) {
            int source = streams[stream];
            if (source < 0) source = open("/dev/null", stream == 0 ? O_RDONLY : O_WRONLY);
            if (dup2(source, stream) < 0) {
                failure = errno;
                _exit(127);
            }
        }
        close_range(3, ~0U, 0);
        pthread_sigmask(SIG_SETMASK, &none, 0);
        execvpe(program, words, environment);
        failure = errno;
        _exit(127);
    }
    int reason = child < 0 ? errno : failure;
    if (child > 0 && reason != 0) {
        apex_forget(watchdog, child);
        while (waitpid(child, 0, 0) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before, 0);
    *process = child;
    return reason;
}

void apex_forget(int watchdog, pid_t process) { tell(watchdog, -process); }

long apex_write_quietly(int descriptor, const void *bytes, unsigned long count) {
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    long written = write(descriptor, bytes, count);
    int reason = errno;
    if (written < 0 && reason == EPIPE && !sigismember(&pending, SIGPIPE)) {
        // The signal of this very write: it is this thread's, and is taken away before it can act.
        struct timespec at_once = {0, 0};
        while (sigtimedwait(&pipe, 0, &at_once) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before, 0);
    errno = reason;
    return written;
}

int apex_unread(int pipe) {
    int bytes = 0;
    return ioctl(pipe, FIONREAD, &bytes) == 0 ? bytes : 0;
}
