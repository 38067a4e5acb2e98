import CCurl
import Glibc
import Providers

/// GETs over one kept connection. It follows no redirect, takes no more than its limit, decompressed or not, and sends a
/// key only where it was told to. Used by one thread at a time.
@safe package struct HTTPClient: ~Copyable {
    /// The largest body that is taken, decompressed.
    package static let maximumBytes = 64 << 20
    private static let maximumHeaderBytes = 64 << 10

    private let curl: UnsafeMutableRawPointer
    private let maximumBytes: Int
    /// Once, before there is a second thread that could do the same.
    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    package init(maximumBytes: Int = maximumBytes) throws(HTTPFailure) {
        guard Self.isReady, let curl = unsafe curl_easy_init() else {
            throw .unreachable("libcurl has no memory")
        }
        unsafe self.curl = curl
        self.maximumBytes = maximumBytes
    }
    deinit { unsafe curl_easy_cleanup(curl) }

    /// - Parameters: base: `scheme://host[:port]/prefix`. target, headers: as sealed, keys and all. isWanted: asked about
    ///   once a second; once it says no, the call ends.
    package borrowing func get(
        base: ProviderHost, target: String, headers: [HTTPRequest.Field], milliseconds: UInt64,
        isWanted: @escaping () -> Bool = { true }
    ) throws(HTTPFailure) -> HTTPResponse {
        // Control characters could end a line, and with it the header.
        let address = base.address + target
        guard address.utf8.allSatisfy({ $0 > 32 && $0 < 127 }),
            headers.allSatisfy({ ($0.name + $0.value).utf8.allSatisfy { $0 >= 32 && $0 < 127 } })
        else { throw .unreachable("an address or header with characters that do not belong there") }
        unsafe curl_easy_reset(curl)
        var list: UnsafeMutablePointer<curl_slist>?
        // Freed after the last use of the handle with it: it is reset at the next call.
        defer { unsafe curl_slist_free_all(list) }
        for header in headers { unsafe list = curl_slist_append(list, "\(header.name): \(header.value)") }
        let answer = Answer(maximumBytes: maximumBytes, isWanted: isWanted)
        try unsafe set(address, list, milliseconds: milliseconds, isLocal: base.isLocal)
        // The answer outlives the call, which is all that uses the pointer.
        let context = unsafe Unmanaged.passUnretained(answer).toOpaque()
        unsafe apex_curl_set_takers(
            curl,
            { bytes, size, count, context in
                guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
                let answer = unsafe Unmanaged<Answer>.fromOpaque(context).takeUnretainedValue()
                let chunk = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
                return unsafe answer.take(chunk) ? size * count : 0
            },
            { bytes, size, count, context in
                guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
                let answer = unsafe Unmanaged<Answer>.fromOpaque(context).takeUnretainedValue()
                let line = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
                return unsafe answer.takeHeader(line) ? size * count : 0
            }, context)
        unsafe apex_curl_set_watcher(
            curl,
            { context, _, _, _, _ in
                guard let context = unsafe context else { return 0 }
                return unsafe Unmanaged<Answer>.fromOpaque(context).takeUnretainedValue().isWanted() ? 0 : 1
            }, context)
        let code = withExtendedLifetime(answer) { unsafe curl_easy_perform(curl) }
        guard code == CURLE_OK else { throw failure(code, answer) }
        var status = 0
        unsafe apex_curl_status(curl, &status)
        return HTTPResponse(status: status, headers: answer.headers, body: answer.body)
    }

    private borrowing func set(
        _ address: String, _ headers: UnsafeMutablePointer<curl_slist>?, milliseconds: UInt64, isLocal: Bool
    ) throws(HTTPFailure) {
        // libcurl copies every text; `curl` and `headers` are alive.
        var codes: [CURLcode] = []
        unsafe codes.append(apex_curl_set_text(curl, CURLOPT_URL, address))
        unsafe codes.append(apex_curl_set_text(curl, CURLOPT_PROTOCOLS_STR, "http,https"))
        unsafe codes.append(apex_curl_set_number(curl, CURLOPT_FOLLOWLOCATION, 0))
        unsafe codes.append(apex_curl_set_number(curl, CURLOPT_NOSIGNAL, 1))
        unsafe codes.append(apex_curl_set_number(curl, CURLOPT_CONNECTTIMEOUT_MS, Int(min(milliseconds, 10_000))))
        unsafe codes.append(apex_curl_set_number(curl, CURLOPT_TIMEOUT_MS, Int(clamping: milliseconds)))
        unsafe codes.append(apex_curl_set_size(curl, CURLOPT_MAXFILESIZE_LARGE, maximumBytes))
        unsafe codes.append(apex_curl_set_text(curl, CURLOPT_ACCEPT_ENCODING, "gzip"))
        unsafe codes.append(apex_curl_set_text(curl, CURLOPT_USERAGENT, "apex-worker"))
        unsafe codes.append(apex_curl_set_headers(curl, headers))
        // The gateway on the own machine shows a certificate that nobody signed; nobody is in between either.
        unsafe codes.append(apex_curl_set_number(curl, CURLOPT_SSL_VERIFYPEER, isLocal ? 0 : 1))
        unsafe codes.append(apex_curl_set_number(curl, CURLOPT_SSL_VERIFYHOST, isLocal ? 0 : 2))
        // To the own machine directly: a proxy would read what is not encrypted.
        if isLocal { unsafe codes.append(apex_curl_set_text(curl, CURLOPT_PROXY, "")) }
        guard codes.allSatisfy({ $0 == CURLE_OK }) else { throw .unreachable("this libcurl lacks a needed option") }
    }

    /// libcurl's own words name hosts at most, never addresses with a key.
    private borrowing func failure(_ code: CURLcode, _ answer: Answer) -> HTTPFailure {
        let words = unsafe String(cString: curl_easy_strerror(code))
        switch code {
        case _ where answer.isTooLarge, CURLE_FILESIZE_EXCEEDED: return .tooLarge(limitBytes: maximumBytes)
        case CURLE_ABORTED_BY_CALLBACK: return .abandoned
        case CURLE_OPERATION_TIMEDOUT: return .timeout
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR: return .untrusted(words)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR,
            CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            return .unreachable(words)
        default: return .cut(words)
        }
    }

    /// What has come so far.
    private final class Answer {
        var headers: [HTTPRequest.Field] = []
        var body: [UInt8] = []
        var isTooLarge = false
        private var headerBytes = 0
        private let maximumBytes: Int
        let isWanted: () -> Bool
        init(maximumBytes: Int, isWanted: @escaping () -> Bool) {
            self.maximumBytes = maximumBytes
            self.isWanted = isWanted
        }

        func take(_ chunk: UnsafeRawBufferPointer) -> Bool {
            guard body.count + chunk.count <= maximumBytes else {
                isTooLarge = true
                return false
            }
            unsafe body.append(contentsOf: chunk)
            return true
        }
        func takeHeader(_ line: UnsafeRawBufferPointer) -> Bool {
            headerBytes += line.count
            guard headerBytes <= HTTPClient.maximumHeaderBytes else {
                isTooLarge = true
                return false
            }
            let text = unsafe String(decoding: line, as: UTF8.self)
            // A new status line begins another answer, as after `100 Continue`.
            if text.hasPrefix("HTTP/") { headers = [] }
            guard let colon = text.firstIndex(of: ":") else { return true }
            func trimmed(_ part: Substring) -> String {
                String(part.drop { $0 == " " }.reversed().drop { $0.isWhitespace || $0.isNewline }.reversed())
            }
            headers.append(.init(trimmed(text[..<colon]), trimmed(text[text.index(after: colon)...])))
            return true
        }
    }
}

