import Jobs
import Market
import Messages

/// Dates cut into blocks for training, validation and test, and what rows of one set must keep away from.
/// Source: López de Prado (2018), *Advances in Financial Machine Learning*, chapter 7.
package struct DateSplit: Equatable {
    package struct Block: Equatable {
        package var split: Aggregate.Split
        /// Positions in the dates.
        package var dates: Range<Int>
    }
    package let blocks: [Block]
    /// As the settings say, or worked out.
    package let embargoSessions: Int

    /// - Parameters: dateCount: dates with rows. horizon: sessions that an outcome takes.
    package init(dateCount: Int, _ settings: Aggregate.Settings, horizon: Int = LabelRules.horizons.last ?? 10) {
        var blocks: [Block] = []
        let count = Int(settings.blocks)
        for stretch in 0..<count {
            let (start, end) = (dateCount * stretch / count, dateCount * (stretch + 1) / count)
            // To the nearest date, halves up, so that 70:15:15 of 100 dates are 70, 15 and 15.
            var cuts = [start]
            var percent = 0
            for part in settings.percent {
                percent += Int(part)
                cuts.append(start + ((end - start) * percent + 50) / 100)
            }
            for split in Aggregate.Split.allCases {
                let dates = cuts[Int(split.rawValue)]..<cuts[Int(split.rawValue) + 1]
                if !dates.isEmpty { blocks.append(Block(split: split, dates: dates)) }
            }
        }
        self.blocks = blocks
        embargoSessions =
            settings.embargoSessions > 0 ? Int(settings.embargoSessions) : max(horizon, (dateCount + 99) / 100)
    }

    /// The blocks that rows of `split` must keep away from, in time.
    /// - Parameters: dates: all of them, yyyymmdd. lastEnds: of each date, the end of the last outcome of its rows.
    package func spans(for split: Aggregate.Split, dates: [Int32], lastEnds: [Int64]) throws(JobError)
        -> [Aggregate.Span]
    {
        var spans: [Aggregate.Span] = []
        for block in blocks where block.split.rawValue > split.rawValue {
            guard let first = TradingSession(date: dates[block.dates.lowerBound]),
                let last = TradingSession(date: dates[block.dates.upperBound - 1])
            else { throw JobError("a shard has rows of a day without a session; make it again.") }
            spans.append(
                Aggregate.Span(
                    start: first.opens, end: lastEnds[block.dates].reduce(last.closes, max), blockEnd: last.closes,
                    embargoEnd: last.later(by: embargoSessions).closes))
        }
        return spans
    }
}
