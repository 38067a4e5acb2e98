#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

int apex_folder_watch(void) { return inotify_init1(IN_NONBLOCK | IN_CLOEXEC); }

int apex_watch_folder(int watch, const char *path) {
    // Every way in which a file comes, goes or gets other rights; reading one is none.
    unsigned changes = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF |
                       IN_MOVE_SELF;
    return inotify_add_watch(watch, path, changes | IN_ONLYDIR) < 0 ? -1 : 0;
}

int apex_watch_changed(int watch) {
    char events[4096] __attribute__((aligned(8)));
    int changed = 0;
    while (read(watch, events, sizeof events) > 0) changed = 1;
    return changed;
}

int apex_bytes_carried(int connection, long long *received, long long *delivered) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    if (getsockopt(connection, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return -1;
    // An older kernel tells less.
    if (size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) return -1;
    *received = (long long)info.tcpi_bytes_received;
    *delivered = (long long)info.tcpi_bytes_acked;
    return 0;
}