/// Where a provider is asked: its own host, or one that this machine's owner named instead.
package struct ProviderHost: Sendable, Equatable {
    /// Without a slash at the end.
    package let address: String
    /// On this machine: nothing leaves it.
    package let isLocal: Bool

    /// - Throws: for what is no address, or would send keys unencrypted over a network.
    package init(_ text: String) throws(HTTPFailure) {
        var address = text
        while address.hasSuffix("/") { address.removeLast() }
        let isEncrypted = address.hasPrefix("https://")
        guard isEncrypted || address.hasPrefix("http://") else {
            throw .unreachable("\(text) is no address; give one that begins with https://")
        }
        let authority = address.dropFirst(isEncrypted ? 8 : 7).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty, !authority.contains("@"), !address.contains("?"), !address.contains("#") else {
            throw .unreachable("\(text) is no address of a host; give https://host, without a user or a query")
        }
        let host =
            authority.hasPrefix("[") ? authority.prefix { $0 != "]" }.dropFirst() : authority.prefix { $0 != ":" }
        isLocal = host == "localhost" || host == "127.0.0.1" || host == "::1"
        guard isEncrypted || isLocal else {
            throw .untrusted("\(text) is not encrypted; keys go over https only, or to this machine")
        }
        self.address = address
    }
}
