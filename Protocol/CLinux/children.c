// Starting programs, and seeing to it that none outlives the process that started it.
#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Programs one process runs at once: a worker has at most 4096 slots.
#define WATCHED 8192
#define TAKEN (-1)

// The groups of the programs that run, 0 where there is none: memory shared with the watchdog, so that starting and
// ending a program costs neither process a message. Null without a watchdog.
static _Atomic int32_t *watched;

static int take_place(void) {
    for (int place = 0; watched != 0 && place < WATCHED; place++) {
        int32_t nobody = 0;
        if (atomic_load_explicit(&watched[place], memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong(&watched[place], &nobody, TAKEN))
            return place;
    }
    return -1;
}

void apex_forget(pid_t process) {
    for (int place = 0; watched != 0 && place < WATCHED; place++) {
        int32_t it = process;
        if (atomic_compare_exchange_strong(&watched[place], &it, 0)) return;
    }
}

// The start of the setting that every program of this process has, and all that they start unless they take it away.
static char mark[80];
static pid_t watchdog;

// What follows `start` in the environment that a process was started with. System calls only.
static int setting_of(pid_t process, const char *start, char *buffer, size_t size, char *rest, int room) {
    char path[32] = "/proc/", digits[12];
    int length = 6, count = 0;
    for (pid_t left = process; left > 0; left /= 10) digits[count++] = (char)('0' + left % 10);
    while (count > 0) path[length++] = digits[--count];
    memcpy(path + length, "/environ", 9);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    size_t held = 0;
    for (;;) {
        ssize_t taken = read(file, buffer + held, size - 1 - held);
        if (taken < 0 && errno == EINTR) continue;
        if (taken <= 0) break;
        held += (size_t)taken;
    }
    close(file);
    buffer[held] = 0;
    size_t wanted = strlen(start);
    for (size_t at = 0; at < held; at += strlen(buffer + at) + 1) {
        if (strncmp(buffer + at, start, wanted) != 0) continue;
        int copied = 0;
        for (const char *byte = buffer + at + wanted; *byte != 0 && copied + 1 < room; byte++) rest[copied++] = *byte;
        if (room > 0) rest[copied] = 0;
        return copied;
    }
    return -1;
}

// A larger environment is not searched to its end.
#define ENVIRONMENT_BYTES (512 << 10)

int apex_setting_of(pid_t process, const char *start, char *rest, int room) {
    char *buffer = malloc(ENVIRONMENT_BYTES);
    if (buffer == 0) return -1;
    int length = setting_of(process, start, buffer, ENVIRONMENT_BYTES, rest, room);
    free(buffer);
    return length;
}

pid_t apex_watchdog_process(void) { return watchdog; }

int apex_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1); }

int apex_orphans(pid_t *processes, int room) {
    // They come to the first thread: it alone of this process's threads is sure to live.
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    char text[4096];
    size_t held = 0;
    ssize_t taken;
    while (held < sizeof text - 1 && (taken = read(file, text + held, sizeof text - 1 - held)) != 0) {
        if (taken < 0 && errno != EINTR) break;
        if (taken > 0) held += (size_t)taken;
    }
    close(file);
    text[held] = 0;
    int count = 0;
    for (char *at = text, *end; count < room; at = end) {
        long process = strtol(at, &end, 10);
        // The last number may be cut off.
        if (end == at || *end == 0) break;
        if (process != watchdog) processes[count++] = (pid_t)process;
    }
    return count;
}

int apex_reap_if_over(pid_t process) { return waitpid(process, 0, WNOHANG) == process; }

// Kills every process that bears the mark. They may start others meanwhile: until none is found.
static void kill_marked(void) {
    static char entries[32 << 10], environment[ENVIRONMENT_BYTES];
    struct entry {
        uint64_t inode;
        int64_t offset;
        uint16_t length;
        uint8_t type;
        char name[];
    };
    for (int round = 0; round < 100; round++) {
        int found = 0;
        int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0) return;
        long bytes;
        while ((bytes = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0) {
            for (long at = 0; at < bytes;) {
                struct entry *entry = (struct entry *)(entries + at);
                at += entry->length;
                pid_t process = 0;
                const char *digit = entry->name;
                while (*digit >= '0' && *digit <= '9') process = process * 10 + (*digit++ - '0');
                if (*digit != 0 || process <= 1) continue;
                if (setting_of(process, mark, environment, sizeof environment, 0, 0) < 0) continue;
                kill(process, SIGKILL);
                found = 1;
            }
        }
        close(folder);
        if (!found) return;
        usleep(1000);
    }
}

// The watchdog's whole life. Forked from a process with threads: only system calls here.
static void watch(int pipe) {
    char byte;
    // Nobody writes: it ends when the last writing end is closed, by the end of our parent.
    while (read(pipe, &byte, 1) < 0 && errno == EINTR) {}
    for (int place = 0; place < WATCHED; place++) {
        int32_t group = atomic_load(&watched[place]);
        if (group > 1) kill(-group, SIGKILL);
    }
    if (mark[0] != 0) kill_marked();
    _exit(0);
}

// A forked process looks like its parent in lists of processes, and would be ended with it by whoever ends that by name.
static void rename_process(const char *name) {
    prctl(PR_SET_NAME, name);
    static char words[64 << 10];
    int file = open("/proc/self/cmdline", O_RDONLY);
    ssize_t length = file < 0 ? 0 : read(file, words, sizeof words);
    // Where the command line lies, if it is where it should be.
    char *start = program_invocation_name;
    if (length <= 0 || memcmp(start, words, (size_t)length) != 0) return;
    memset(start, 0, (size_t)length);
    for (ssize_t i = 0; name[i] != 0 && i + 1 < length; i++) start[i] = name[i];
}

