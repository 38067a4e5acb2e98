// What a program that runs for somebody else may not see: folders that are covered in a mount namespace of their own.
#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_file(pid_t process, const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)process, name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return errno;
    int reason = write(file, text, strlen(text)) < 0 ? errno : 0;
    close(file);
    return reason;
}

// The names that this process knows, for the new namespace of another: all of them for root, its own for others.
static int map_names(pid_t process) {
    char text[4096];
    const char *files[] = {"uid_map", "gid_map"};
    unsigned own[] = {geteuid(), getegid()};
    for (int at = 0; at < 2; at++) {
        if (geteuid() != 0) {
            if (at == 1 && write_file(process, "setgroups", "deny") != 0) return EPERM;
            snprintf(text, sizeof text, "%u %u 1\n", own[at], own[at]);
        } else {
            char path[32];
            snprintf(path, sizeof path, "/proc/self/%s", files[at]);
            FILE *known = fopen(path, "re");
            if (known == 0) return errno;
            size_t held = 0;
            unsigned long inside, outside, count;
            while (held + 64 < sizeof text && fscanf(known, "%lu %lu %lu", &inside, &outside, &count) == 3)
                held += (size_t)snprintf(text + held, sizeof text - held, "%lu %lu %lu\n", inside, inside, count);
            fclose(known);
        }
        int reason = write_file(process, files[at], text);
        if (reason != 0) return reason;
    }
    return 0;
}

static void say(int pipe, int word) { (void)!write(pipe, &word, sizeof word); }
static int heard(int pipe, int *word) {
    ssize_t count;
    while ((count = read(pipe, word, sizeof *word)) < 0 && errno == EINTR) {}
    return count == sizeof *word;
}

// In the first namespace: covers the folders, and starts one more process in a second, in which nobody may uncover them.
// Says the number of that process, or an errno below zero; goes when `down` closes.
static void hold_spaces(const char *const paths[], int count, int up, int down) {
    int word = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWUSER) != 0) {
        say(up, -errno);
        return;
    }
    say(up, 0);
    if (!heard(down, &word)) return;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", 0, MS_SLAVE | MS_REC, 0) != 0) {
        say(up, -errno);
        return;
    }
    for (int at = 0; at < count; at++)
        if (mount("none", paths[at], "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=000") != 0 &&
            errno != ENOENT) {
            say(up, -errno);
            return;
        }
    int inner[2];
    if (pipe2(inner, O_CLOEXEC) != 0) {
        say(up, -errno);
        return;
    }
    pid_t second = fork();
    if (second < 0) {
        say(up, -errno);
        return;
    }
    if (second == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        say(inner[1], unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 0 : -errno);
        // Until the first is killed, and this one with it.
        for (;;) pause();
    }
    if (!heard(inner[0], &word)) word = -ESRCH;
    if (word == 0) word = -map_names(second);
    say(up, word == 0 ? second : word);
    (void)!heard(down, &word);
    kill(second, SIGKILL);
    waitpid(second, 0, 0);
}

int apex_hide(const char *const paths[], int count, int spaces[2]) {
    int up[2], down[2];
    if (pipe2(up, O_CLOEXEC) != 0) return errno;
    if (pipe2(down, O_CLOEXEC) != 0) {
        int reason = errno;
        close(up[0]);
        close(up[1]);
        return reason;
    }
    pid_t first = fork();
    if (first == 0) {
        close(up[0]);
        close(down[1]);
        hold_spaces(paths, count, up[1], down[0]);
        _exit(0);
    }
    int reason = first < 0 ? errno : 0;
    close(up[1]);
    close(down[0]);
    int word = 0;
    if (reason == 0 && !heard(up[0], &word)) word = -ESRCH;
    if (reason == 0 && word == 0) word = -map_names(first);
    if (reason == 0 && word == 0) {
        say(down[1], 0);
        if (!heard(up[0], &word)) word = -ESRCH;
    }
    if (reason == 0 && word < 0) reason = -word;
    if (reason == 0) {
        const char *names[] = {"user", "mnt"};
        for (int at = 0; at < 2; at++) {
            char path[64];
            snprintf(path, sizeof path, "/proc/%d/ns/%s", word, names[at]);
            spaces[at] = open(path, O_RDONLY | O_CLOEXEC);
            if (spaces[at] < 0 && reason == 0) reason = errno;
        }
    }
    close(up[0]);
    close(down[1]);
    if (first > 0)
        while (waitpid(first, 0, 0) < 0 && errno == EINTR) {}
    return reason;
}

int apex_user(const char *name, unsigned *user, unsigned *group, unsigned *groups, int room) {
    struct passwd facts, *found = 0;
    char words[16 << 10];
    if (getpwnam_r(name, &facts, words, sizeof words, &found) != 0 || found == 0) return -1;
    *user = facts.pw_uid;
    *group = facts.pw_gid;
    int count = room;
    if (getgrouplist(name, facts.pw_gid, (gid_t *)groups, &count) < 0) count = room;
    return count;
}

int apex_touch_files_as(unsigned user, unsigned group) {
    // The kernel's own calls: of this thread alone. They return what was, so asking again tells.
    syscall(SYS_setfsgid, group);
    syscall(SYS_setfsuid, user);
    if ((unsigned)syscall(SYS_setfsgid, group) == group && (unsigned)syscall(SYS_setfsuid, user) == user) return 0;
    errno = EPERM;
    return -1;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place) {
    (void)facts, (void)kind, (void)place;
    remove(path);
    return 0;
}

void apex_remove_tree(const char *path) {
    // Most are empty.
    if (rmdir(path) == 0 || errno == ENOENT) return;
    nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
