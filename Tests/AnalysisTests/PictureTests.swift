import Analysis
import Jobs
import Samplers
import Testing

private func trial(
    _ number: Int, _ values: [Double], _ parameters: [(String, Distribution, Double)] = [],
    state: AnalysisTrial.State = .complete, reports: [(step: Int, value: Double)] = [], violation: Double = 0
) -> AnalysisTrial {
    AnalysisTrial(
        number: number, state: state, values: values,
        parameters: parameters.map { AnalysisTrial.Value(name: $0.0, distribution: $0.1, value: $0.2) },
        reports: reports, violation: violation)
}

@Test func `a history runs the best feasible value along, by number`() {
    let trials = [
        trial(3, [2]), trial(0, [5]), trial(1, [4], violation: 1), trial(2, [6]), trial(4, [.infinity]),
        trial(5, [], state: .failed),
    ]
    let points = history(trials, direction: .minimize)
    #expect(points.map(\.number) == [0, 1, 2, 3])
    #expect(points.map(\.best) == [5, 5, 5, 2])
    #expect(points.map(\.isFeasible) == [true, false, true, true])
    #expect(history(trials, direction: .maximize).map(\.best) == [5, 5, 6, 6])
    #expect(history([trial(0, [1], violation: 2)], direction: .minimize)[0].best == nil)
}

@Test func `an axis places values and finds them again`() throws {
    let log = PlotAxis(name: "lr", low: 1e-5, high: 1e-1, isLog: true)
    #expect(abs(log.position(of: 1e-3) - 0.5) < 1e-12)
    #expect(log.ticks() == [1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
    let linear = PlotAxis(name: "x", low: -3, high: 7)
    #expect(linear.position(of: 2) == 0.5)
    #expect(linear.ticks() == [-2, 0, 2, 4, 6])
    #expect(PlotAxis(name: "x", low: 0.1, high: 0.52).ticks() == [0.1, 0.2, 0.3, 0.4, 0.5])
    #expect(PlotAxis(name: "x", low: 0, high: 0.02).ticks() == [0, 0.005, 0.01, 0.015, 0.02])
    #expect(PlotAxis(name: "x", low: 4, high: 4).position(of: 4) == 0.5)
    #expect(PlotAxis(name: "x", low: 4, high: 4).ticks() == [4])
    let choices = PlotAxis(name: "opt", low: 0, high: 3, choices: 4)
    #expect(choices.ticks() == [0, 1, 2, 3])
    for choice in 0..<4 { #expect(choices.value(at: choices.position(of: Double(choice))) == Double(choice)) }
    for value in [-3, 0.25, 7] {
        #expect(abs(linear.value(at: linear.position(of: value)) - value) < 1e-12)
    }
    #expect(abs(log.value(at: log.position(of: 0.02)) - 0.02) < 1e-12)
    // Ranges that differ between trials are joined; a high between steps is the lower step.
    let moving = [
        trial(0, [1], [("n", .int(low: 2, high: 9, step: 2), 4)]), trial(1, [1], [("n", .int(low: 0, high: 5), 5)]),
    ]
    let axis = try #require(PlotAxis("n", in: moving))
    #expect(axis.low == 0 && axis.high == 8)
    #expect(PlotAxis("m", in: moving) == nil)
    #expect(PlotAxis("values", of: [.nan, .infinity]) == nil)
}

@Test func `parallel coordinates put the objective first and the best last`() throws {
    let range = Distribution.float(low: 0, high: 10)
    let trials = [
        trial(0, [3], [("b", range, 5), ("a", .categorical(choices: 2), 1)]), trial(1, [9], [("b", range, 10)]),
        trial(2, [6], [("b", range, 0), ("a", .categorical(choices: 2), 0)]),
        trial(3, [], [("b", range, 0)], state: .pruned),
    ]
    let picture = try #require(ParallelCoordinates(trials, direction: .minimize))
    #expect(picture.axes.map(\.name) == ["value", "a", "b"])
    #expect(picture.rows.map(\.number) == [1, 2, 0])
    #expect(picture.rows.map(\.positions) == [[1, nil, 1], [0.5, 0.25, 0], [0, 0.75, 0.5]])
    #expect(ParallelCoordinates(trials, direction: .maximize)?.rows.map(\.number) == [0, 2, 1])
    #expect(ParallelCoordinates(trials, names: ["b"], direction: .minimize)?.axes.count == 2)
    #expect(ParallelCoordinates([], direction: .minimize) == nil)
}

@Test func `slices show a parameter where trials have it`() {
    let range = Distribution.int(low: 1, high: 8, log: true)
    let trials = [trial(1, [9], [("n", range, 2)]), trial(0, [3], [("n", range, 8), ("m", range, 1)])]
    let slices = Slice.all(trials)
    #expect(slices.map(\.axis.name) == ["m", "n"])
    #expect(slices[1].axis.isLog)
    #expect(slices[1].points.map(\.number) == [0, 1])
    #expect(slices[1].points.map(\.parameter) == [8, 2])
    #expect(slices[0].points.map(\.value) == [3])
}

@Test func `a contour has the trials' values where they are, and none outside their range`() throws {
    let range = Distribution.float(low: 0, high: 1)
    let trials = (0..<25).map { at in
        let (x, y) = (Double(at % 5) / 5 + 0.1, Double(at / 5) / 5 + 0.1)
        return trial(at, [x + 10 * y], [("x", range, x), ("y", range, y), ("k", .categorical(choices: 3), 1)])
    }
    let contour = try #require(Contour(trials, "x", "y", resolution: 5))
    #expect(contour.rows == 5 && contour.columns == 5)
    for (cell, trial) in zip(contour.cells, trials) { #expect(abs(cell - trial.values[0]) < 0.01) }
    let fine = try #require(Contour(trials, "x", "y"))
    #expect(fine.cells.count == 1600)
    #expect(fine.cells.allSatisfy { $0 >= 1.1 - 1e-9 && $0 <= 9.9 + 1e-9 })
    let byChoice = try #require(Contour(trials, "k", "y", resolution: 7))
    #expect(byChoice.columns == 3 && byChoice.rows == 7)
    #expect(Contour(trials, "x", "z") == nil)
}

@Test func `intermediate curves break at reports that are not numbers`() {
    let trials = [
        trial(1, [], state: .pruned, reports: [(0, 1), (1, .nan), (4, 3), (5, 2)]), trial(0, [1]),
        trial(2, [], state: .failed, reports: [(0, .infinity)]),
    ]
    let curves = intermediateCurves(trials)
    #expect(curves.map(\.number) == [1, 2])
    #expect(curves[0].lines.map { $0.map(\.step) } == [[0], [4, 5]])
    #expect(curves[1].lines.isEmpty)
}

@Test func `the front is what no feasible trial dominates`() {
    let trials = [
        trial(0, [1, 1]), trial(1, [2, 2]), trial(2, [2, 0.5]), trial(3, [1, 1]), trial(4, [0, 9], violation: 1),
        trial(5, [3, 2]), trial(6, [.nan, 0]),
    ]
    let points = objectivePoints(trials, directions: [.minimize, .maximize])
    #expect(points.map(\.number) == [0, 1, 2, 3, 4, 5])
    #expect(points.filter(\.isBest).map(\.number) == [0, 1, 3])
    #expect(points.filter { !$0.isFeasible }.map(\.number) == [4])
}

@Test(arguments: [UInt64(1), 2, 3])
func `fronts and volumes are those of the definition`(seed: UInt64) {
    var state = seed
    func next() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 60) / 16
    }
    for objectives in 1...4 {
        let points = (0..<30).map { _ in (0..<objectives).map { _ in next() } }
        let front = points.indices.filter { at in
            !points.contains { other in
                zip(other, points[at]).allSatisfy { $0 <= $1 } && other != points[at]
            }
        }
        #expect(paretoFront(points) == front)
        // All coordinates are sixteenths: count the cells of the grid that some point dominates.
        let side = 16
        var cells = 0
        for cell in 0..<Int(Double(side).power(objectives)) {
            var rest = cell
            let corner = (0..<objectives).map { _ in
                defer { rest /= side }
                return Double(rest % side) / 16
            }
            if points.contains(where: { zip($0, corner).allSatisfy { $0 <= $1 } }) { cells += 1 }
        }
        let volume = Double(cells) / Double(side).power(objectives)
        #expect(abs(hypervolume(points, reference: Array(repeating: 1, count: objectives)) - volume) < 1e-12)
    }
}

