#include <sys/eventfd.h>
#include <zmq.h>

// Debian's header declares this option only with the draft interface; its library obeys it without.
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

// Flags of an enumeration that Swift would import as a type of its own.
static inline int shim_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
