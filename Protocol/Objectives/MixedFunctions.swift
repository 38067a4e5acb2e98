import Glibc

extension TestFunctions {
    /// A loss with a tilted bowl over two exponents.
    static let logPair = TestFunction(
        "log-pair", "2 log-scale floats that depend on each other, like a rate and a decay",
        [.float("lr", 1e-6, 1, log: true), .float("wd", 1e-8, 0.1, log: true)], best: .value(0.05),
        at: ["lr": pow(10, -2.5), "wd": 1e-4]
    ) {
        let (u, v) = (log10($0["lr"]) + 2.5, log10($0["wd"]) + 4)
        return [0.05 + 0.04 * (u * u + 0.5 * v * v + 0.6 * u * v)]
    }

    static let intMix = TestFunction(
        "int-mix", "int, int by fives, float by tenths, log-scale int",
        [
            .int("a", -20, 30), .int("b", 0, 100, step: 5), .float("c", -2, 2, step: 0.1),
            .int("d", 1, 1024, log: true),
        ], best: .value(0), at: ["a": 7, "b": 35, "c": 0.7, "d": 32]
    ) {
        let (a, b, c, d) = ($0["a"] - 7, $0["b"] - 35, $0["c"] - 0.7, log2($0["d"]) - 5)
        return [a * a / 100 + 0.3 * (1 - cos(a)) + abs(b) / 25 + a * b / 500 + c * c + d * d / 8]
    }

    /// 625 cells from small remainders: each choice has an effect of its own and one with each other choice.
    static let table = TestFunction(
        "table", "4 choices of 5 that interact", ["w", "x", "y", "z"].map { .choice($0, ["a", "b", "c", "d", "e"]) },
        best: .value(0.75), at: ["w": 0, "x": 3, "y": 0, "z": 3]
    ) { point in
        let levels = ["w", "x", "y", "z"].map { Int(point[$0]) }
        var twentieths = 0
        for (i, level) in levels.enumerated() {
            twentieths += 2 * ((3 * level + 2 * i + 1) % 5)
            for (j, other) in levels.enumerated().dropFirst(i + 1) {
                twentieths += ((i + 1) * level * other + 2 * level + 3 * other + i * j) % 7
            }
        }
        return [Double(twentieths) / 20]
    }

    /// Which parameters exist depends on the model, and one level deeper on its optimiser.
    static let tree = TestFunction(
        "tree", "conditional: three models with parameters of their own",
        [
            .choice("model", ["linear", "boosted", "net"]),
            .float("penalty", 1e-4, 10, log: true).when("model", "linear"),
            .int("depth", 1, 12).when("model", "boosted"),
            .float("rate", 1e-3, 1, log: true).when("model", "boosted"),
            .int("layers", 1, 5).when("model", "net"),
            .int("width", 8, 512, log: true).when("model", "net"),
            .choice("optimizer", ["sgd", "adam"]).when("model", "net"),
            .float("momentum", 0, 0.99).when("optimizer", "sgd"),
        ], best: .value(0.2),
        at: ["model": 2, "layers": 3, "width": 64, "optimizer": 0, "momentum": 0.9]
    ) {
        func squared(_ x: Double) -> Double { x * x }
        switch $0["model"] {
        case 0: return [0.3 + 0.01 * squared(log10($0["penalty"]) + 1)]
        case 1: return [0.22 + 0.004 * squared($0["depth"] - 6) + 0.03 * squared(log10($0["rate"]) + 1)]
        default:
            let shape = 0.01 * squared($0["layers"] - 3) + 0.01 * squared(log2($0["width"]) - 6)
            let optimizer = $0["optimizer"] == 0 ? 0.25 * squared($0["momentum"] - 0.9) : 0.02
            return [0.2 + shape + optimizer]
        }
    }

    /// 27 reports of a falling loss. A high rate falls faster and ends higher, so early reports mislead; the ripple is
    /// gone at the last step.
    static let curve = TestFunction(
        "curve", "3 parameters, 27 reports a trial, early reports mislead: for pruners",
        [
            .float("lr", 1e-5, 1, log: true), .int("width", 8, 512, log: true), .float("dropout", 0, 0.8, step: 0.05),
        ], best: .value(0.1), at: ["lr": 1e-3, "width": 128, "dropout": 0.3], steps: 27
    ) { point, step in
        let (rate, width, dropout) = (log10(point["lr"]) + 3, log2(point["width"]) - 7, point["dropout"] - 0.3)
        let floor = 0.1 + 0.03 * rate * rate + 0.02 * width * width + 0.3 * dropout * dropout
        let left = 1 - Double(step + 1) / 27
        let haste = 1 + 0.6 * (rate + 2)
        let ripple = 0.03 * sin(7 * Double(step + 1) + point["width"])
        return floor + 2.2 * pow(left, haste) + left * ripple
    }
}
