import Foundation
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// One family as a scraper understands it.
private struct Family {
    var type = "", help = ""
    var samples: [(name: String, labels: [String: String], value: Double)] = []
}
private struct BadPage: Error { var line: String }

/// Reads Prometheus' text format as strictly as its specification allows: each family once, its help and type before its
/// samples, no sample twice, counters that end in `_total`, histograms whole and rising.
private func parse(_ text: String) throws -> [String: Family] {
    guard text.hasSuffix("\n") else { throw BadPage(line: "the last line has no end") }
    var families: [String: Family] = [:]
    var current = ""
    var seen: Set<String> = []
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
        if let match = try #/# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)/#.wholeMatch(in: line) {
            let name = String(match.2)
            if match.1 == "HELP" {
                guard families[name] == nil else { throw BadPage(line: line) }
                families[name] = Family(help: String(match.3))
                current = name
            } else {
                guard name == current, families[name]?.type == "", ["counter", "gauge", "histogram"].contains(match.3)
                else { throw BadPage(line: line) }
                families[name]?.type = String(match.3)
            }
            continue
        }
        let form = #/([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)/#
        guard let match = try form.wholeMatch(in: line), let family = families[current], !family.type.isEmpty,
            let value = match.3 == "+Inf" ? Double.infinity : Double(match.3)
        else { throw BadPage(line: line) }
        let name = String(match.1)
        let suffixes = family.type == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard suffixes.contains(where: { name == current + $0 }), seen.insert("\(name){\(match.2 ?? "")}").inserted
        else { throw BadPage(line: line) }
        var labels: [String: String] = [:]
        for label in (match.2 ?? "").matches(of: #/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/#) {
            guard labels.updateValue(String(label.2), forKey: String(label.1)) == nil else { throw BadPage(line: line) }
        }
        families[current]?.samples.append((name, labels, value))
    }
    for (name, family) in families {
        if family.type == "counter", !name.hasSuffix("_total") { throw BadPage(line: "\(name) is a counter") }
        if family.type != "counter", name.hasSuffix("_total") { throw BadPage(line: "\(name) is a \(family.type)") }
        if ["milliseconds", "kilobytes", "megabytes", "minutes"].contains(where: { name.contains($0) }) {
            throw BadPage(line: "\(name) is not in base units")
        }
        if family.type == "histogram" { try check(name, family) }
    }
    return families
}

private func check(_ name: String, _ family: Family) throws {
    func series(_ suffix: String) -> [[String: String]: [(bound: String?, value: Double)]] {
        Dictionary(grouping: family.samples.filter { $0.name == name + suffix }) {
            $0.labels.filter { $0.key != "le" }
        }.mapValues { $0.map { ($0.labels["le"], $0.value) } }
    }
    let counts = series("_count")
    for (labels, buckets) in series("_bucket") {
        let bounds = buckets.map { $0.bound == "+Inf" ? .infinity : Double($0.bound ?? "") ?? .nan }
        guard zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 }), bounds.last == .infinity,
            zip(buckets, buckets.dropFirst()).allSatisfy({ $0.value <= $1.value }),
            counts[labels]?.first?.value == buckets.last?.value, series("_sum")[labels]?.count == 1
        else { throw BadPage(line: "\(name)\(labels)") }
    }
}

/// A scraped page for other tests, read as strictly.
enum MetricPageReader {
    static func families(_ url: String) throws -> [String: [(name: String, labels: [String: String], value: Double)]] {
        let text = try Programs.run(
            "/usr/bin/env",
            [
                "python3", "-c",
                "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode(), end='')",
                url,
            ]
        ).output
        return try parse(text).mapValues(\.samples)
    }
}

struct MetricTests {
    private func get(_ url: String, host: String? = nil, method: String = "GET") throws -> (status: Int, text: String) {
        let outcome = try Programs.run(
            "/usr/bin/env",
            [
                "python3", "-c",
                """
                import sys, urllib.request, urllib.error
                request = urllib.request.Request(sys.argv[1], method=sys.argv[2])
                if sys.argv[3]: request.add_header("Host", sys.argv[3])
                try: answer = urllib.request.urlopen(request, timeout=10)
                except urllib.error.HTTPError as error: answer = error
                print(answer.status); sys.stdout.write(answer.headers["Content-Type"] + "\\n" + answer.read().decode())
                """, url, method, host ?? "",
            ])
        let parts = outcome.output.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let status = Int(parts[0]) else { throw BadPage(line: outcome.errors) }
        if url.hasSuffix("/metrics"), status == 200 {
            #expect(parts[1] == "text/plain; version=0.0.4; charset=utf-8")
        }
        return (status, String(parts[2]))
    }

