import Market

/// Which tickers' triggers hold at any of a variation's lookback bars, window by window.
struct TriggerScan {
    private let cache: IndicatorCache
    private var bars: BlockedBars { cache.bars }

    init(_ cache: IndicatorCache) { self.cache = cache }

    /// How a condition at neighbouring bars makes a trigger.
    private enum Pattern {
        /// It holds.
        case holds
        /// It holds and did not at the bar before.
        case begins
        /// It does not hold and did at the bar before.
        case ends
    }

    /// One word per block and window, shape [blocks][5]: lookback, flat windows and volume are accounted for.
    func buys(_ rule: VariationRule) -> [UInt64] {
        var words = triggers(rule)
        for at in words.indices { words[at] &= bars.eligible[at] }
        if let (multiple, period) = rule.volume { confirm(&words, multiple: multiple, period: period) }
        return words
    }

    private func triggers(_ rule: VariationRule) -> [UInt64] {
        let lookback = rule.lookback
        let close = bars.close
        switch rule.trigger {
        case .macd(let periods, let crosses):
            let macd = cache.macd(fast: periods.fast, slow: periods.slow)
            return scan(lookback, by: 9, crosses ? .begins : .holds, from: periods.slow + periods.signal - 2) { at in
                macd.isAbove(signal: periods.signal, at.wordRow)
            }

        case .averages(let isExponential, let fastPeriod, let slowPeriod, let factor, let crosses):
            let fast = isExponential ? cache.ema(fastPeriod) : cache.sma(fastPeriod)
            let slow = isExponential ? cache.ema(slowPeriod) : cache.sma(slowPeriod)
            let pattern = crosses ? Pattern.begins : .holds
            return scan(lookback, by: fast.windowStride, pattern, from: slowPeriod - 1) { at in
                let row = at.wordRow * 64
                return word { fast.values.lanes(row + $0 * 8) .> slow.values.lanes(row + $0 * 8) * factor }
            }

        case .rsi(let period, let level, let mode):
            let rsi = cache.rsi(period)
            if mode == 1 {
                return scan(lookback, by: 9, .holds, from: period) { at in
                    word { rsi.values.lanes(at.wordRow * 64 + $0 * 8) .> level }
                }
            }
            return scan(lookback, by: 9, mode == 0 ? .holds : .ends, from: period) { at in
                word { rsi.values.lanes(at.wordRow * 64 + $0 * 8) .< level }
            }

        case .breakout(let period, let factor, let ofHighs):
            let highest = cache.highest(period, ofHighs: ofHighs)
            return scan(lookback, by: 1, .holds, from: period) { at in
                word {
                    close.lanes(at.bar + $0 * 8) .> highest.values.lanes(at.wordRow * 64 + $0 * 8) * factor
                }
            }

        case .adx(let period, let threshold, let upOnly):
            let movement = cache.movement(period)
            return scan(lookback, by: 9, .holds, from: 2 * period - 1) { at in
                let strong = word { movement.adx.values.lanes(at.wordRow * 64 + $0 * 8) .>= threshold }
                return upOnly ? strong & movement.isUp[at.wordRow] : strong
            }

        case .volatility(let period, let lowest, let highest, let factor):
            let natr = cache.natr(period)
            let trends = byDay(lookback) { at in
                word { close.lanes(at.bar + $0 * 8) .>= close.lanes(at.bar - period * 64 + $0 * 8) * factor }
            }
            return scan(lookback, by: 9, .holds, from: period) { at in
                let row = at.wordRow * 64
                return trends[at.dayRow]
                    & word {
                        let n = natr.values.lanes(row + $0 * 8)
                        return (n .>= lowest) .& (n .<= highest)
                    }
            }

        case .bollinger(let period, let k, let mode):
            let middle = cache.sma(period)
            let deviation = cache.deviation(period)
            if mode == 1 {
                return scan(lookback, by: 1, .holds, from: period - 1) { at in
                    word {
                        let sigma = deviation.values.lanes(at.wordRow * 64 + $0 * 8)
                        let upper = middle.values.lanes(at.wordRow * 64 + $0 * 8) + sigma * k
                        return (sigma .> 0) .& (close.lanes(at.bar + $0 * 8) .> upper)
                    }
                }
            }
            let varies = { (at: Place) in word { deviation.values.lanes(at.wordRow * 64 + $0 * 8) .> 0 } }
            return scan(lookback, by: 1, mode == 0 ? .holds : .ends, from: period - 1, only: varies) { at in
                word {
                    let width = deviation.values.lanes(at.wordRow * 64 + $0 * 8) * k
                    return close.lanes(at.bar + $0 * 8) .< middle.values.lanes(at.wordRow * 64 + $0 * 8) - width
                }
            }

        case .emaMACD(let period, let periods):
            let ema = cache.ema(period)
            let macd = cache.macd(fast: periods.fast, slow: periods.slow)
            return scan(lookback, by: 9, .holds, from: max(period - 1, periods.slow + periods.signal - 2)) { at in
                macd.isAbove(signal: periods.signal, at.wordRow)
                    & word { close.lanes(at.bar + $0 * 8) .> ema.values.lanes(at.wordRow * 64 + $0 * 8) }
            }

        case .rsiBollinger(let rsiPeriod, let level, let bandPeriod, let k):
            let rsi = cache.rsi(rsiPeriod)
            let middle = cache.sma(bandPeriod)
            let deviation = cache.deviation(bandPeriod)
            let belows = byDay(lookback) { at in
                word {
                    let sigma = deviation.values.lanes(at.dayRow * 64 + $0 * 8)
                    let band = middle.values.lanes(at.dayRow * 64 + $0 * 8) + sigma * k
                    return (sigma .> 0) .& (close.lanes(at.bar + $0 * 8) .< band)
                }
            }
            return scan(lookback, by: 9, .holds, from: max(rsiPeriod, bandPeriod - 1)) { at in
                belows[at.dayRow] & word { rsi.values.lanes(at.wordRow * 64 + $0 * 8) .< level }
            }
        }
    }

