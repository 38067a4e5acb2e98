import Foundation
import Messages

/// Everything cluster.yaml sets, with the values that hold where it says nothing.
package struct Configuration: Sendable, Equatable {
    package struct Coordinator: Sendable, Equatable {
        /// `tcp://HOST:PORT` for workers and clients on other machines; none by default.
        package var listen: [String] = []
        /// The state folder; nil: `--state`, `$APEX_STATE`, or the user's own.
        package var state: String?
        /// The folder of keys; nil: `keys` in the state folder.
        package var keys: String?
        package var silenceLimitSeconds = 4
        package var heartbeatSeconds = 1
        /// A task that was running when so many workers died is parked.
        package var crashLimit = 3
        /// Messages handled in one batch, and so stored in one transaction, at most.
        package var commitBatch = 1000
        /// Where metrics are on 127.0.0.1; nil: nowhere.
        package var metricsPort: Int?
    }
    package struct Worker: Sendable, Equatable {
        /// Tasks at once; nil: one for each core, and one for each local worker of `apex up`.
        package var slots: Int?
        package var blobCacheMegabytes = 1024
        /// How long a worker told to stop lets its tasks finish.
        package var drainSeconds = 5
        /// Whose rights programs of `command` tasks have; nil: the worker's own.
        package var user: String?
        /// Settings of the worker's environment that those programs get besides the usual ones.
        package var environment: [String] = []
        /// Those programs see folders of keys empty.
        package var hidesKeys = true
    }
    package struct Tasks: Sendable, Equatable {
        /// So much work a worker has queued, at least and at most.
        package var queuedMilliseconds = 50...2000
        /// A task that takes far longer than others of its kind may run on a second worker too.
        package var speculation = true
        /// A task that was computed before is answered from the store.
        package var reuse = true
    }
    package struct Ingest: Sendable, Equatable {
        /// When a call that is late is made of the next provider too.
        package enum Hedge: Sendable, Equatable {
            case off
            /// After so long.
            case after(milliseconds: Int)
            /// After longer than so many percent of the provider's latest calls took.
            case percentile(Int)
        }
        package var hedge = Hedge.off
    }
    package struct Weekend: Sendable, Equatable {
        package var cycles = 200
        package var batch = 8
        /// Tickers.
        package var universe = 1000
        /// Bars in one of the five windows.
        package var window = 31
        package var budgetMilliseconds = 24 * 3_600_000
        package var seed: UInt64 = 1
        /// Groups kept per size.
        package var keep = 1000
    }
    package struct Groups: Sendable, Equatable {
        /// Ascending.
        package var sizes = [3, 4]
    }
    package struct Retention: Sendable, Equatable {
        /// Pictures, shards of images, labels and training sets.
        package var pngDays = 30, tensorDays = 180, datasetDays = 365
    }
    enum Switch: String, CaseIterable, Comparable {
        case off, on
        static func < (a: Switch, b: Switch) -> Bool { a == .off && b == .on }
    }
    package enum LogLevel: String, Sendable, CaseIterable, Comparable {
        case info, warning, error
        package static func < (a: LogLevel, b: LogLevel) -> Bool {
            allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
        }
    }

    package var coordinator = Coordinator()
    package var worker = Worker()
    package var tasks = Tasks()
    package var ingest = Ingest()
    package var weekend = Weekend()
    package var groups = Groups()
    package var retention = Retention()
    package var logLevel = LogLevel.info
    /// In the order of the file.
    package var schedules: [ScheduleEntry] = []

    /// The defaults.
    package init() {}

    /// Reads a file. Every setting it leaves out keeps its default.
    package init(readingFrom path: String) throws(ConfigurationError) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError("\(path): the file cannot be read; give the path of a cluster.yaml with --config")
        }
        try self.init(yaml: [UInt8](data), file: URL(fileURLWithPath: path).lastPathComponent)
    }

    /// - Parameter file: the name that errors begin with.
    package init(yaml: [UInt8], file: String = "cluster.yaml") throws(ConfigurationError) {
        self.init()
        let document: YAML?
        do throws(YAMLError) { document = try YAML.parse(yaml) } catch {
            throw ConfigurationError("\(file):\(error.line): \(error.message).")
        }
        guard let document else { return }
        try read(document, file: file)
    }
}

/// What is wrong in a configuration: file, line, setting, value, and what would be right.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}
