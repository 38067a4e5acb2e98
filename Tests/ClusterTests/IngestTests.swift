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
        // In either order: two workers ask.
        let known = try #require(server.requests[3...].first { $0["symbols"] == "AAA,BBB,CCC,DDD" })
        #expect(known["start"] == EmulatedMarket.text(day: today - 9))
        #expect(server.requests[3...].contains { $0["symbols"] == "EEE" })
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

    @Test func `two ingests that race share one quota, and a symbol nobody knows is not asked for again`() throws {
        let folder = TemporaryFolder("ingest")
        let market = EmulatedMarket(symbols: ["AAA", "BBB", "CCC", "DDD"])
        var service = EmulatedAlpaca(market)
        // As if the plan were a poor one: three calls in four seconds.
        service.limits = StrictLimits([(3, 4000)])
        let server = try EmulatorServer(FaultyProvider(service))
        defer { server.stop() }
        let environment = [
            "APEX_ALPACA_KEY": service.key, "APEX_ALPACA_SECRET": service.secret, "APEX_ALPACA_URL": server.address,
        ]
        let state = folder.path + "/state"
        let up = try Programs.Running("apex", ["up", "--state", state, "--workers", "2"], environment: environment)
        defer { up.send(SIGTERM) }
        #expect(
            Programs.eventually {
                (try? Programs.run("apex", ["status", "--state", state, "--json"]))?.code == 0 || !up.process.isRunning
            })
        let today = Int(Date().timeIntervalSince1970 / 86_400)
        func words(_ symbols: String) throws -> [String] {
            let file = folder.path + "/\(symbols.hashValue).txt"
            try symbols.write(toFile: file, atomically: true, encoding: .utf8)
            return [
                "submit", "ingest", "--symbols", file, "--from", EmulatedMarket.text(day: today - 60), "--to",
                EmulatedMarket.text(day: today - 3), "--providers", "alpaca", "--limit", "alpaca=3/minute", "--state",
                state,
            ]
        }
        // Both at once; a lease apart they would ask four times in a minute.
        let first = try Programs.Running("apex", words("AAA\n"))
        let second = try Programs.Running("apex", words("BBB\nBAD1\n"))
        #expect(first.wait().code == 0 && second.wait().code == 0)
        func calls() -> Int { server.requests.count }
        #expect(Programs.eventually { calls() == 3 })
        let third = try Programs.run("apex", words("CCC\n"))
        #expect(third.code == 0)
        // The fourth waits for its minute, and nothing else waits for it.
        let noop = try Programs.run(
            "apex", ["submit", "noop", "--count", "100", "--wait", "--json", "--state", state])
        #expect(noop.code == 0 && calls() == 3)

        func knows() -> Bool {
            guard let database = try? Database(path: state + "/bars.sqlite", mode: .readOnly),
                let rows = try? database.prepare("SELECT symbol FROM data_unknown WHERE provider = 'alpaca'"),
                (try? rows.step()) == true
            else { return false }
            return rows.text(0) == "BAD1"
        }
        #expect(Programs.eventually { knows() })
        let again = try Programs.run("apex", words("BAD1\nBBB\n") + ["--wait"])
        #expect(again.code == 0 && again.output.contains("0 of 0 symbols in 0 calls"), "\(again.output)")
    }

    @Test func `a call that is late is given up for a faster provider's, and the metrics tell of both`() throws {
        let folder = TemporaryFolder("ingest")
        let market = EmulatedMarket(symbols: ["AAA", "BBB"])
        let (alpaca, tradier) = (EmulatedAlpaca(market), EmulatedTradier(market))
        var slow = FaultyProvider(alpaca)
        slow.script = [.late]
        let servers = try (EmulatorServer(slow), EmulatorServer(FaultyProvider(tradier)))
        defer {
            servers.0.stop()
            servers.1.stop()
        }
        let state = folder.path + "/state"
        try "ingest:\n  hedge: 1s\n".write(toFile: folder.path + "/c.yaml", atomically: true, encoding: .utf8)
        let up = try Programs.Running(
            "apex",
            ["up", "--state", state, "--workers", "3", "--config", folder.path + "/c.yaml", "--metrics", "0"],
            environment: [
                "APEX_ALPACA_KEY": alpaca.key, "APEX_ALPACA_SECRET": alpaca.secret,
                "APEX_ALPACA_URL": servers.0.address,
                "APEX_TRADIER_KEY": tradier.key, "APEX_TRADIER_URL": servers.1.address,
            ])
        defer { up.send(SIGTERM) }
        #expect(Programs.eventually { up.errors.contains("ready") || !up.process.isRunning }, "\(up.errors)")
        let today = Int(Date().timeIntervalSince1970 / 86_400)
        try "AAA\nBBB\n".write(toFile: folder.path + "/symbols.txt", atomically: true, encoding: .utf8)
        let clock = ContinuousClock.now
        let outcome = try Programs.run(
            "apex",
            [
                "submit", "ingest", "--symbols", folder.path + "/symbols.txt", "--from",
                EmulatedMarket.text(day: today - 60), "--to", EmulatedMarket.text(day: today - 3), "--providers",
                "alpaca,tradier", "--wait", "--state", state,
            ])
        #expect(outcome.code == 0 && outcome.output.contains("of 2 of 2 symbols"), "\(outcome.output)\(outcome.errors)")
        // The slow answer would have come after twenty seconds.
        #expect(ContinuousClock.now - clock < .seconds(15))
        #expect(servers.0.requests.count == 1 && servers.1.requests.count == 2)

        let log = try String(contentsOfFile: state + "/log.jsonl", encoding: .utf8)
        let at = try #require(log.firstMatch(of: #/http:\/\/127\.0\.0\.1:(\d+)\/metrics/#))
        let page = try MetricPageReader.families("http://127.0.0.1:\(at.1)/metrics")
        func value(_ name: String, _ labels: [String: String]) -> Double? {
            page[name]?.first { sample in labels.allSatisfy { sample.labels[$0.key] == $0.value } }?.value
        }
        #expect(value("apex_source_calls_total", ["source": "tradier", "outcome": "success"]) == 2)
        #expect(value("apex_source_calls_total", ["source": "alpaca", "outcome": "abandoned"]) == 1)
        #expect(value("apex_source_calls_total", ["source": "alpaca", "outcome": "rate_limited"]) == 0)
        #expect(value("apex_source_hedges_total", ["source": "tradier"]) == 2)
        #expect(value("apex_source_units_total", ["source": "alpaca"]) == 1)
        let latency = try #require(value("apex_source_latency_seconds", ["source": "tradier", "quantile": "0.95"]))
        #expect((0..<5).contains(latency))
        #expect((0..<60).contains(try #require(value("apex_source_freshness_seconds", ["source": "tradier"]))))
        #expect(value("apex_source_quota_used_ratio", ["source": "tradier", "window_seconds": "60.0"]) == 2.0 / 60)
        #expect(value("apex_source_circuit", ["source": "tradier", "state": "closed"]) == 1)
        // Of each symbol one series, from the one who was first.
        let series = try BarStore(path: state + "/bars.sqlite", access: .read).series()
        #expect(series.map(\.key.symbol) == ["AAA", "BBB"], "\(series.map(\.key))")
    }

    @Test func `a key that a worker lacks ends the job in words, and nobody is asked anything`() throws {
        let folder = TemporaryFolder("ingest")
        let server = try EmulatorServer { _ in .response(EmulatedResponse(500, "")) }
        defer { server.stop() }
        let state = folder.path + "/state"
        let up = try Programs.Running(
            "apex", ["up", "--state", state, "--workers", "1"],
            environment: ["APEX_TRADIER_URL": server.address, "HOME": folder.path])
        defer { up.send(SIGTERM) }
        #expect(Programs.eventually { up.errors.contains("ready") || !up.process.isRunning }, "\(up.errors)")
        try "AAA\n".write(toFile: folder.path + "/symbols.txt", atomically: true, encoding: .utf8)
        let outcome = try Programs.run(
            "apex",
            [
                "submit", "ingest", "--symbols", folder.path + "/symbols.txt", "--days", "20", "--providers", "tradier",
                "--wait", "--state", state,
            ])
        #expect(
            outcome.code == 1 && outcome.errors.contains("APEX_TRADIER_KEY is not set on this worker"),
            "\(outcome.errors)")
        #expect(server.requests.isEmpty)
    }

    @Test func `a schedule ingests from files into the coordinator's own store, the second time nothing`() throws {
        let folder = TemporaryFolder("ingest")
        let state = folder.path + "/state"
        // New York's date, as the command counts.
        let now = Date().timeIntervalSince1970
        let today = Int((now + Double(EmulatedMarket.offsetSeconds(day: Int(now / 86_400)))) / 86_400)
        var csv = "symbol,date,open,high,low,close,volume\n"
        for day in today - 40...today - 2 where EmulatedMarket.isSession(day: day) {
            csv += "AAA,\(EmulatedMarket.text(day: day)),10,11,9,10.5,1000\n"
        }
        try csv.write(toFile: folder.path + "/bars.csv", atomically: true, encoding: .utf8)
        try "AAA\n".write(toFile: folder.path + "/symbols.txt", atomically: true, encoding: .utf8)
        let words = "[ingest, --symbols, \"\(folder.path)/symbols.txt\", --days, \"30\", --providers, files]"
        // On no day of the week that the test can meet: it is run by hand.
        try "schedules:\n  fresh:\n    weekly: sunday 03:33\n    run: \(words)\n".write(
            toFile: folder.path + "/cluster.yaml", atomically: true, encoding: .utf8)
        let up = try Programs.Running(
            "apex", ["up", "--state", state, "--workers", "1", "--config", folder.path + "/cluster.yaml"],
            environment: ["APEX_FILES_PATH": folder.path + "/bars.csv"])
        defer { up.send(SIGTERM) }
        func stored() -> Int {
            let store = try? BarStore(path: state + "/bars.sqlite", access: .read)
            return (try? store?.bars(SeriesKey(symbol: "AAA", feed: "files")).count) ?? 0
        }
        #expect(
            Programs.eventually {
                (try? Programs.run("apex", ["schedule", "run", "fresh", "--state", state]))?.code == 0
                    || !up.process.isRunning
            }, "\(up.errors)")
        let wanted = (today - 30...today - 2).count { EmulatedMarket.isSession(day: $0) }
        #expect(Programs.eventually { stored() == wanted }, "\(stored()) of \(wanted)")
        let again = try Programs.run(
            "apex",
            [
                "submit", "ingest", "--symbols", folder.path + "/symbols.txt", "--days", "30", "--providers", "files",
                "--wait", "--state", state,
            ])
        #expect(again.code == 0 && again.output.contains("0 of 0 symbols in 0 calls"), "\(again.output)\(again.errors)")
    }
}
