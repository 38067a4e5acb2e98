import Messages

/// What a strategy is worth on one symbol and window.
package struct TradingMetrics: Sendable, Equatable {
    /// Profit before costs, in the currency of all amounts here.
    package var profit: Double
    /// Fees, spread and slippage; at least 0.
    package var cost: Double
    /// The deepest fall of the equity from a peak, as a positive amount.
    package var maximumDrawdown: Double
    /// Orders refused of orders sent: 0…1.
    package var rejectRate: Double
    /// Amount traded, in multiples of the capital; at least 0.
    package var turnover: Double
    package init(profit: Double, cost: Double, maximumDrawdown: Double, rejectRate: Double, turnover: Double) {
        self.profit = profit
        self.cost = cost
        self.maximumDrawdown = maximumDrawdown
        self.rejectRate = rejectRate
        self.turnover = turnover
    }

    /// The names under which a program reports them.
    package static let names = ["pnl", "cost", "max_drawdown", "reject_rate", "turnover"]
    /// In the order of `names`.
    package var numbers: [Double] { [profit, cost, maximumDrawdown, rejectRate, turnover] }

    /// From what a program reported.
    ///
    /// - Throws: which number is missing, not finite or out of its range.
    package init(_ reported: (String) -> Double?) throws(JobError) {
        func number(_ name: String, in range: ClosedRange<Double>, _ words: String) throws(JobError) -> Double {
            guard let value = reported(name) else {
                throw JobError(
                    "the objective reported no \(name); a trial of three stages reports "
                        + Self.names.joined(separator: ", ") + " as attributes.")
            }
            guard value.isFinite, range.contains(value) else {
                throw JobError("the objective reported \(name) \(value); \(words).")
            }
            return value
        }
        let amounts = 0...Double.greatestFiniteMagnitude
        try self.init(
            profit: number("pnl", in: -.greatestFiniteMagnitude ... .greatestFiniteMagnitude, "it is a finite amount"),
            cost: number("cost", in: amounts, "it is an amount of at least 0"),
            maximumDrawdown: number("max_drawdown", in: amounts, "it is an amount of at least 0"),
            rejectRate: number("reject_rate", in: 0...1, "it is a share from 0 to 1"),
            turnover: number("turnover", in: amounts, "it is at least 0"))
    }
}

/// Profit after costs, less what drawdown, refused orders and turnover are feared: to be maximised.
package struct TradingObjective: Sendable, Equatable {
    /// Per unit of drawdown.
    package var drawdownWeight: Double
    /// For a reject rate of 1, in the currency of the profit.
    package var rejectWeight: Double
    /// For a turnover of the capital once, in the currency of the profit.
    package var turnoverWeight: Double
    package init(drawdownWeight: Double = 1, rejectWeight: Double = 0, turnoverWeight: Double = 0) {
        self.drawdownWeight = drawdownWeight
        self.rejectWeight = rejectWeight
        self.turnoverWeight = turnoverWeight
    }

    /// - Throws: which weight is negative or not a number.
    package func check() throws(JobError) {
        for (name, weight) in [
            ("drawdown", drawdownWeight), ("reject", rejectWeight), ("turnover", turnoverWeight),
        ] where !(weight >= 0 && weight.isFinite) {
            throw JobError("the \(name) weight is \(weight); give a number of at least 0.")
        }
    }

    package func score(_ metrics: TradingMetrics) -> Double {
        metrics.profit - metrics.cost - drawdownWeight * metrics.maximumDrawdown - rejectWeight * metrics.rejectRate
            - turnoverWeight * metrics.turnover
    }

    /// Over several symbols: the mean of their scores, in the order given. NaN without symbols.
    package func score(_ symbols: [TradingMetrics]) -> Double {
        symbols.reduce(0) { $0 + score($1) } / Double(symbols.count)
    }
}

/// How the built-in algorithms trade: a day whose signal says so is bought at the open and sold at the close, for the
/// same amount on each symbol.
package struct TradingRules: Sendable, Equatable {
    /// Bought a day and symbol, in the currency of the bars; gains are not put to work again.
    package var capital: Double
    /// Fees, spread and slippage of each side, in basis points of the amount traded.
    package var costBasisPoints: Double
    /// An order is refused where the open lies further than so many percent from the close before.
    package var collarPercent: Double
    package init(capital: Double = 100_000, costBasisPoints: Double = 5, collarPercent: Double = 3) {
        self.capital = capital
        self.costBasisPoints = costBasisPoints
        self.collarPercent = collarPercent
    }

    /// - Throws: which is out of its range.
    package func check() throws(JobError) {
        guard capital > 0, capital.isFinite else {
            throw JobError("the capital is \(capital); give an amount above 0.")
        }
        guard costBasisPoints >= 0, costBasisPoints <= 10_000 else {
            throw JobError("the cost is \(costBasisPoints) basis points; give 0 to 10000.")
        }
        guard collarPercent > 0, collarPercent.isFinite else {
            throw JobError("the collar is \(collarPercent) percent; give a number above 0.")
        }
    }
}