extension Double {
    fileprivate func power(_ exponent: Int) -> Double { (0..<exponent).reduce(1) { power, _ in power * self } }
}

@Test func `intervals that overlap lie in different rows`() {
    #expect(rows(of: [(5, 9), (0, 4), (3, 6), (4, 5), (9, 12)]) == [0, 0, 1, 0, 0])
    #expect(rows(of: []) == [])
}

@Test func `a stored trial keeps its ranges, reports and broken constraints`() throws {
    let space = [
        StudyParameter("lr", .float(low: 1e-5, high: 0.1, step: nil, log: true)),
        StudyParameter("opt", .categorical([.string("sgd"), .string("adam")])),
        StudyParameter("n", .int(low: 1, high: 9, step: 2, log: false)),
    ]
    var stored = Study.Trial(number: 7, state: .complete, parameters: [0.01, 1, nil])
    stored.values = [3]
    stored.reports = [Study.Report(step: 4, value: 1), Study.Report(step: 2, value: .nan)]
    stored.constraints = [Study.NamedNumber("c", 2), Study.NamedNumber("d", -1)]
    let trial = try #require(AnalysisTrial(stored, space: space))
    #expect(trial.number == 7 && trial.values == [3] && trial.violation == 2)
    #expect(trial.reports.map(\.step) == [2, 4])
    #expect(trial.parameters.map(\.name) == ["lr", "opt"])
    #expect(trial.distribution(of: "opt") == .categorical(choices: 2))
    #expect(AnalysisTrial(Study.Trial(number: 8, state: .waiting, parameters: [nil, nil, nil]), space: space) == nil)
}