int apex_watchdog(const char *setting) {
    strncpy(mark, setting, sizeof mark - 1);
    // A standard stream that was closed would be given away as a descriptor, and lost in `apex_start`.
    for (int stream = 0; stream < 3; stream++)
        if (fcntl(stream, F_GETFD) < 0) (void)!open("/dev/null", stream == 0 ? O_RDONLY : O_WRONLY);
    int ends[2], ready[2];
    if (pipe2(ends, O_CLOEXEC) != 0 || pipe2(ready, O_CLOEXEC) != 0) return -1;
    void *memory =
        mmap(0, WATCHED * sizeof(int32_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return -1;
    watched = memory;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t process = fork();
    if (process == 0) {
        // Signals stay blocked, and a session of its own: what ends this process's terminal or group must not end it.
        setsid();
        rename_process("apex-watchdog");
        (void)!write(ready[1], "", 1);
        int nothing = open("/dev/null", O_RDWR);
        for (int stream = 0; stream < 3; stream++) dup2(nothing, stream);
        dup2(ends[0], 3);
        close_range(4, ~0U, 0);
        (void)!chdir("/");
        watch(3);
    }
    int reason = errno;
    pthread_sigmask(SIG_SETMASK, &before, 0);
    close(ends[0]);
    close(ready[1]);
    // Nobody is to see it under our name.
    char byte;
    while (process > 0 && read(ready[0], &byte, 1) < 0 && errno == EINTR) {}
    close(ready[0]);
    // ends[1] stays open for as long as this process lives.
    watchdog = process;
    errno = reason;
    return process > 0 ? 0 : -1;
}

// In the child, which borrows its parent's memory: system calls only. 0 or an errno.
static int surround(struct apex_surroundings *around) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    around->step = APEX_STEP_GROUP;
    // First: the group counts everything from here on.
    if (around->group >= 0 && write(around->group, "0", 1) < 0) return errno;
    around->step = APEX_STEP_SPACE;
    if (around->user_space >= 0 &&
        (setns(around->user_space, CLONE_NEWUSER) != 0 || setns(around->mount_space, CLONE_NEWNS) != 0))
        return errno;
    around->step = APEX_STEP_FOLDER;
    // Before it becomes somebody who perhaps may not come here; after the namespace, which starts at its own root.
    if (around->folder != 0 && chdir(around->folder) != 0) return errno;
    around->step = APEX_STEP_USER;
    // The kernel's own calls: those of the C library would have all threads of the parent change too.
    if (around->changes_user &&
        (syscall(SYS_setgroups, around->group_count, around->groups) != 0 ||
         syscall(SYS_setresgid, around->user_group, around->user_group, around->user_group) != 0 ||
         syscall(SYS_setresuid, around->user, around->user, around->user) != 0))
        return errno;
    if (around->data_bytes > 0) {
        struct rlimit limit = {around->data_bytes, around->data_bytes};
        setrlimit(RLIMIT_DATA, &limit);
    }
    if (around->processes > 0) {
        struct rlimit limit = {around->processes, around->processes};
        setrlimit(RLIMIT_NPROC, &limit);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    around->step = APEX_STEP_PROGRAM;
    return 0;
}

// In the child too.
static void write_channel_name(char *room) {
    char digits[12];
    int count = 0, length = 6;
    memcpy(room, "/proc/", 6);
    for (pid_t left = getpid(); left > 0; left /= 10) digits[count++] = (char)('0' + left % 10);
    while (count > 0) room[length++] = digits[--count];
    memcpy(room + length, "/fd/3", 6);
}

int apex_start(const char *program, char *const words[], char *const environment[], const int streams[3],
               struct apex_surroundings *around, pid_t *process) {
    volatile int failure = 0;
    sigset_t all, before, none;
    sigfillset(&all);
    sigemptyset(&none);
    // The child borrows this memory until it is another program: no handler of ours may run in it.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    int place = take_place();
    pid_t child = vfork();
    if (child == 0) {
        struct sigaction usual = {.sa_handler = SIG_DFL}, now;
        for (int number = 1; number < NSIG; number++)
            if (sigaction(number, 0, &now) == 0 && now.sa_handler != SIG_DFL) sigaction(number, &usual, 0);
        setpgid(0, 0);
        // Known before it changes: who changes user loses the next setting.
        if (place >= 0) atomic_store(&watched[place], getpid());
        failure = surround(around);
        if (failure != 0) _exit(127);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(127);
        for (int stream = 0; stream < 3; stream++) {
            int source = streams[stream];
            if (source < 0) source = open("/dev/null", stream == 0 ? O_RDONLY : O_WRONLY);
            if (dup2(source, stream) < 0) {
                failure = errno;
                _exit(127);
            }
        }
        if (around->channel >= 0 && (dup2(around->channel, 3) < 0 || fcntl(3, F_SETFD, 0) != 0)) {
            failure = errno;
            _exit(127);
        }
        for (int at = 0; at < around->channel_name_count; at++) write_channel_name(around->channel_names[at]);
        close_range(around->channel >= 0 ? 4 : 3, ~0U, 0);
        pthread_sigmask(SIG_SETMASK, &none, 0);
        execvpe(program, words, environment);
        failure = errno;
        _exit(127);
    }
    int reason = child < 0 ? errno : failure;
    if (reason != 0 && place >= 0) atomic_store(&watched[place], 0);
    if (child > 0 && reason != 0)
        while (waitpid(child, 0, 0) < 0 && errno == EINTR) {}
    pthread_sigmask(SIG_SETMASK, &before, 0);
    *process = child;
    return reason;
}

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
