import Configuration
import CoordinatorCore
import Messages
import Planners

extension Coordinator.Settings {
    /// Takes over what `cluster.yaml` says of the coordinator. Where its state is, the caller has decided.
    package mutating func apply(_ settings: Configuration) {
        limits.silence = Milliseconds(settings.coordinator.silenceLimitSeconds) * 1000
        limits.readoption = limits.silence
        limits.heartbeat = Milliseconds(settings.coordinator.heartbeatSeconds) * 1000
        limits.crashes = UInt32(settings.coordinator.crashLimit)
        limits.queuedMinimum = Milliseconds(settings.tasks.queuedMilliseconds.lowerBound)
        limits.queuedMaximum = Milliseconds(settings.tasks.queuedMilliseconds.upperBound)
        if !settings.tasks.speculation { limits.speculated = [] }
        reusesResults = settings.tasks.reuse
        hedging =
            switch settings.ingest.hedge {
            case .off: .never
            case .after(let milliseconds): .after(UInt64(milliseconds))
            case .percentile(let percent): .percentile(percent)
            }
        batchMessages = settings.coordinator.commitBatch
        logLevel = settings.logLevel
        if metricsPort == nil { metricsPort = settings.coordinator.metricsPort.map { UInt16(clamping: $0) } }
        if let keys = settings.coordinator.keys { folder.keys = keys }
        listen += settings.coordinator.listen
    }
}
