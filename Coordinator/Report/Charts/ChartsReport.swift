import Foundation
import Images
import JSON
import Market

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
        let partitions = folder.partitions
        let events = number(manifest["events"]) / max(1, partitions.count)
        var tiles = [
            (Figure.count(number(manifest["images"])), "images"), (Figure.count(events), "events"),
            (Figure.count(shards.count), "shards"), (Figure.count(bytes("bytes")), "bytes an image in shards"),
        ]
        if outputs.contains("png") { tiles.append((Figure.count(bytes("png_bytes")), "bytes an image as PNG")) }
        let facts = [
            ("timeframes", words("timeframes")), ("outputs", outputs),
            ("pixels", "\(folder.size) × \(folder.size)"), ("bars in an image", "\(number(settings?["bars"]))"),
            ("folders, each with every event", partitions.joined(separator: ", ")),
            ("code", manifest["code_version"]?.string ?? ""), ("bars (hash)", manifest["input_hash"]?.string ?? ""),
            ("events (hash)", manifest["events_hash"]?.string ?? ""),
        ]
        var body = HTML.text("p", ["class": "eyebrow"], "Apex Cluster · charts")
        body += HTML.text("h1", "\(Figure.count(events)) events, drawn")
        body += HTML.tag(
            "div", ["class": "tiles"],
            tiles.map { HTML.tag("div", ["class": "tile"], HTML.text("b", $0.0) + HTML.text("span", $0.1)) }.joined())
        body += try samples(folder)
        body += HTML.text("h2", "Not drawn") + HTML.tag("div", ["class": "card wide"], rejections(manifest))
        body += HTML.text("h2", "Made of")
        body += HTML.tag(
            "div", ["class": "card"],
            HTML.tag("dl", facts.map { HTML.text("dt", $0.0) + HTML.text("dd", $0.1) }.joined()))
        body += HTML.text("h2", "Shards")
        var list = table(
            ["shard", "images", "bytes", "content hash"],
            shards.prefix(200).map { shard in
                [
                    shard["path"]?.string ?? "", Figure.count(number(shard["images"])),
                    Figure.count(number(shard["bytes"])), shard["content_hash"]?.string ?? "",
                ]
            })
        if shards.count > 200 { list += HTML.text("p", "and \(shards.count - 200) more; manifest.json has them all.") }
        body += HTML.tag("div", ["class": "card wide"], list)
        // The pictures are black on white in the dark too: as they are in the shards.
        let style =
            ReportStyle.css
            + " figure { margin: 0; } figure img { display: block; width: 100%; height: auto; border-radius: 8px;"
            + " border: 1px solid var(--line); } figcaption { font-size: 13px; color: var(--soft); margin-top: 4px; }"
        let head = [
            HTML.tag("meta", ["charset": "utf-8"], nil),
            HTML.tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"], nil),
            HTML.text("title", "Apex Cluster, charts"), HTML.tag("style", style),
        ]
        return "<!DOCTYPE html>\n"
            + HTML.tag(
                "html", ["lang": "en", "xmlns": "http://www.w3.org/1999/xhtml"],
                HTML.tag("head", head.joined(separator: "\n")) + HTML.tag("body", HTML.tag("main", body))) + "\n"
    }

    private static func samples(_ folder: ChartFolder) throws(ReportError) -> String {
        let regimes = try folder.regimes()
        var html = ""
        // In the order of their names: the same every time.
        for regime in Set(regimes).sorted() {
            let numbers = regimes.indices.filter { regimes[$0] == regime }
            let wanted = min(samplesEach, numbers.count)
            let chosen = (0..<wanted).map { numbers[($0 * 2 + 1) * numbers.count / (wanted * 2)] }
            html += HTML.text("h2", "\(regime.isEmpty ? "unknown" : regime): \(Figure.count(numbers.count)) images")
            var pictures = ""
            for picture in try folder.pictures(chosen) {
                let side = min(folder.size, 256)
                let small = ContactSheet.reduced(picture.pixels, size: folder.size, to: side)
                let png = PNG.file(small, width: side, height: side, .grey)
                let day = MarketDate.text(Int32(clamping: picture.date))
                let caption = "\(picture.symbol), \(picture.timeframe), \(day)"
                let image = HTML.tag(
                    "img",
                    [
                        "src": "data:image/png;base64," + Data(png).base64EncodedString(), "alt": "chart of " + caption,
                        "width": "\(side)", "height": "\(side)",
                    ], nil)
                pictures += HTML.tag("figure", image + HTML.text("figcaption", caption))
            }
            html += HTML.tag("div", ["class": "grid small"], pictures)
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
