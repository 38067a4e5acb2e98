import Jobs

/// Where a three-stage study stands: which stage asks for trials, and what was promoted into it.
struct StudyStages {
    private let template: ThreeStages
    private(set) var stage = ThreeStages.Stage.coarse
    /// The number of the stage's first trial.
    private(set) var first: UInt32
    /// Trials of the stage; of the forward one as many as were promoted.
    private(set) var size: Int
    private(set) var asked = 0, told = 0
    /// Into this stage, best first: its trials `first`, `first + 1`… have their values.
    private(set) var promoted: [Promoted] = []
    /// Trials of the stages before, as they ended.
    private(set) var past: [(stage: ThreeStages.Stage, size: Int)] = []
    /// Nothing more is ever asked: the forward stage is over, or nothing was worth promoting.
    private(set) var isOver = false

    init(_ template: ThreeStages, first: UInt32) {
        self.template = template
        self.first = first
        size = template[.coarse].trials
    }

    var isFull: Bool { isOver || asked >= size }

    /// Trials still to be told in this stage and, at most, in those after it.
    var toCome: Int {
        guard !isOver else { return 0 }
        let after = ThreeStages.Stage.allCases.filter { $0 > stage }
        return size - told + after.reduce(0) { $0 + template[$1].trials }
    }

    func refusalToEnqueue(waiting: Int) -> String? {
        if isOver { return "the three stages are over." }
        if stage == .forward { return "the forward stage confirms what was promoted into it, and nothing else." }
        guard asked + waiting >= size else { return nil }
        return "stage \(stage.name) has no room among its \(size) trials; enqueue in the stage after it."
    }

    /// - Returns: the trial's marks.
    mutating func asked(_ number: UInt32) -> [Study.NamedText] {
        asked += 1
        return marks(number)
    }

    func marks(_ number: UInt32) -> [Study.NamedText] {
        Study.Trial.marks(stage, from: parent(of: number)?.results.last?.trial)
    }

    /// What was promoted as this trial.
    private func parent(of number: UInt32) -> Promoted? {
        let at = Int(number) - Int(first)
        return promoted.indices.contains(at) ? promoted[at] : nil
    }

    /// The attributes of a trial that ended: its marks, then what was reported.
    func marks(_ trial: Study.Trial, _ result: Study.Result) -> [Study.NamedText] {
        marks(trial.number) + result.attributes.filter { !Study.Trial.stageKeys.contains($0.name) }
    }

    /// - Returns: whether it was the stage's last.
    mutating func told(_ trial: Study.Trial) -> Bool {
        told += 1
        return told >= size
    }

    /// Goes on to the next stage.
    ///
    /// - Parameter trials: of the stage that ended, by number.
    /// - Returns: what was promoted, best first; nil when that was all.
    mutating func advance(_ trials: ArraySlice<Study.Trial>) -> [Promoted]? {
        past.append((stage, size))
        let best = template.promote(trials.map(ThreeStages.judged), from: stage, earlier: promoted)
        guard let next = stage.next, !best.isEmpty else {
            isOver = true
            return nil
        }
        first += UInt32(trials.count)
        stage = next
        size = next == .forward ? best.count : template[next].trials
        (asked, told, promoted) = (0, 0, best)
        return best
    }

    /// Whether a trial of the forward stage held: it was promoted, and its score is above the floor.
    func isCandidate(_ trial: Study.Trial) -> Bool {
        guard stage == .forward, parent(of: trial.number) != nil else { return false }
        return !template.candidates([ThreeStages.judged(trial)], earlier: promoted, floor: template.floor).isEmpty
    }
}
