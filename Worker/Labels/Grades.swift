import Jobs

/// Thresholds hold at the threshold: a price that rose from 10 to 12 has risen by 20 %, although 12 ÷ 10 − 1 in doubles
/// is a little less.
private func reaches(_ value: Double, _ threshold: Double) -> Bool { value >= threshold - 1e-12 }

extension QualityTier {
    /// - Parameters: fractions of the entry price, the drawdown at most 0.
    package init(maxRunup: Double, maxDrawdown: Double, fiveSessions: Double) {
        self =
            if reaches(maxRunup, 0.20), reaches(maxDrawdown, -0.05) {
                .aPlus
            } else if reaches(maxRunup, 0.10), reaches(maxDrawdown, -0.07) {
                .a
            } else if reaches(maxRunup, 0.05), reaches(maxDrawdown, -0.10) {
                .b
            } else if reaches(-fiveSessions, 0.05) {
                .d
            } else {
                .c
            }
    }
}

extension OutcomeClass {
    /// - Parameter neutral: returns closer to 0 are neutral.
    package init(fiveSessions: Double, neutral: Double) {
        self = reaches(abs(fiveSessions), neutral) && fiveSessions != 0 ? (fiveSessions > 0 ? .up : .down) : .neutral
    }
}

/// At least 15 %.
package func isRunner(_ maxRunup: Double) -> Bool { reaches(maxRunup, 0.15) }
/// At least 25 %.
package func isMonsterRunner(_ maxRunup: Double) -> Bool { reaches(maxRunup, 0.25) }

extension AvoidReasons {
    package init(volatility: Double, turnover: Double, rules: LabelRules) {
        self = []
        if volatility > rules.mostVolatility { insert(.volatility) }
        if turnover < rules.leastTurnover { insert(.liquidity) }
    }
}
