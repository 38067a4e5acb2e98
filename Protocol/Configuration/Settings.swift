import Messages

extension Configuration {
    /// One setting: its name in its section, and how its value is taken over. Throws `ConfigurationError` only; the
    /// compiler does not yet infer that of a closure.
    private typealias Setting = (name: String, read: @Sendable (Value, inout Configuration) throws -> Void)

    /// Every setting there is, in the order of cluster.yaml. To add one, add a line here and there, and a default.
    private static let sections: [(name: String, settings: [Setting])] = [
        (
            "coordinator",
            [
                ("listen", { $1.coordinator.listen = try $0.addresses() }),
                ("state", { $1.coordinator.state = try $0.text("a folder") }),
                ("keys", { $1.coordinator.keys = try $0.text("a folder") }),
                ("silence_limit_seconds", { $1.coordinator.silenceLimitSeconds = try $0.integer(1...86_400) }),
                ("heartbeat_seconds", { $1.coordinator.heartbeatSeconds = try $0.integer(1...3600) }),
                ("crash_limit", { $1.coordinator.crashLimit = try $0.integer(1...100) }),
                ("commit_batch", { $1.coordinator.commitBatch = try $0.integer(1...100_000) }),
                (
                    "metrics_port",
                    { $1.coordinator.metricsPort = $0.is("off") ? nil : try $0.integer(1...65_535, or: "off") }
                ),
            ]
        ),
        (
            "worker",
            [
                ("slots", { $1.worker.slots = $0.is("auto") ? nil : try $0.integer(1...4096, or: "auto") }),
                ("blob_cache_megabytes", { $1.worker.blobCacheMegabytes = try $0.integer(16...16_777_216) }),
                ("drain_seconds", { $1.worker.drainSeconds = try $0.integer(0...86_400) }),
                ("user", { $1.worker.user = try $0.text("a user of this machine") }),
                ("environment", { $1.worker.environment = try $0.names("[CUDA_HOME, DATA_DIR]") }),
                ("hide_keys", { $1.worker.hidesKeys = try $0.choice(Configuration.Switch.self) == .on }),
            ]
        ),
        (
            "tasks",
            [
                (
                    "queued_milliseconds",
                    { $1.tasks.queuedMilliseconds = try $0.range(1...600_000, example: "50..2000") }
                ),
                ("speculation", { $1.tasks.speculation = try $0.choice(Configuration.Switch.self) == .on }),
                ("reuse", { $1.tasks.reuse = try $0.choice(Configuration.Switch.self) == .on }),
            ]
        ),
        ("ingest", [("hedge", { $1.ingest.hedge = try $0.hedge() })]),
        (
            "weekend",
            [
                ("cycles", { $1.weekend.cycles = try $0.integer(1...1_000_000) }),
                ("batch", { $1.weekend.batch = try $0.integer(1...1000) }),
                ("universe", { $1.weekend.universe = try $0.integer(1...65_535) }),
                ("window", { $1.weekend.window = try $0.integer(31...120) }),
                ("budget", { $1.weekend.budgetMilliseconds = try $0.duration() }),
                ("seed", { $1.weekend.seed = UInt64(try $0.integer(0...Int.max)) }),
                ("keep", { $1.weekend.keep = try $0.integer(1...1_000_000) }),
            ]
        ),
        ("groups", [("sizes", { $1.groups.sizes = try $0.sizes() })]),
        (
            "retention",
            [
                ("png_days", { $1.retention.pngDays = try $0.integer(0...100_000) }),
                ("tensor_days", { $1.retention.tensorDays = try $0.integer(0...100_000) }),
                ("dataset_days", { $1.retention.datasetDays = try $0.integer(0...100_000) }),
            ]
        ),
        ("log", [("level", { $1.logLevel = try $0.choice(LogLevel.self) })]),
    ]

    /// Every setting's name, `section.name`.
    package static var settingNames: [String] { sections.flatMap { s in s.settings.map { "\(s.name).\($0.name)" } } }

    mutating func read(_ document: YAML, file: String) throws(ConfigurationError) {
        var lines: [String: Int] = [:]
        for pair in try mapping(document, what: "the file", file) {
            if pair.key == "schedules" {
                schedules = try Self.schedules(pair.value, file: file)
                continue
            }
            guard let section = Self.sections.first(where: { $0.name == pair.key }) else {
                throw Self.unknown(pair, among: Self.sections.map(\.name) + ["schedules"], file)
            }
            if pair.value.isEmpty { continue }  // a section whose lines are all comments
            for pair in try mapping(pair.value, what: pair.key, file) {
                guard let setting = section.settings.first(where: { $0.name == pair.key }) else {
                    throw Self.unknown(pair, among: section.settings.map(\.name), file)
                }
                let value = Value(key: pair.key, yaml: pair.value, line: pair.line, file: file)
                do { try setting.read(value, &self) } catch {
                    throw error as? ConfigurationError ?? ConfigurationError("\(file):\(pair.line): \(error)")
                }
                lines[pair.key] = pair.line
            }
        }
        guard coordinator.silenceLimitSeconds > 2 * coordinator.heartbeatSeconds else {
            let line = lines["silence_limit_seconds"] ?? lines["heartbeat_seconds"] ?? 1
            throw ConfigurationError(
                "\(file):\(line): silence_limit_seconds is \(coordinator.silenceLimitSeconds) with heartbeat_seconds "
                    + "\(coordinator.heartbeatSeconds); give more than twice the heartbeat.")
        }
    }

    private func mapping(_ yaml: YAML, what: String, _ file: String) throws(ConfigurationError) -> [YAML.Pair] {
        guard case .mapping(let pairs, _) = yaml else {
            throw ConfigurationError(
                "\(file):\(yaml.line): \(what) is \(yaml.words); give lines of the form `name: value`.")
        }
        return pairs
    }

    private static func unknown(_ pair: YAML.Pair, among names: [String], _ file: String) -> ConfigurationError {
        let nearest = names.map { (name: $0, distance: distance($0, pair.key)) }.min { $0.distance < $1.distance }
        let key = Value.shortened(pair.key)
        if let nearest, nearest.distance <= max(2, nearest.name.count / 3) {
            return ConfigurationError("\(file):\(pair.line): there is no setting \(key); did you mean \(nearest.name)?")
        }
        return ConfigurationError(
            "\(file):\(pair.line): there is no setting \(key); here are \(names.joined(separator: ", ")).")
    }

    /// How many letters to insert, remove or change to turn one name into the other.
    private static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8), Array(b.utf8.prefix(64)))
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in b.indices {
                let change = diagonal + (letter == b[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(change, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
