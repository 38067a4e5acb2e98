/// TA-Lib's definitions, one window at a time, as a textbook writes them. Nil where an indicator is not defined.
enum SlowIndicators {
    static func mean(_ values: ArraySlice<Double>) -> Double { values.reduce(0, +) / Double(values.count) }

    static func sma(_ x: [Double], _ period: Int) -> [Double?] {
        x.indices.map { $0 < period - 1 ? nil : mean(x[($0 - period + 1)...$0]) }
    }

    static func ema(_ x: [Double], _ period: Int) -> [Double?] { ema(x, period, seededAt: period - 1) }

    /// The seed is the mean of the `period` values that end at `start`.
    private static func ema(_ x: [Double], _ period: Int, seededAt start: Int) -> [Double?] {
        var result = [Double?](repeating: nil, count: x.count)
        guard start < x.count else { return result }
        var value = mean(x[(start - period + 1)...start])
        result[start] = value
        for at in (start + 1)..<max(x.count, start + 1) {
            value += 2 / Double(period + 1) * (x[at] - value)
            result[at] = value
        }
        return result
    }

    static func macd(_ x: [Double], _ fast: Int, _ slow: Int, _ signal: Int) -> (line: [Double?], signal: [Double?]) {
        let quick = ema(x, fast, seededAt: slow - 1)
        let lazy = ema(x, slow, seededAt: slow - 1)
        let raw: [Double?] = x.indices.map { at in quick[at].flatMap { fast in lazy[at].map { fast - $0 } } }
        let lines = raw.compactMap { $0 }
        let smooth = ema(lines, signal)
        var line = [Double?](repeating: nil, count: x.count)
        var answer = line
        for at in lines.indices where smooth[at] != nil {
            line[slow - 1 + at] = lines[at]
            answer[slow - 1 + at] = smooth[at]
        }
        return (line, answer)
    }

    static func rsi(_ x: [Double], _ period: Int) -> [Double?] {
        var result = [Double?](repeating: nil, count: x.count)
        guard period < x.count else { return result }
        let changes = (1..<x.count).map { x[$0] - x[$0 - 1] }
        var gain = changes[..<period].reduce(0) { $0 + max($1, 0) } / Double(period)
        var loss = changes[..<period].reduce(0) { $0 + max(-$1, 0) } / Double(period)
        for at in period..<x.count {
            if at > period {
                gain = (gain * Double(period - 1) + max(changes[at - 1], 0)) / Double(period)
                loss = (loss * Double(period - 1) + max(-changes[at - 1], 0)) / Double(period)
            }
            result[at] = gain + loss < 1e-14 ? 0 : 100 * gain / (gain + loss)
        }
        return result
    }

    static func trueRange(_ w: RunFile.Window, _ at: Int) -> Double {
        max(w.high[at] - w.low[at], abs(w.high[at] - w.close[at - 1]), abs(w.low[at] - w.close[at - 1]))
    }

    static func natr(_ w: RunFile.Window, _ period: Int) -> [Double?] {
        var result = [Double?](repeating: nil, count: 30)
        var average = (1...period).reduce(0) { $0 + trueRange(w, $1) } / Double(period)
        result[period] = 100 * average / w.close[period]
        for at in (period + 1)..<30 {
            average = (average * Double(period - 1) + trueRange(w, at)) / Double(period)
            result[at] = 100 * average / w.close[at]
        }
        return result
    }

    static func adx(_ w: RunFile.Window, _ p: Int) -> (adx: [Double?], plus: [Double?], minus: [Double?]) {
        var adx = [Double?](repeating: nil, count: 30)
        var plus = adx
        var minus = adx
        var (up, down, range) = (0.0, 0.0, 0.0)
        var sum = 0.0
        var smooth = 0.0
        for at in 1..<30 {
            let rise = w.high[at] - w.high[at - 1]
            let fall = w.low[at - 1] - w.low[at]
            let plusMove = rise > 0 && rise > fall ? rise : 0
            let minusMove = fall > 0 && fall > rise ? fall : 0
            if at < p {
                up += plusMove
                down += minusMove
                range += trueRange(w, at)
                continue
            }
            up += plusMove - up / Double(p)
            down += minusMove - down / Double(p)
            range += trueRange(w, at) - range / Double(p)
            let a = range < 1e-14 ? 0 : 100 * up / range
            let b = range < 1e-14 ? 0 : 100 * down / range
            plus[at] = a
            minus[at] = b
            let dx = a + b < 1e-14 ? nil : 100 * abs(a - b) / (a + b)
            if at < 2 * p {
                sum += dx ?? 0
                if at == 2 * p - 1 { smooth = sum / Double(p) }
            } else if let dx {
                smooth = (smooth * Double(p - 1) + dx) / Double(p)
            }
            if at >= 2 * p - 1 { adx[at] = smooth }
        }
        return (adx, plus, minus)
    }

    /// Middle and population deviation.
    static func bollinger(_ x: [Double], _ period: Int) -> [(middle: Double, deviation: Double)?] {
        x.indices.map { at in
            guard at >= period - 1 else { return nil }
            let values = x[(at - period + 1)...at]
            let middle = mean(values)
            let variance = values.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / Double(period)
            return (middle, variance.squareRoot())
        }
    }
}
