import Configuration
import CoordinatorCore
import Messages

extension Coordinator.Settings {
    /// Takes over what `cluster.yaml` says of the coordinator.
    /// - Parameter file: nil keeps the defaults.
    package mutating func apply(configuration file: String?) throws(ConfigurationError) {
        guard let file else { return }
        let settings = try Configuration(readingFrom: file)
        limits.silence = Milliseconds(settings.coordinator.silenceLimitSeconds) * 1000
        limits.readoption = limits.silence
        limits.heartbeat = Milliseconds(settings.coordinator.heartbeatSeconds) * 1000
        limits.crashes = UInt32(settings.coordinator.crashLimit)
        limits.queuedMinimum = Milliseconds(settings.tasks.queuedMilliseconds.lowerBound)
        limits.queuedMaximum = Milliseconds(settings.tasks.queuedMilliseconds.upperBound)
        listen += settings.coordinator.listen
    }
}
