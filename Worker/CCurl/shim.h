#pragma once
#include <curl/curl.h>

// Swift imports no variadic function: one inline function for each type of value.
static inline CURLcode apex_curl_set_number(CURL *curl, CURLoption option, long value) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode apex_curl_set_size(CURL *curl, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode apex_curl_set_text(CURL *curl, CURLoption option, const char *value) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode apex_curl_set_headers(CURL *curl, struct curl_slist *headers) {
    return curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
}
typedef size_t (*apex_curl_taker)(char *bytes, size_t size, size_t count, void *context);
static inline CURLcode apex_curl_set_takers(CURL *curl, apex_curl_taker body, apex_curl_taker header, void *context) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, context);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, header);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_HEADERDATA, context);
    return code;
}
// Called while bytes come or do not come, about once a second at least; anything but 0 ends the transfer.
typedef int (*apex_curl_watcher)(void *context, curl_off_t toGet, curl_off_t got, curl_off_t toPut, curl_off_t put);
static inline CURLcode apex_curl_set_watcher(CURL *curl, apex_curl_watcher watcher, void *context) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watcher);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_XFERINFODATA, context);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    return code;
}
static inline CURLcode apex_curl_status(CURL *curl, long *status) {
    return curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
}
