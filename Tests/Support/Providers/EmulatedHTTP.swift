import Foundation

/// A request as an emulator sees it.
package struct EmulatedRequest: Sendable {
    package var path: String
    /// Decoded; the first of a name counts.
    package var query: [(name: String, value: String)]
    /// Names in lower case.
    package var headers: [(name: String, value: String)]
    package init(target: String, headers: [(name: String, value: String)]) {
        let parts = target.split(separator: "?", maxSplits: 1)
        path = parts.first.map { String($0).removingPercentEncoding ?? String($0) } ?? "/"
        query = (parts.count == 2 ? parts[1] : "").split(separator: "&").map { pair in
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            func decoded(_ text: Substring) -> String { String(text).removingPercentEncoding ?? String(text) }
            return (decoded(sides[0]), sides.count == 2 ? decoded(sides[1]) : "")
        }
        self.headers = headers.map { ($0.name.lowercased(), $0.value) }
    }
    package subscript(name: String) -> String? { query.first { $0.name == name }?.value }
    package func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// An answer, and what goes wrong on its way.
package struct EmulatedResponse: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    package var trouble: Trouble?

    package enum Trouble: Sendable, Equatable {
        /// It comes so late. Milliseconds.
        case slow(UInt64)
        /// The connection ends after so many bytes of the body.
        case cut(afterBytes: Int)
        /// `Content-Length` is off by so much.
        case wrongLength(Int)
    }

    package init(
        _ status: Int, _ body: String, headers: [(name: String, value: String)] = [], type: String = "application/json"
    ) {
        self.status = status
        self.body = Array(body.utf8)
        self.headers = [("content-type", type)] + headers
    }
    package static func html(_ status: Int) -> EmulatedResponse {
        EmulatedResponse(
            status, "<html><head><title>\(status)</title></head><body><h1>Bad gateway</h1></body></html>",
            type: "text/html")
    }
}

/// One provider as facts tell of it. The clock is the caller's.
package protocol ProviderEmulator: Sendable {
    var market: EmulatedMarket { get set }
    var limits: StrictLimits { get set }
    /// - Parameter now: milliseconds since 1970.
    mutating func answer(_ request: EmulatedRequest, at now: Int64) -> EmulatedResponse
    /// How it says that too much was asked, without anybody having asked too much.
    func tooMany(at now: Int64) -> EmulatedResponse
    /// The call was answered and its place among those under way is free again.
    mutating func ended()
}
extension ProviderEmulator {
    package mutating func ended() {}
}

/// Counts what arrives, in any stretch of time as long as a window: no fixed window of the same length sees more.
package struct StrictLimits: Sendable {
    package var windows: [(units: Int, milliseconds: Int64)]
    private var used: [(at: Int64, units: Int)] = []
    /// Calls that came when the quota was used up: none, if the client keeps its promise.
    package private(set) var exceeded = 0
    package private(set) var calls = 0
    package private(set) var units = 0
    /// The largest share of any window that was ever used.
    package private(set) var peak = 0.0
    package init(_ windows: [(units: Int, milliseconds: Int64)]) { self.windows = windows }

    /// - Returns: the first window that has no room for so many more; nil: they are counted.
    package mutating func take(_ count: Int, at now: Int64) -> Int? {
        calls += 1
        let longest = windows.map(\.milliseconds).max() ?? 0
        used.removeAll { $0.at <= now - longest }
        for (position, window) in windows.enumerated() {
            let inside = inWindow(position, at: now)
            if inside + count > window.units {
                exceeded += 1
                return position
            }
            peak = max(peak, Double(inside + count) / Double(window.units))
        }
        units += count
        used.append((now, count))
        return nil
    }
    package func inWindow(_ position: Int, at now: Int64) -> Int {
        used.reversed().prefix { $0.at > now - windows[position].milliseconds }.reduce(0) { $0 + $1.units }
    }
    /// When the oldest of a window leaves it.
    package func reset(_ position: Int, at now: Int64) -> Int64 {
        (used.first { $0.at > now - windows[position].milliseconds }?.at ?? now) + windows[position].milliseconds
    }
    package mutating func forget() { used = [] }
}
