import Analysis
import Samplers
import Testing

private func expect(_ found: [Importance], are wanted: [String: Double], _ what: String) {
    #expect(found.map(\.name).sorted() == wanted.keys.sorted())
    for importance in found {
        let share = wanted[importance.name] ?? .nan
        #expect(abs(importance.share - share) <= 1e-9, "\(what) \(importance.name): \(importance.share), not \(share)")
    }
    for (one, next) in zip(found, found.dropFirst()) { #expect(one.share >= next.share) }
}

@Test(arguments: GoldenStudy.all)
func `importances are Optuna 5's to nine digits`(study: GoldenStudy) throws {
    for (objective, direction) in study.directions.enumerated() {
        expect(
            Importance.all(of: study.trials, objective: objective, direction: direction),
            are: study.importances[objective], "objective \(objective)")
    }
    guard study.directions.count > 1 else {
        #expect(
            Importance.all(of: study.trials, directions: study.directions)
                == Importance.all(of: study.trials, direction: study.directions[0]))
        return
    }
    expect(
        Importance.all(of: study.trials, directions: study.directions),
        are: try #require(study.importances.dropFirst(study.directions.count).first), "all objectives")
}

@Test func `importances do not depend on the order of trials`() throws {
    let study = try #require(GoldenStudy.all.first { $0.name == "tree" })
    #expect(
        Importance.all(of: study.trials.reversed(), direction: .minimize)
            == Importance.all(of: study.trials, direction: .minimize))
}

@Test func `a study without trials has no importances`() {
    #expect(Importance.all(of: [], direction: .minimize) == [])
}
