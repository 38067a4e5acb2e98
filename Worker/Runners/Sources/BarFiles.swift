import Foundation
import Market
import Providers

/// This machine's files of bars, read as an answer to a request of `Files`.
package enum BarFiles {
    private static let endings = [".csv", ".csv.gz"]

    /// - Parameter path: a file, or a folder of files; nil: none was named.
    package static func answer(_ request: HTTPRequest, path: String?) -> HTTPResponse {
        func none(_ words: String) -> HTTPResponse { HTTPResponse(status: 404, body: Array(words.utf8)) }
        guard let path, !path.isEmpty else {
            return none("APEX_FILES_PATH is not set on this worker; set it to a file of bars, or a folder of them")
        }
        let symbols = request.query.first { $0.name == "symbols" }?.value.split(separator: ",").map(String.init) ?? []
        do {
            let files = try files(path, symbols)
            guard !files.isEmpty else { return none("\(path): holds no .csv or .csv.gz file") }
            var text = "symbol,date,open,high,low,close,volume\n"
            let wanted = Set(symbols)
            let dates = ["from", "to"].map { name in
                request.query.first { $0.name == name }.flatMap { MarketDate.parse($0.value) }
            }
            for file in files {
                let bars = try DailyBars.read(path: file)
                for symbol in bars.symbols.indices where wanted.contains(bars.symbols[symbol]) {
                    append(bars, symbol, dates[0] ?? .min, dates[1] ?? .max, &text)
                }
            }
            // A header alone would be a file without bars, which is an error.
            return HTTPResponse(status: 200, body: text.utf8.count > 40 ? Array(text.utf8) : [])
        } catch { return none("\(error)") }
    }

    /// Numbers as short as they can be and still be read as the same ones.
    private static func append(_ bars: DailyBars, _ symbol: Int, _ from: Int32, _ to: Int32, _ text: inout String) {
        let all = bars.starts[symbol]..<bars.starts[symbol + 1]
        var rows = all.filter { from <= bars.dates[$0] && bars.dates[$0] <= to }
        // One of another day still says that the files know the symbol.
        if rows.isEmpty, let newest = all.last { rows = [newest] }
        for at in rows {
            text += bars.symbols[symbol] + "," + MarketDate.text(bars.dates[at])
            for value in [bars.open[at], bars.high[at], bars.low[at], bars.close[at], bars.volume[at]] {
                text += ",\(value)"
            }
            text += "\n"
        }
    }

    /// Of a folder the files named after the symbols, when there is one for each, else all; in the order of names.
    private static func files(_ path: String, _ symbols: [String]) throws -> [String] {
        var isFolder: ObjCBool = false
        // `isFolder` outlives the call, which writes to it.
        guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return [path]
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { name in
            endings.contains { name.hasSuffix($0) }
        }.sorted()
        let known = Set(names)
        let own = symbols.compactMap { symbol in endings.map { symbol + $0 }.first { known.contains($0) } }
        return (own.count == symbols.count ? own : names).map { path + "/" + $0 }
    }
}
