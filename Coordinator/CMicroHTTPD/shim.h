#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>

// Options are variadic, which Swift cannot call.
static inline struct MHD_Daemon *shim_mhd_start(unsigned short port, MHD_AccessHandlerCallback answer, void *owner) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, port, NULL, NULL, answer, owner,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
        // A scraper needs one connection; nobody needs much memory.
        MHD_OPTION_CONNECTION_LIMIT, 32u, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_END);
}

static inline unsigned short shim_mhd_port(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *facts = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    return facts ? facts->port : 0;
}

static inline enum MHD_Result shim_mhd_reply(struct MHD_Connection *connection, unsigned status, const char *type,
                                             const void *bytes, size_t count) {
    struct MHD_Response *response = MHD_create_response_from_buffer(count, (void *)bytes, MHD_RESPMEM_MUST_COPY);
    if (!response) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

/// What the request says in its header `Host`; null when it says nothing.
static inline const char *shim_mhd_host(struct MHD_Connection *connection) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
}
static inline enum MHD_Result shim_mhd_go_on(void) { return MHD_YES; }
