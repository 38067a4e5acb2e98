import Foundation
import Jobs
import Market
import Providers
import Runners
import TestSupport
import Testing

/// The provider `files` by its runner: a file, a gzip, a folder; and what cannot be read, in words.
@Test func `files of bars are a provider like others, plain, compressed or in a folder`() throws {
    let folder = TemporaryFolder("files")
    let market = EmulatedMarket.few
    func csv(_ symbols: [String]) -> String {
        var text = "date,symbol,volume,open,high,low,close\n"
        for symbol in symbols {
            for day in market.days(symbol, Emulated.today - 100...Emulated.today - 2) {
                let bar = market.bar(symbol, day: day)!
                func price(_ value: Int) -> String { "\(Double(value) / 100)" }
                text +=
                    "\(EmulatedMarket.text(day: day)),\(symbol),\(bar.volume),\(price(bar.open)),\(price(bar.high)),"
                    + "\(price(bar.low)),\(price(bar.close))\n"
            }
        }
        return text
    }
    func write(_ name: String, _ text: String) throws {
        let path = folder.path + "/" + name
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
    try write("all.csv", csv(["AAA", "BBB", "SPLT"]))
    try write("bars/AAA.csv", csv(["AAA"]))
    try write("bars/BBB.csv", csv(["BBB"]))
    try write("bars/more.csv", csv(["SPLT"]))
    #expect(try Programs.Running("/usr/bin/env", ["gzip", "-k", folder.path + "/all.csv"]).wait().code == 0)

    let want = BarsWanted(
        symbols: ["AAA", "BBB", "NONE"], from: MarketDate.date(dayNumber: Emulated.today - 60),
        to: MarketDate.date(dayNumber: Emulated.today - 3), today: MarketDate.date(dayNumber: Emulated.today))
    func read(_ path: String, _ symbols: [String]) -> Reading {
        var asked = want
        asked.symbols = symbols
        let call = Files().calls(for: asked)[0]
        return Files().read(BarFiles.answer(Files().request(call), path: folder.path + path), to: call)
    }
    for path in ["/all.csv", "/all.csv.gz", "/bars"] {
        guard case .page(let page) = read(path, want.symbols) else { return #expect(Bool(false), "\(path)") }
        #expect(page.series.map(\.symbol) == ["AAA", "BBB"], "\(path)")
        #expect(page.unknown == ["NONE"], "\(path)")
        for series in page.series { #expect(fault(in: series, series.symbol, want, market) == nil, "\(path)") }
    }
    guard case .page(let page) = read("/bars", ["SPLT"]) else { return #expect(Bool(false)) }
    #expect(page.series.map(\.symbol) == ["SPLT"] && page.unknown == [])
    // There, but without a bar in the range, is not unknown; nothing at all is.
    var early = want
    (early.symbols, early.from, early.to) = (
        ["AAA", "NONE"], MarketDate.parse("2020-01-02")!, MarketDate.parse("2020-02-03")!
    )
    let call = Files().calls(for: early)[0]
    let answer = Files().read(BarFiles.answer(Files().request(call), path: folder.path + "/all.csv"), to: call)
    guard case .page(let empty) = answer else { return #expect(Bool(false), "\(answer)") }
    #expect(empty.unknown == ["NONE"] && empty.series.allSatisfy { $0.count == 0 })
    guard case .page(let none) = read("/all.csv", ["NONE", "NADA"]) else { return #expect(Bool(false)) }
    #expect(none.unknown == ["NONE", "NADA"] && none.series == [])
    try write("empty/readme.txt", "no bars")
    for (path, words) in [("/nowhere.csv", "cannot be opened"), ("/empty", "holds no .csv")] {
        guard case .refused(.request(let said)) = read(path, ["AAA"]) else { return #expect(Bool(false), "\(path)") }
        #expect(said.contains(words), "\(said)")
    }
}
