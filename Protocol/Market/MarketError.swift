/// Why a file of bars cannot be used, in words for whoever gave it: file, line where there is one, what, and what to do.
package struct MarketError: Error, Equatable, CustomStringConvertible {
    package enum Cause: Sendable, Equatable {
        case unreadable, notGzip, damagedGzip, tooBig, missingColumn, repeatedColumn, noBars
        case tooFewDays(Int)
        case tooFewSymbols(eligible: Int)
        case wrongDate, wrongCount, wrongSymbol
    }
    package var cause: Cause
    package var description: String
    package init(_ cause: Cause, _ description: String) {
        self.cause = cause
        self.description = description
    }
}