    /// A bar of a block, as the arrays index it.
    private struct Place {
        /// Row among all blocks' rows of a series of the scan's stride: its word, and 1/64 of its first element.
        var wordRow: Int
        /// The same in a series by day.
        var dayRow: Int
        /// Element of the block's first ticker in a field of `BlockedBars`.
        var bar: Int
    }

    /// The words of a condition that is the same in every window that shows the bar, shape [blocks][13]: `dayRow` finds
    /// them. Days that the lookback does not reach stay 0.
    @inline(__always) private func byDay(_ lookback: Int, _ condition: (Place) -> UInt64) -> [UInt64] {
        let rows = IndicatorSeries.rows(1)
        var words = [UInt64](repeating: 0, count: bars.blocks * rows)
        for block in 0..<bars.blocks {
            for offset in IndicatorSeries.positions - lookback..<rows {
                let row = block * rows + offset
                let bar = block * bars.blockStride + (bars.firstPosition + offset) * 64
                words[row] = condition(Place(wordRow: row, dayRow: row, bar: bar))
            }
        }
        return words
    }

    /// Evaluates `condition` once at each row that the lookback reaches and joins what the pattern asks for.
    ///
    /// - Parameters:
    ///   - stride: 9 when the condition reads any series by window, 1 when all it reads is by day: then neighbouring
    ///     windows share their bars' words.
    ///   - first: the first position at which the condition is defined.
    ///   - only: a second condition on the bar that triggers, not on the one before it.
    @inline(__always) private func scan(
        _ lookback: Int, by stride: Int, _ pattern: Pattern, from first: Int, only: ((Place) -> UInt64)? = nil,
        _ condition: (Place) -> UInt64
    ) -> [UInt64] {
        let windows = Universe.windows
        let positions = IndicatorSeries.positions
        let isEdge = pattern != .holds
        // Offsets from the oldest position that series keep. An edge looks at one bar more than it can trigger at.
        let defined = max(first - bars.firstPosition, 0)
        let oldest = max(positions - lookback, isEdge ? defined + 1 : defined)
        let rowCount = IndicatorSeries.rows(stride)
        var joined = [UInt64](repeating: 0, count: bars.blocks * windows)
        guard oldest < positions else { return joined }
        let read = isEdge ? oldest - 1 : oldest
        var words = InlineArray<45, UInt64>(repeating: 0)
        var guards = InlineArray<45, UInt64>(repeating: .max)
        for block in 0..<bars.blocks {
            // By day, windows 1…4 add one row each to those of window 0.
            for window in 0..<windows {
                for offset in (stride == 1 && window > 0 ? positions - 1 : read)..<positions {
                    let row = window * stride + offset
                    let day = window + offset
                    let place = Place(
                        wordRow: block * rowCount + row, dayRow: block * IndicatorSeries.rows(1) + day,
                        bar: block * bars.blockStride + (bars.firstPosition + day) * 64)
                    words[row] = condition(place)
                    if let only { guards[row] = only(place) }
                }
            }
            for window in 0..<windows {
                var any: UInt64 = 0
                for offset in oldest..<positions {
                    let row = window * stride + offset
                    switch pattern {
                    case .holds: any |= words[row] & guards[row]
                    case .begins: any |= words[row] & ~words[row - 1] & guards[row]
                    case .ends: any |= words[row - 1] & ~words[row] & guards[row]
                    }
                }
                joined[block * windows + window] = any
            }
        }
        return joined
    }

    /// Keeps the tickers whose newest signal volume exceeds `multiple` × the mean of the `period` volumes before it.
    private func confirm(_ words: inout [UInt64], multiple: Double, period: Int) {
        let means = cache.volumeMean(period)
        let volume = bars.volume
        let newest = bars.signalBars - 1
        for block in 0..<bars.blocks {
            for window in 0..<Universe.windows {
                let mean = means.start(block, newest - bars.firstPosition + window)
                let bar = block * bars.blockStride + (newest + window) * 64
                words[block * Universe.windows + window] &= word {
                    volume.lanes(bar + $0 * 8) .> means.values.lanes(mean + $0 * 8) * multiple
                }
            }
        }
    }
}
