import Foundation
import Messages
import Metrics
import Synchronization
import ZeroMQ

/// Between the coordinator's thread, which alone sees the state, and the thread that serves it over HTTP: the one asks,
/// the other writes a page when it comes by. A page is used for a second, so nobody can keep the coordinator busy with
/// asking.
final class MetricDesk: Sendable {
    private static let freshness: Duration = .seconds(1)
    /// How long who asks waits before it says that the coordinator does not answer.
    private static let patience: TimeInterval = 2

    private struct State: Sendable {
        var page = ""
        var madeAt: ContinuousClock.Instant?
        var isWanted = false
    }
    private let state = Mutex(State())
    private let wanted = Atomic(false)
    private let condition = NSCondition()
    private let wakeup: Wakeup
    private let stores: StoreSizes

    init(_ folder: StateFolder, wakeup: Wakeup) {
        self.wakeup = wakeup
        stores = StoreSizes(folder)
    }

    // MARK: - The coordinator's thread

    /// One load when nobody asks.
    var isWanted: Bool { wanted.load(ordering: .acquiring) }

    func deliver(_ page: String) {
        state.withLock { $0 = State(page: page, madeAt: .now) }
        wanted.store(false, ordering: .releasing)
        condition.lock()
        condition.broadcast()
        condition.unlock()
    }

    // MARK: - The server's thread

    func metrics() -> MetricServer.Answer {
        guard let page = page() else { return Self.silent }
        return MetricServer.Answer(status: 200, text: page + stores.text())
    }
    /// The coordinator goes round its loop, which every commit is part of.
    func health() -> MetricServer.Answer {
        page() == nil ? Self.silent : MetricServer.Answer(status: 200, text: "ok\n")
    }
    private static let silent = MetricServer.Answer(
        status: 503, text: "the coordinator has not answered for 2 s; its log says what it does.\n")

    private func page() -> String? {
        let asked = ContinuousClock.now
        if let page = page(since: asked - Self.freshness) { return page }
        wanted.store(true, ordering: .releasing)
        wakeup.wake()
        let deadline = Date(timeIntervalSinceNow: Self.patience)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let page = page(since: asked) { return page }
            guard condition.wait(until: deadline) else { return page(since: asked) }
        }
    }
    private func page(since: ContinuousClock.Instant) -> String? {
        state.withLock { state in state.madeAt.flatMap { $0 >= since ? state.page : nil } }
    }
}

/// Bytes of what a state folder holds. Looked at on the server's thread and at most every ten seconds: there may be many
/// blobs.
private final class StoreSizes: Sendable {
    private let folder: StateFolder
    private let known = Mutex((text: "", until: ContinuousClock.now))
    init(_ folder: StateFolder) { self.folder = folder }

    func text() -> String {
        known.withLock { known in
            if known.text.isEmpty || ContinuousClock.now >= known.until {
                known = (measured(), .now + .seconds(10))
            }
            return known.text
        }
    }

    private func measured() -> String {
        func file(_ path: String) -> Double {
            Double((try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0)
        }
        func database(_ path: String) -> Double { file(path) + file(path + "-wal") }
        func tree(_ path: String) -> (bytes: Double, files: Double) {
            var total = (bytes: 0.0, files: 0.0)
            let names = FileManager.default.enumerator(atPath: path)
            while let name = names?.nextObject() as? String {
                guard names?.fileAttributes?[.type] as? FileAttributeType == .typeRegular else { continue }
                total.bytes += file(path + "/" + name)
                total.files += 1
            }
            return total
        }
        var page = MetricText()
        let blobs = tree(folder.blobs)
        page.family(
            "apex_store_bytes", .gauge, "Size of each part of the state folder.",
            [
                (["store": "state"], database(folder.database)), (["store": "studies"], database(folder.studies)),
                (["store": "reuse"], database(folder.reuse)), (["store": "blobs"], blobs.bytes),
                (["store": "flight"], tree(folder.flight).bytes),
                (["store": "log"], file(folder.log) + file(folder.log + ".1")),
            ])
        page.gauge("apex_blobs", "Blobs in the state folder.", blobs.files)
        if let free = try? FileManager.default.attributesOfFileSystem(forPath: folder.path)[.systemFreeSize] as? Int {
            page.gauge("apex_store_free_bytes", "Free on the file system of the state folder.", Double(free))
        }
        return page.text
    }
}
