import Bars
import Foundation
import Market
import Store
import TestSupport
import Testing

/// Fetching bars by the programs, from emulated providers behind a real HTTP server.
@Suite(.serialized)
struct IngestTests {
    @Test func `bars are fetched once, stored with the request that brought them, and the key is nowhere`() throws {
        let folder = TemporaryFolder("ingest")
        var market = EmulatedMarket(symbols: ["AAA", "BBB", "CCC", "DDD", "EEE"])
        let today = Int(Date().timeIntervalSince1970 / 86_400)
        market.splits["CCC"] = today - 100
        let service = EmulatedAlpaca(market)
        var faulty = FaultyProvider(service)
        faulty.script = [.badGateway, .truncated, .unordered]
        let server = try EmulatorServer(faulty)
        defer { server.stop() }
        let environment = [
            "APEX_ALPACA_KEY": service.key, "APEX_ALPACA_SECRET": service.secret, "APEX_ALPACA_URL": server.address,
        ]
        let state = folder.path + "/state"
        let symbols = folder.path + "/symbols.txt"
        try "symbol\nAAA\nBBB\nCCC\nDDD\nNONE\n".write(toFile: symbols, atomically: true, encoding: .utf8)
        let up = try Programs.Running("apex", ["up", "--state", state, "--workers", "2"], environment: environment)
        defer { up.send(SIGTERM) }
        #expect(
            Programs.eventually {
                (try? Programs.run("apex", ["status", "--state", state, "--json"]))?.code == 0 || !up.process.isRunning
            })

        let from = today - 300
        func ingest(to: Int, _ file: String) throws -> Programs.Outcome {
            try Programs.run(
                "apex",
                [
                    "submit", "ingest", "--symbols", file, "--from", EmulatedMarket.text(day: from), "--to",
                    EmulatedMarket.text(day: to), "--providers", "alpaca", "--wait", "--state", state,
                ])
        }
        let first = try ingest(to: today - 10, symbols)
        #expect(first.code == 0, "\(first.errors)")
        // Two failures, and then one call for everything.
        #expect(server.requests.count == 3)
        #expect(first.output.contains("of 5 of 5 symbols in 3 calls"))

        func stored(_ symbol: String) throws -> BarColumns? {
            let store = try? BarStore(path: state + "/bars.sqlite", access: .read)
            return try store?.bars(SeriesKey(symbol: symbol))
        }
        func isRight(_ symbol: String, to: Int) -> Bool {
            let days = market.days(symbol, from...to)
            guard let bars = try? stored(symbol), bars.count == days.count else { return false }
            return days.indices.allSatisfy { at in
                let bar = market.bar(symbol, day: days[at])!
                return bars.starts[at] == Int64(days[at]) * 86_400_000 && bars.close[at] == Double(bar.close) / 100
                    && bars.volume[at] == Double(bar.volume)
            }
        }
        for symbol in ["AAA", "BBB", "CCC", "DDD"] {
            #expect(Programs.eventually { isRight(symbol, to: today - 10) }, "\(symbol)")
        }
        // Again: nothing is asked. Three days more, and a symbol more: only those.
        #expect(try ingest(to: today - 10, symbols).code == 0)
        #expect(server.requests.count == 3)
        let more = folder.path + "/more.txt"
        try "AAA\nBBB\nCCC\nDDD\nEEE\n".write(toFile: more, atomically: true, encoding: .utf8)
        #expect(try ingest(to: today - 3, more).code == 0)
        #expect(server.requests.count == 5)
        #expect(server.requests[3]["symbols"] == "AAA,BBB,CCC,DDD")
        #expect(server.requests[3]["start"] == EmulatedMarket.text(day: today - 9))
        #expect(server.requests[4]["symbols"] == "EEE")
        for symbol in market.symbols.sorted() {
            #expect(Programs.eventually { isRight(symbol, to: today - 3) }, "\(symbol)")
        }

        up.send(SIGTERM)
        _ = up.wait()
        // In no file of the state, and in nothing that was printed.
        let files = FileManager.default.enumerator(atPath: state)?.allObjects as? [String] ?? []
        #expect(files.contains { $0.hasSuffix("bars.sqlite") })
        var searched = [Data((first.output + first.errors + up.output + up.errors).utf8)]
        for file in files {
            if let data = FileManager.default.contents(atPath: state + "/" + file) { searched.append(data) }
        }
        for secret in [service.key, service.secret] {
            #expect(searched.allSatisfy { $0.range(of: Data(secret.utf8)) == nil })
        }
        #expect(server.heads.allSatisfy { $0.contains(service.key) })
    }

    @Test func `what cannot be fetched is refused in words before anything is asked`() throws {
        let folder = TemporaryFolder("ingest")
        let symbols = folder.path + "/symbols.txt"
        try "AAA\n".write(toFile: symbols, atomically: true, encoding: .utf8)
        func refused(_ words: [String], _ expected: String) throws {
            let outcome = try Programs.run("apex", ["submit", "ingest"] + words + ["--state", folder.path + "/state"])
            #expect(outcome.code == 2 && outcome.errors.contains(expected), "\(outcome.code): \(outcome.errors)")
        }
        let good = ["--symbols", symbols, "--from", "2024-01-02", "--providers", "alpaca"]
        try refused(
            ["--symbols", symbols, "--from", "2024-01-02", "--providers", "nobody"], "there is no provider nobody")
        try refused(["--symbols", "/nowhere", "--from", "2024-01-02", "--providers", "alpaca"], "cannot be read")
        try refused(good + ["--to", "2999-01-04"], "in the future")
        try refused(good + ["--to", "2023-01-04"], "is after")
        try refused(good + ["--timeframe", "7m"], "--timeframe is 7m")
        try refused(good + ["--limit", "alpaca"], "--limit is alpaca")
        try refused(["--symbols", "universe", "--from", "2024-01-02", "--providers", "alpaca"], "no daily bars yet")
    }
}
