import Jobs
import Market
import Messages

/// Everything a finished weekend leaves to be told: what run.sqlite, report.json and report.html are made from.
package struct ReportInput: Sendable {
    package var universe: Universe
    package var answer: Weekend.Answer
    package var run: RunInfo
    /// In order of time; empty when nobody kept it.
    package var ledger: [LedgerEntry]
    package var bars: BarCounts
    package init(
        universe: Universe, answer: Weekend.Answer, run: RunInfo, ledger: [LedgerEntry], bars: BarCounts
    ) {
        self.universe = universe
        self.answer = answer
        self.run = run
        self.ledger = ledger
        self.bars = bars
    }
}

/// Who ran what, when: enough to run it again.
package struct RunInfo: Sendable {
    /// What a person types to get the same answer, and the name of the file of bars.
    package var command: String, source: String
    package var seed: UInt64
    package var cycles: Int
    package var budgetSeconds: Double
    /// Of the universe's wire bytes.
    package var barsHash: BlobID
    package var codeVersion: String
    /// Milliseconds since 1970-01-01 UTC.
    package var startedMilliseconds: Int64, endedMilliseconds: Int64
    /// Compute slots of all workers.
    package var slots: Int
    /// Further pairs for run_info, such as the hardware; they do not replace the ones named above.
    package var more: [String: String]
    package init(
        command: String, source: String, seed: UInt64, cycles: Int, budgetSeconds: Double, barsHash: BlobID,
        codeVersion: String, startedMilliseconds: Int64, endedMilliseconds: Int64, slots: Int,
        more: [String: String] = [:]
    ) {
        self.command = command
        self.source = source
        self.seed = seed
        self.cycles = cycles
        self.budgetSeconds = budgetSeconds
        self.barsHash = barsHash
        self.codeVersion = codeVersion
        self.startedMilliseconds = startedMilliseconds
        self.endedMilliseconds = endedMilliseconds
        self.slots = slots
        self.more = more
    }
    package var elapsedSeconds: Double { Double(endedMilliseconds - startedMilliseconds) / 1000 }
}

/// The budget's ledger at one moment. Each amount is the sum since the start of the search.
package struct LedgerEntry: Sendable, Equatable {
    package var atMilliseconds: Int64
    package var grantedMilliseconds: Int64, spentMilliseconds: Int64, donatedMilliseconds: Int64
    package init(
        atMilliseconds: Int64, grantedMilliseconds: Int64, spentMilliseconds: Int64, donatedMilliseconds: Int64
    ) {
        self.atMilliseconds = atMilliseconds
        self.grantedMilliseconds = grantedMilliseconds
        self.spentMilliseconds = spentMilliseconds
        self.donatedMilliseconds = donatedMilliseconds
    }
}

/// What the file of bars held, and what was left out by which rule.
package struct BarCounts: Sendable, Equatable {
    package var rows: Int
    package var rejectedRows: [RowRejection]
    package var symbols: Int, eligibleSymbols: Int
    package var rejectedSymbols: [UniverseSelection.Rejection]
    package init(
        rows: Int, rejectedRows: [RowRejection], symbols: Int, eligibleSymbols: Int,
        rejectedSymbols: [UniverseSelection.Rejection]
    ) {
        self.rows = rows
        self.rejectedRows = rejectedRows
        self.symbols = symbols
        self.eligibleSymbols = eligibleSymbols
        self.rejectedSymbols = rejectedSymbols
    }
    package init(_ bars: DailyBars, _ selection: UniverseSelection) {
        self.init(
            rows: bars.rowCount, rejectedRows: bars.rejected.list, symbols: selection.symbolCount,
            eligibleSymbols: selection.eligibleCount, rejectedSymbols: selection.rejected)
    }
}

/// Why a run's files could not be written, in words: where, what, and what to do.
package struct ReportError: Error, Equatable, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}
