import Jobs

// What an ingest may cost in all, and who is told on the way there.
extension IngestPlanner {
    private var spentUnits: UInt64 { sources.reduce(0) { $0 + desk.spent(job, $1.name) } }
    private var spentMicrodollars: UInt64 {
        sources.reduce(0) { $0 + desk.spent(job, $1.name) * $1.microdollarsPerUnit }
    }

    func ceiling(_ units: UInt32, _ source: Int) -> String? {
        if spec.ceilingUnits > 0, spentUnits + UInt64(units) > spec.ceilingUnits {
            return "the ceiling of \(spec.ceilingUnits) units is reached"
        }
        let cost = UInt64(units) * sources[source].microdollarsPerUnit
        if spec.ceilingMicrodollars > 0, spentMicrodollars + cost > spec.ceilingMicrodollars {
            return "the ceiling of \(Ingest.dollars(spec.ceilingMicrodollars)) is reached"
        }
        return nil
    }

    mutating func alert(_ source: Int, _ step: inout Step<Ingest.Task>) {
        func tell(_ words: String, _ summary: inout Ingest.Summary) {
            summary.alerts.append(words)
            step.publications.append(Ingest.Publication.alert(words).wireBytes)
        }
        if let percent = sources[source].alert(desk.share(sources[source].name, sources[source].limits)) {
            tell("\(sources[source].name): \(percent) % of the day's quota is used", &summary)
        }
        guard spec.ceilingUnits > 0 || spec.ceilingMicrodollars > 0 else { return }
        let shares = [
            spec.ceilingUnits > 0 ? Double(spentUnits) / Double(spec.ceilingUnits) : 0,
            spec.ceilingMicrodollars > 0 ? Double(spentMicrodollars) / Double(spec.ceilingMicrodollars) : 0,
        ]
        let reached = Source.alertShares.count { shares[0] >= $0 || shares[1] >= $0 }
        if reached > ceilingAlerted {
            tell("\(Int(Source.alertShares[reached - 1] * 100)) % of the ceiling is used", &summary)
        }
        ceilingAlerted = max(reached, ceilingAlerted)
    }
}
