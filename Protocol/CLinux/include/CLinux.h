// Linux calls that Swift's Glibc module leaves out, or whose macros it cannot import.
#pragma once
#include <spawn.h>
#include <sys/types.h>

/// Processors this process may be scheduled on; 0 when the kernel does not say.
int apex_affinity_count(void);

/// A descriptor that becomes readable when the process ends; -1 with errno where the kernel has none.
int apex_pidfd_open(pid_t process);

/// A pipe's read and write end, closed in every program this one starts. 0, or -1 with errno.
int apex_pipe(int ends[2]);

void apex_set_nonblocking(int descriptor);

/// Reaps the child. 0 and its end in `code` (exit code or signal) and `signalled`; else errno.
int apex_reap(pid_t process, int *code, int *signalled);

/// A descriptor that is readable when SIGTERM, SIGINT or SIGHUP has come; the calling thread is no longer interrupted by
/// them, and SIGPIPE is ignored. The same descriptor on every call; -1 with errno on failure.
int apex_stop_signals(void);

/// One more signal for that descriptor. 0, or -1 with errno.
int apex_also_hear(int number);

/// The next signal waiting at that descriptor; 0 when there is none.
int apex_next_signal(int descriptor);

/// The kernel's magic number of the file system that holds `path`; 0 when there is none.
long apex_filesystem_kind(const char *path);

/// Adds to a child's file actions: close every descriptor from `first` on. 0 or an errno.
int apex_close_from(posix_spawn_file_actions_t *actions, int first);

/// This process's environment, ended by a null pointer.
char **apex_environment(void);

/// Bytes free for this user on the file system that holds `path`; 0 when there is none.
unsigned long long apex_free_bytes(const char *path);

/// 1 when the kernel's clock is kept in step with a time server, or does not say.
int apex_clock_is_synchronised(void);

/// SIGTERM for this process when the thread that started it ends. -1 when `parent` is no longer its parent.
int apex_end_with(pid_t parent);

/// Starts a process that kills the programs of `apex_start`, with their groups, as soon as this process has ended,
/// however it ended; and then every process whose environment has a setting that begins with `setting`, wherever it went.
/// Once per process, early: it is a fork. 0, or -1 with errno.
int apex_watchdog(const char *setting);

/// The process of `apex_watchdog`; 0 without one.
pid_t apex_watchdog_process(void);

/// From now on processes whose parent ends become children of this one, if they descend from it. 0, or -1 with errno.
int apex_adopt_orphans(void);

/// The processes that have come to this one so: children of its first thread, its watchdog apart. How many, at most
/// `room`; -1 where the kernel does not say.
int apex_orphans(pid_t *processes, int room);

/// 1 when that child was a zombie, which it is no more.
int apex_reap_if_over(pid_t process);

/// What follows `start` in the environment that a process of this user was started with, ended by a zero byte and cut to
/// `room`. Its length; -1 when there is no such setting or process.
int apex_setting_of(pid_t process, const char *start, char *rest, int room);

/// What a program is to find around it. All zero but for the descriptors, which are -1 then, is what its parent has.
struct apex_surroundings {
    /// Its working folder, made to be its user's; null: its parent's.
    const char *folder;
    /// `cgroup.procs` of a control group, open for writing.
    int group;
    /// Of `apex_hide`.
    int user_space, mount_space;
    /// Runs as somebody else, with exactly these groups; only root may.
    int changes_user;
    unsigned user, user_group;
    const unsigned *groups;
    int group_count;
    /// For each of its processes: bytes of data, and processes of its user; 0: no limit.
    unsigned long long data_bytes, processes;
    /// A pipe that becomes its descriptor 3, above 3; -1: none.
    int channel;
    /// Where `/proc/NUMBER/fd/3` is written, by which it and what it starts may open that pipe: room for 24 bytes each.
    char *const *channel_names;
    int channel_name_count;
    /// What failed, after `apex_start` did.
    enum apex_step { APEX_STEP_PROGRAM, APEX_STEP_GROUP, APEX_STEP_SPACE, APEX_STEP_FOLDER, APEX_STEP_USER } step;
};

/// Starts a program in a process group of its own, with the signals a shell would give it and no descriptor but these
/// three and its channel. It may not get more rights than it has, and leaves no core file. The watchdog, if there is one,
/// knows it before its first instruction; and it is killed when the calling thread ends.
/// - streams: what its 0, 1 and 2 become, each above 2; -1 for /dev/null.
/// 0 and the process, or an errno.
int apex_start(const char *program, char *const words[], char *const environment[], const int streams[3],
               struct apex_surroundings *around, pid_t *process);

/// Makes a user namespace and a mount namespace in which these folders are covered and cannot be uncovered. Folders that
/// are not there are left out. Programs in them cannot look into processes outside either, even of the same user.
/// 0 and two descriptors for `apex_surroundings`, or an errno.
int apex_hide(const char *const paths[], int count, int spaces[2]);

/// A user's number, first group, and all groups up to `room`. How many groups; -1 when there is no such user.
int apex_user(const char *name, unsigned *user, unsigned *group, unsigned *groups, int room);

/// From now on the calling thread touches files with the rights of that user, and no others. Only root may; back with its
/// own number and group. 0, or -1 with errno.
int apex_touch_files_as(unsigned user, unsigned group);

/// Removes a folder and what is in it, without following links or leaving its file system.
void apex_remove_tree(const char *path);

/// The watchdog shall not look after it any more. To be called while it is a zombie still: its number is free
/// afterwards.
void apex_forget(pid_t process);

/// Writes what fits now, and never raises SIGPIPE. Bytes written, or -1 with errno.
long apex_write_quietly(int descriptor, const void *bytes, unsigned long count);

/// Bytes in a pipe that nobody has read yet.
int apex_unread(int pipe);

/// A descriptor that is readable when something changed in a folder added to it; -1 with errno when there are too many.
int apex_folder_watch(void);

/// Watches that folder too. 0, or -1 with errno.
int apex_watch_folder(int watch, const char *path);

/// Takes all that changed off the descriptor. 1 when there was anything.
int apex_watch_changed(int watch);

/// Bytes that a TCP connection has brought so far, and those sent that the other side has; -1 when the descriptor is no
/// TCP connection, or the kernel does not say.
int apex_bytes_carried(int connection, long long *received, long long *delivered);

/// Asks the file system to put every folder made in this one at a place of its own, away from its neighbours: making many
/// files is several times slower where many were just removed. Ext4 does; others need not, and nothing depends on it.
void apex_spread_folders(int folder);

/// Says something to the service manager that started this process, as sd_notify does. 1 when there is one, 0 when there
/// is none, -1 with errno.
int apex_notify(const char *words);

/// Says to it that the calling thread goes round its loop, as often as it wants to hear that. To be called by one thread.
void apex_notify_alive(void);
