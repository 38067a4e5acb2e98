import Foundation
import Images
import JSON

/// report.html of a render job: what was drawn and from what, samples of each regime, what was not drawn and why.
package enum ChartsReport {
    private static let samplesEach = 6

    package static func write(_ folder: ChartFolder, to path: String) throws(ReportError) {
        try FinishedFile.write(Array(try html(folder).utf8), to: path)
    }

    static func html(_ folder: ChartFolder) throws(ReportError) -> String {
        let manifest = folder.manifest
        let settings = manifest["settings"]
        func words(_ key: String) -> String {
            settings?[key]?.array?.compactMap(\.string).joined(separator: ", ") ?? ""
        }
        func number(_ value: JSONValue?) -> Int { Int(value?.double ?? 0) }
        let shards = manifest["shards"]?.array ?? []
        let images = max(1, number(manifest["images"]))
        func bytes(_ key: String) -> Int { shards.reduce(0) { $0 + number($1[key]) } / images }
        let outputs = words("outputs")
        var facts: [(String, String)] = [
            ("images", Figure.count(number(manifest["images"]))), ("events", Figure.count(number(manifest["events"]))),
            ("shards", Figure.count(shards.count)), ("timeframes", words("timeframes")), ("outputs", outputs),
            ("pixels", "\(folder.size) × \(folder.size)"), ("bars in an image", "\(number(settings?["bars"]))"),
            ("bytes an image in shards", Figure.count(bytes("bytes"))),
        ]
        if outputs.contains("png") { facts.append(("bytes an image as PNG", Figure.count(bytes("png_bytes")))) }
        facts += [
            ("code", manifest["code_version"]?.string ?? ""), ("bars (hash)", manifest["input_hash"]?.string ?? ""),
            ("events (hash)", manifest["events_hash"]?.string ?? ""),
        ]
        var body = HTML.text("h1", "Charts") + table(["", ""], facts.map { [$0.0, $0.1] })
        body += HTML.text("h2", "Samples") + (try samples(folder))
        body += HTML.text("h2", "Not drawn") + rejections(manifest)
        body += HTML.text("h2", "Shards")
        body += table(
            ["shard", "images", "bytes", "content hash"],
            shards.prefix(200).map { shard in
                [
                    shard["path"]?.string ?? "", Figure.count(number(shard["images"])),
                    Figure.count(number(shard["bytes"])), shard["content_hash"]?.string ?? "",
                ]
            })
        if shards.count > 200 { body += HTML.text("p", "and \(shards.count - 200) more; manifest.json has them all.") }
        let style =
            "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1f24}"
            + "table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top;"
            + "overflow-wrap:anywhere;border-bottom:1px solid #d8dee4}figure{display:inline-block;margin:.3rem}"
            + "img{border:1px solid #d8dee4}figcaption{font-size:13px;color:#57606a}"
        return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
            + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/><title>Charts</title>"
            + "<style>\(style)</style></head><body>\(body)</body></html>\n"
    }

    private static func samples(_ folder: ChartFolder) throws(ReportError) -> String {
        let regimes = try folder.regimes()
        var html = ""
        // In the order of their names: the same every time.
        for regime in Set(regimes).sorted() {
            let numbers = regimes.indices.filter { regimes[$0] == regime }
            let wanted = min(samplesEach, numbers.count)
            let chosen = (0..<wanted).map { numbers[($0 * 2 + 1) * numbers.count / (wanted * 2)] }
            html += HTML.text("h3", "\(regime.isEmpty ? "unknown" : regime): \(Figure.count(numbers.count)) images")
            for picture in try folder.pictures(chosen) {
                let side = min(folder.size, 256)
                let small = ContactSheet.reduced(picture.pixels, size: folder.size, to: side)
                let png = PNG.file(small, width: side, height: side, .grey)
                let caption = "\(picture.symbol), \(picture.timeframe), \(picture.date)"
                let image = HTML.tag(
                    "img",
                    [
                        "src": "data:image/png;base64," + Data(png).base64EncodedString(), "alt": "chart of " + caption,
                        "width": "170", "height": "170",
                    ], nil)
                html += HTML.tag("figure", image + HTML.text("figcaption", caption))
            }
        }
        return html
    }

    private static func rejections(_ manifest: JSONValue) -> String {
        var rows: [[String]] = []
        func add(_ what: String, _ list: JSONValue?) {
            for entry in list?.array ?? [] {
                rows.append([
                    what, entry["reason"]?.string ?? "", Figure.count(Int(entry["count"]?.double ?? 0)),
                ])
            }
        }
        add("events", manifest["rejected_events"])
        for source in manifest["sources"]?.array ?? [] {
            add("rows of \(source["name"]?.string ?? "a file")", source["rejected_rows"])
        }
        return rows.isEmpty
            ? HTML.text("p", "Every event and every row of the files was used.")
            : table(["what", "why", "count"], rows)
    }

    private static func table(_ head: [String], _ rows: [[String]]) -> String {
        let header =
            head.allSatisfy(\.isEmpty)
            ? "" : HTML.tag("tr", head.map { HTML.text("th", $0) }.joined())
        return HTML.tag(
            "table", header + rows.map { HTML.tag("tr", $0.map { HTML.text("td", $0) }.joined()) }.joined())
    }
}
