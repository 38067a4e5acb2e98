/// Metrics in Prometheus' text format, version 0.0.4.
///
/// Source: Prometheus, *Exposition formats*; names and units by its *Metric and label naming*: base units (seconds,
/// bytes), `_total` for what only rises.
package struct MetricText: Sendable {
    package private(set) var text = ""
    /// Each family once, with all its series.
    private var families: Set<String> = []
    package init() {}

    package enum Kind: String, Sendable { case counter, gauge, histogram }
    package typealias Labels = KeyValuePairs<String, String>

    /// - Parameter series: labels and value of each; a family without series is left out.
    package mutating func family(
        _ name: String, _ kind: Kind, _ help: String, _ series: [(labels: Labels, value: Double)]
    ) {
        guard !series.isEmpty else { return }
        head(name, kind, help)
        for (labels, value) in series { sample(name, labels, nil, value) }
    }
    package mutating func gauge(_ name: String, _ help: String, _ value: Double) {
        family(name, .gauge, help, [([:], value)])
    }
    package mutating func counter(_ name: String, _ help: String, _ value: Double) {
        precondition(name.hasSuffix("_total"), "what only rises is a total")
        family(name, .counter, help, [([:], value)])
    }
    package mutating func histogram(_ name: String, _ help: String, _ series: [(labels: Labels, values: Histogram)]) {
        guard !series.isEmpty else { return }
        head(name, .histogram, help)
        for (labels, values) in series {
            var sum: UInt64 = 0
            for (bound, count) in zip(Histogram.bounds, values.counts) {
                sum += count
                sample(name + "_bucket", labels, Self.number(bound), Double(sum))
            }
            sample(name + "_bucket", labels, "+Inf", Double(values.count))
            sample(name + "_sum", labels, nil, values.seconds)
            sample(name + "_count", labels, nil, Double(values.count))
        }
    }

    private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
        precondition(families.insert(name).inserted, "\(name) is there already")
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    }
    private mutating func sample(_ name: String, _ labels: Labels, _ bound: String?, _ value: Double) {
        text += name
        if !labels.isEmpty || bound != nil {
            var parts = labels.map { "\($0.key)=\"\(Self.escaped($0.value, quotes: true))\"" }
            if let bound { parts.append("le=\"\(bound)\"") }
            text += "{" + parts.joined(separator: ",") + "}"
        }
        text += " \(Self.number(value))\n"
    }

    /// As Go reads it, in no locale; whole numbers without a point.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return "\(Int64(value))" }
        return "\(value)"
    }
    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// How often something took how long, in seconds.
package struct Histogram: Sendable, Equatable {
    /// Upper bounds of the buckets: 1-2.5-5 from 100 µs to ten minutes.
    package static let bounds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
        600,
    ]
    /// In each bucket, those in lower ones not counted.
    package private(set) var counts = [UInt64](repeating: 0, count: bounds.count)
    package private(set) var count: UInt64 = 0
    package private(set) var seconds = 0.0
    package init() {}

    /// - Parameter times: how many took this long each.
    package mutating func add(_ value: Double, times: UInt64 = 1) {
        count += times
        seconds += value * Double(times)
        if let at = Self.bounds.firstIndex(where: { value <= $0 }) { counts[at] += times }
    }
}