    @Test func `a scrape tells queues, claims, latencies, workers and stores, by Prometheus' own rules`() throws {
        let folder = TemporaryFolder("metrics")
        let state = folder.path + "/s"
        let cluster = try Programs.Running("apex", ["up", "--state", state, "--workers", "2", "--metrics", "0"])
        defer {
            cluster.send(SIGTERM)
            _ = cluster.wait()
        }
        #expect(Programs.eventually { cluster.errors.contains("ready") }, "\(cluster.errors)")
        func submit(_ words: [String]) throws {
            let outcome = try Programs.run("apex", ["submit", words[0], "--state", state] + words.dropFirst())
            #expect([0, 1].contains(outcome.code), "\(outcome.errors)")
        }
        try submit(["noop", "--count", "500", "--wait"])
        try submit([
            "command", "--count", "3", "--wait", "--name", "odd \"name\"\\", "--", "sh", "-c", "test {index} != 1",
        ])
        try submit(["command", "--count", "2", "--", "sleep", "60"])
        let log = try String(contentsOfFile: state + "/log.jsonl", encoding: .utf8)
        let at = try #require(log.firstMatch(of: #/http:\/\/127\.0\.0\.1:(\d+)\/metrics/#))
        let base = "http://127.0.0.1:\(at.1)"
        #expect(try get(base + "/healthz").text == "ok\n")
        var families: [String: Family] = [:]
        func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
            let family = name.replacing(#/_(bucket|sum|count)$/#, with: "")
            return (families[name] ?? families[family])?.samples.first { sample in
                sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
            }?.value
        }
        // Of pages that are a second old at most.
        let isTold = Programs.eventually(within: 10) {
            families = (try? parse(get(base + "/metrics").text)) ?? families
            return value("apex_tasks", ["kind": "command", "state": "running"]) == 2
        }
        let page = try get(base + "/metrics")
        families = try parse(page.text)
        #expect(isTold, "\(page.text)")
        #expect(value("apex_tasks", ["kind": "noop", "state": "done"]) == 500)
        #expect(value("apex_tasks", ["kind": "command", "state": "failed"]) == 1)
        #expect(value("apex_tasks_parked_total", ["kind": "command"]) == 1)
        #expect(value("apex_jobs", ["kind": "command", "state": "running"]) == 1)
        #expect(value("apex_claims_total") ?? 0 >= 505)
        #expect(value("apex_task_seconds_count", ["kind": "noop"]) == 500)
        #expect(value("apex_job_start_seconds_count") == 3)
        #expect(value("apex_commit_seconds_count") ?? 0 > 3)
        #expect(value("apex_workers") == 2 && value("apex_worker_slots", ["worker": "local-2"]) == 1)
        #expect(value("apex_worker_memory_bytes", ["worker": "local-1"]) ?? 0 > 1e8)
        #expect(value("apex_store_bytes", ["store": "state"]) ?? 0 > 1000)
        #expect(value("process_resident_memory_bytes") ?? 0 > 1e6)
        // Only this machine's own names are answered: a web page cannot read them by a name that leads here.
        #expect(try get(base + "/metrics", host: "evil.example").status == 403)
        #expect(try get(base + "/metrics", host: "localhost:9117").status == 200)
        #expect(try get(base + "/elsewhere").status == 404)
        #expect(try get(base + "/metrics", method: "POST").status == 405)
    }

    @Test func `a coordinator that is stuck is not healthy, and nobody waits for it long`() throws {
        let folder = TemporaryFolder("metrics")
        let coordinator = try Programs.Running(
            "apex", ["coordinator", "--state", folder.path + "/s", "--metrics", "0"])
        #expect(
            Programs.eventually {
                coordinator.errors.contains("metrics_served") && coordinator.errors.contains("listening")
            })
        let at = try #require(coordinator.errors.firstMatch(of: #/http:\/\/127\.0\.0\.1:(\d+)\/metrics/#))
        #expect(try get("http://127.0.0.1:\(at.1)/healthz").status == 200)
        // Its own thread stops, the one that serves goes on.
        let thread = coordinator.process.processIdentifier
        let lock = try Programs.Running(
            "/usr/bin/env",
            [
                "python3", "-c",
                """
                import sqlite3, sys, time
                db = sqlite3.connect(sys.argv[1]); db.execute("BEGIN IMMEDIATE"); print("held", flush=True); time.sleep(60)
                """, folder.path + "/s/state.sqlite",
            ])
        #expect(Programs.eventually { lock.output.contains("held") })
        _ = thread
        // The next commit waits for the lock.
        let submit = try Programs.Running(
            "apex", ["submit", "noop", "--count", "1", "--state", folder.path + "/s"])
        #expect(Programs.eventually(within: 10) { (try? get("http://127.0.0.1:\(at.1)/healthz").status) == 503 })
        lock.send(SIGKILL)
        _ = lock.wait()
        _ = submit.wait()
        coordinator.send(SIGTERM)
        _ = coordinator.wait()
    }
}
