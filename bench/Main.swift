import Foundation

/// `bench [SUBJECT | all] [--quick]`: candidate and reference in alternating rounds, and the median ratio.
@main enum Bench {
    private struct Subject {
        var name: String
        var summary: String
        var run: ([String]) -> Void
        /// Arguments for a pass that takes seconds.
        var quick: [String]
    }

    private static var subjects: [Subject] {
        [
            Subject(
                name: "weekend", summary: "the whole weekend, from the file of bars to the report",
                run: WeekendBench.run, quick: ["1"]),
            Subject(
                name: "variations", summary: "tests of parameter variations, beside Numba",
                run: VariationsBench.run, quick: ["1"]),
            Subject(
                name: "groups", summary: "nodes of the group search, beside a plain C loop", run: GroupsBench.run,
                quick: ["1", "0.36"]),
            Subject(
                name: "budget", summary: "what donated time is worth to a search under a budget", run: BudgetBench.run,
                quick: ["5"]),
            Subject(
                name: "samplers", summary: "suggestions of the TPE sampler, beside Optuna and Rustuna",
                run: SamplersBench.run, quick: []),
            Subject(
                name: "regret", summary: "how close samplers come to the optimum, beside Optuna", run: RegretBench.run,
                quick: ["2", "tpe"]),
            Subject(
                name: "pruners", summary: "decisions of pruners, beside Optuna", run: PrunersBench.run, quick: []),
            Subject(
                name: "tasks", summary: "durable no-op tasks and programs, beside Dask, Ray and HyperQueue",
                run: TasksBench.run, quick: ["--quick"]),
            Subject(
                name: "objectives", summary: "what a trial of a program costs a worker beyond the program's own life",
                run: ObjectivesBench.run, quick: ["100"]),
            Subject(
                name: "studies", summary: "trials stored durably in Optuna's tables, beside Optuna",
                run: StudiesBench.run, quick: ["2000", "1"]),
            Subject(
                name: "waste", summary: "worker time of a study that is not its program's, through the whole cluster",
                run: WasteBench.run, quick: ["300", "3"]),
            Subject(
                name: "csv", summary: "daily bars from CSV, beside pandas and pyarrow", run: CSVBench.run,
                quick: ["-", "2"]),
            Subject(
                name: "bars", summary: "the store of bars, beside the same in HDF5", run: BarsBench.run,
                quick: ["200", "500", "2"]),
            Subject(
                name: "scale", summary: "how cost grows with sizes, tickers, windows and variations",
                run: ScaleBench.run, quick: ["--quick"]),
            Subject(
                name: "charts", summary: "chart images on the disk, beside PIL and NumPy", run: ChartsBench.run,
                quick: ["1", "4000"]),
            Subject(
                name: "labels", summary: "labels of a year of minutes, beside a look at every bar",
                run: LabelsBench.run,
                quick: ["1"]),
            Subject(
                name: "core", summary: "the cluster core alone, and how it grows with workers", run: CoreBench.run,
                quick: ["--quick"]),
            Subject(
                name: "memory", summary: "what waiting tasks, ended jobs and passing peers take of the coordinator",
                run: MemoryBench.run, quick: ["--quick"]),
            Subject(
                name: "mix", summary: "workers of two speeds, jobs of equal and of higher priority",
                run: MixBench.run, quick: ["--quick"]),
            Subject(
                name: "hostile", summary: "what an honest client waits while others attack", run: HostileBench.run,
                quick: ["--quick"]),
            Subject(
                name: "fuzz", summary: "hostile frames through the codec", run: FuzzBench.run, quick: ["200000"]),
            Subject(
                name: "simulate", summary: "seeded histories of a failing cluster", run: SimulateBench.run,
                quick: ["20"]),
        ]
    }

    static func main() {
        var words = Array(CommandLine.arguments.dropFirst())
        let isQuick = words.contains("--quick")
        words.removeAll { $0 == "--quick" }
        let wanted = words.first ?? "all"
        let chosen = subjects.filter { wanted == "all" || $0.name == wanted }
        guard !chosen.isEmpty else {
            print("usage: bench [SUBJECT | all] [--quick] [ARGUMENT…]")
            for subject in subjects {
                print("  " + subject.name.padding(toLength: 12, withPad: " ", startingAt: 0) + subject.summary)
            }
            exit(wanted == "--help" || wanted == "help" ? 0 : 2)
        }
        for subject in chosen {
            if chosen.count > 1 { print("== \(subject.name): \(subject.summary)") }
            subject.run(isQuick ? subject.quick : Array(words.dropFirst()))
            _ = fflush(nil)  // a log shows each subject when it is done
        }
    }
}
