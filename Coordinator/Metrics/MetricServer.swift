import CMicroHTTPD
import Glibc
import Messages

/// `GET /metrics` and `GET /healthz` on 127.0.0.1, on a thread of libmicrohttpd's own.
@safe package final class MetricServer: Sendable {
    package struct Answer: Sendable {
        package var status: UInt32
        package var text: String
        package init(status: UInt32, text: String) {
            self.status = status
            self.text = text
        }
    }
    package typealias Page = @Sendable () -> Answer

    /// Set once, in `init`; the library's own lock is inside.
    nonisolated(unsafe) private let daemon: OpaquePointer
    private let pages: Pages

    private final class Pages: Sendable {
        let metrics: Page, health: Page
        init(_ metrics: @escaping Page, _ health: @escaping Page) {
            self.metrics = metrics
            self.health = health
        }
    }

    /// - Parameters:
    ///   - port: 0 for any that is free.
    ///   - metrics, health: called on the server's thread; they may wait a little.
    package init(port: UInt16, metrics: @escaping Page, health: @escaping Page) throws(JobError) {
        // Kept by this object, which stops the server before it goes.
        let pages = Pages(metrics, health)
        let started = unsafe shim_mhd_start(
            port,
            { owner, connection, path, method, _, _, _, state in
                // libmicrohttpd calls with what it was given, and with strings that live as long as the call.
                unsafe MetricServer.answer(owner!, connection!, path!, method!, state!)
            }, unsafe Unmanaged.passUnretained(pages).toOpaque())
        guard let daemon = unsafe started else {
            throw JobError(
                "metrics cannot be served on 127.0.0.1:\(port): \(unsafe String(cString: strerror(errno))); give another "
                    + "metrics_port in cluster.yaml, or off.")
        }
        unsafe self.daemon = daemon
        self.pages = pages
    }
    deinit {
        unsafe MHD_stop_daemon(daemon)
    }

    package var port: UInt16 { unsafe shim_mhd_port(daemon) }

    private static func answer(
        _ owner: UnsafeMutableRawPointer, _ connection: OpaquePointer, _ path: UnsafePointer<CChar>,
        _ method: UnsafePointer<CChar>, _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    ) -> MHD_Result {
        // The first call of a request brings its head only; a second is asked for by setting the state.
        if unsafe state.pointee == nil {
            unsafe state.pointee = owner
            return shim_mhd_go_on()
        }
        let pages = unsafe Unmanaged<Pages>.fromOpaque(owner).takeUnretainedValue()
        let host = unsafe shim_mhd_host(connection)
        let (name, verb) = unsafe (String(cString: path), String(cString: method))
        let answer: Answer
        if let host = unsafe host, !isThisMachine(unsafe String(cString: host)) {
            // A page of the web whose name leads here could read it otherwise.
            answer = Answer(status: 403, text: "only 127.0.0.1 and localhost are answered.\n")
        } else if verb != "GET" && verb != "HEAD" {
            answer = Answer(status: 405, text: "GET /metrics or GET /healthz.\n")
        } else if name == "/metrics" {
            answer = pages.metrics()
        } else if name == "/healthz" {
            answer = pages.health()
        } else {
            answer = Answer(status: 404, text: "there are /metrics and /healthz.\n")
        }
        let bytes = Array(answer.text.utf8)
        let type =
            name == "/metrics" && answer.status == 200
            ? "text/plain; version=0.0.4; charset=utf-8" : "text/plain; charset=utf-8"
        return unsafe shim_mhd_reply(connection, answer.status, type, bytes, bytes.count)
    }

    static func isThisMachine(_ host: String) -> Bool {
        let name = host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
        return ["127.0.0.1", "localhost", "[::1]"].contains(name.lowercased())
    }
}
