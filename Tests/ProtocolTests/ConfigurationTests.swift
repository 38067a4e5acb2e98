import Configuration
import Foundation
import TestSupport
import Testing

struct ConfigurationTests {
    private func parse(_ text: String) throws(ConfigurationError) -> Configuration {
        try Configuration(yaml: Array(text.utf8))
    }
    private var root: String {
        URL(fileURLWithPath: #filePath).pathComponents.dropLast(3).joined(separator: "/") + "/cluster.yaml"
    }

    @Test func `the file at the root says what holds without it`() throws {
        #expect(try Configuration(readingFrom: root) == Configuration())
        // It names every setting, so that nobody has to look for one elsewhere.
        let text = try String(contentsOfFile: root, encoding: .utf8)
        for name in Configuration.settingNames {
            let key = name.split(separator: ".")[1]
            #expect(text.contains(" \(key): "), "cluster.yaml does not mention \(name)")
        }
    }

    @Test(arguments: ["", "\n\n", "# nothing\n", "---\n", "coordinator:\n", "---\n...\n", "~\n"])
    func `an empty file is the defaults`(
        text: String
    ) throws {
        #expect(try parse(text) == Configuration())
    }

    @Test func `every setting is taken over`() throws {
        let configuration = try parse(
            """
            coordinator:
              listen: ["tcp://127.0.0.1:7700", "tcp://*:7701"]
              state: /var/lib/apex
              keys: /etc/apex
              silence_limit_seconds: 20
              heartbeat_seconds: 2
              crash_limit: 5
              commit_batch: 10
              metrics_port: 9117
            worker: {slots: 4, blob_cache_megabytes: 64, drain_seconds: 0, user: task, environment: [A_B, C1], hide_keys: off}
            tasks:
              queued_milliseconds: 20..500
              speculation: off
              reuse: off
            ingest: {hedge: p95}
            retention: {png_days: 7, tensor_days: 8, dataset_days: 9}
            weekend:
              cycles: 10
              batch: 4
              universe: 50
              window: 60
              budget: 1h30m
              seed: 18
              keep: 7
            groups:
              sizes: 2..6
            log:
              level: warning
            """)
        var expected = Configuration()
        expected.coordinator.listen = ["tcp://127.0.0.1:7700", "tcp://*:7701"]
        expected.coordinator.state = "/var/lib/apex"
        expected.coordinator.keys = "/etc/apex"
        expected.coordinator.silenceLimitSeconds = 20
        expected.coordinator.heartbeatSeconds = 2
        expected.coordinator.crashLimit = 5
        expected.coordinator.commitBatch = 10
        expected.coordinator.metricsPort = 9117
        expected.worker.user = "task"
        expected.worker.environment = ["A_B", "C1"]
        expected.worker.hidesKeys = false
        expected.worker.slots = 4
        expected.worker.blobCacheMegabytes = 64
        expected.worker.drainSeconds = 0
        expected.tasks.queuedMilliseconds = 20...500
        expected.tasks.speculation = false
        expected.tasks.reuse = false
        expected.ingest.hedge = .percentile(95)
        #expect(try parse("ingest: {hedge: 2500ms}").ingest.hedge == .after(milliseconds: 2500))
        expected.retention.pngDays = 7
        expected.retention.tensorDays = 8
        expected.retention.datasetDays = 9
        expected.weekend.cycles = 10
        expected.weekend.batch = 4
        expected.weekend.universe = 50
        expected.weekend.window = 60
        expected.weekend.budgetMilliseconds = 5_400_000
        expected.weekend.seed = 18
        expected.weekend.keep = 7
        expected.groups.sizes = [2, 3, 4, 5, 6]
        expected.logLevel = .warning
        #expect(configuration == expected)
        // Each of them differs from its default, or the comparison above proves nothing.
        #expect(Configuration.settingNames.count == 30)
    }

    /// A file, and all of what is said about it.
    static let mistakes: [(text: String, message: String)] = [
        (
            "coordinator:\n  silence_limit_seconds: -3\n",
            "cluster.yaml:2: silence_limit_seconds is -3; give a whole number above 0, at most 86400."
        ),
        (
            "coordinator:\n  silence_limit_second: 3\n",
            "cluster.yaml:2: there is no setting silence_limit_second; did you mean silence_limit_seconds?"
        ),
        ("\ncordinator: {}\n", "cluster.yaml:2: there is no setting cordinator; did you mean coordinator?"),
        (
            "groups:\n  zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz: 1\n",
            "cluster.yaml:2: there is no setting zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz…; here are sizes."
        ),
        (
            "worker:\n  slots: 1\n  slots: 2\n",
            "cluster.yaml:3: slots was already given in line 2; keep one of the two."
        ),
        (
            "worker:\n  slots: many\n",
            "cluster.yaml:2: slots is many; give a whole number above 0, at most 4096, or auto."
        ),
        (
            "worker:\n  slots: 1.5\n",
            "cluster.yaml:2: slots is 1.5; give a whole number above 0, at most 4096, or auto."
        ),
        (
            "worker:\n  slots: [1]\n",
            "cluster.yaml:2: slots is a list; give a whole number above 0, at most 4096, or auto."
        ),
        (
            "worker:\n  drain_seconds:\n",
            "cluster.yaml:2: drain_seconds has no value; give a whole number from 0 to 86400, or remove the line."
        ),
        (
            "coordinator:\n  listen: tcp://127.0.0.1:1\n",
            "cluster.yaml:2: listen is tcp://127.0.0.1:1; give a list of at most 16 addresses, such as [\"tcp://127.0.0.1:7117\"]."
        ),
        (
            "coordinator:\n  listen:\n    - tcp://127.0.0.1:7700\n    - tcp://127.0.0.1\n",
            "cluster.yaml:4: listen names tcp://127.0.0.1; give each address once, as tcp://HOST:PORT."
        ),
        (
            "coordinator:\n  listen: [\"tcp://a:70000\"]\n",
            "cluster.yaml:2: listen names tcp://a:70000; give each address once, as tcp://HOST:PORT."
        ),
        (
            "coordinator:\n  heartbeat_seconds: 6\n",
            "cluster.yaml:2: silence_limit_seconds is 4 with heartbeat_seconds 6; give more than twice the heartbeat."
        ),
        (
            "tasks:\n  queued_milliseconds: 2000..50\n",
            "cluster.yaml:2: queued_milliseconds is 2000..50; give two numbers above 0, at most 600000, such as 50..2000."
        ),
        ("weekend:\n  budget: 24\n", "cluster.yaml:2: budget is 24; give a duration such as 24h, 90s or 500ms."),
        ("weekend:\n  budget: 0s\n", "cluster.yaml:2: budget is 0s; give at least 1s."),
        ("weekend:\n  budget: {}\n", "cluster.yaml:2: budget is a mapping; give a duration such as 24h, 90s or 500ms."),
        (
            "groups:\n  sizes: [4, 3]\n",
            "cluster.yaml:2: sizes is a list; give sizes from 2 to 10, ascending, such as [3, 4] or 2..6."
        ),
        (
            "groups:\n  sizes: 2..9223372036854775807\n",
            "cluster.yaml:2: sizes is 2..9223372036854775807; give sizes from 2 to 10, ascending, such as [3, 4] or 2..6."
        ),
        (
            "ingest:\n  hedge: p100\n",
            "cluster.yaml:2: hedge is p100; give off, a time from 100ms to 60s, or a percentile from p50 to p99 such as p95."
        ),
        ("log:\n  level: loud\n", "cluster.yaml:2: level is loud; give info, warning, error."),
        ("hello\n", "cluster.yaml:1: the file is hello; give lines of the form `name: value`."),
        ("- a\n", "cluster.yaml:1: the file is a list; give lines of the form `name: value`."),
        ("worker: 3\n", "cluster.yaml:1: worker is 3; give lines of the form `name: value`."),
        ("worker:\n\tslots: 3\n", "cluster.yaml:2: the line is indented with a tab; use spaces."),
        (
            "worker: &w\n  slots: 3\n", "cluster.yaml:1: an anchor (`&name`); write the value out where it is wanted."
        ),
        ("worker: *w\n", "cluster.yaml:1: an alias (`*name`); write the value out."),
        ("worker: !!map {}\n", "cluster.yaml:1: a tag (`!name`); give the plain value."),
        (
            "worker: {}\n---\nlog: {}\n",
            "cluster.yaml:1: the file holds more than one document; keep one and remove the `---` between them."
        ),
        ("? [a]\n: 1\n", "cluster.yaml:1: a key is a list or a mapping; give a name."),
        (
            "worker: \(String(repeating: "[", count: 20000))\n",
            "cluster.yaml:1: more than 8 levels of lists and mappings inside each other."
        ),
        ("#\(String(repeating: "x", count: 70000))", "cluster.yaml:1: the file has 70001 bytes; 65536 are the most."),
    ]

    @Test(arguments: mistakes) func `a mistake is named with its line and what would be right`(
        text: String, message: String
    ) {
        #expect(throws: ConfigurationError(message)) { try parse(text) }
    }

    @Test func `what is no YAML is refused with its line`() {
        let error = #expect(throws: ConfigurationError.self) { try parse("worker:\n  slots: [1\nlog: {}\n") }
        #expect(error?.description.hasPrefix("cluster.yaml:3: this is no YAML: ") == true)
    }

    @Test func `a file that is not UTF-8 is refused with its line`() {
        #expect(throws: ConfigurationError("cluster.yaml:2: the line is not UTF-8; save the file as UTF-8.")) {
            try Configuration(yaml: Array("worker:\n  slots: ".utf8) + [0xFF, 0xFE, 0x0A])
        }
        // UTF-16 with its byte order mark.
        #expect(throws: ConfigurationError.self) { try Configuration(yaml: [0xFF, 0xFE, 0x61, 0x00]) }
    }

    @Test func `a missing file is named`() {
        #expect(
            throws: ConfigurationError(
                "/nowhere.yaml: the file cannot be read; give the path of a cluster.yaml with --config")
        ) { try Configuration(readingFrom: "/nowhere.yaml") }
    }

    @Test(arguments: seeds(30)) func `no file, however damaged, does more than throw`(seed: UInt64) throws {
        var generator = SplitMix(seed: seed)
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: root)))
        let alphabet = Array("{}[]:,-?&*!|>'\"%@`#\n\t \\0a~".utf8) + [0, 0x80, 0xC3, 0xFF]
        for _ in 0..<50 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...20, using: &generator) {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: bytes[at] = alphabet.randomElement(using: &generator)!
                case 1: bytes.insert(alphabet.randomElement(using: &generator)!, at: at)
                default: bytes.removeSubrange(at..<min(bytes.count, at + 10))
                }
            }
            do throws(ConfigurationError) { _ = try Configuration(yaml: bytes) } catch {
                #expect(error.description.hasPrefix("cluster.yaml:"))
            }
        }
    }
}
