import Foundation
import Jobs
import Report
import TestSupport
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Reads a page as XML: what it says, draws and would fetch.
private final class PageReader: NSObject, XMLParserDelegate {
    var text = ""
    var headings: [String] = []
    var elements: [String: Int] = [:]
    var references: [String] = []
    /// Attributes of drawings that hold no number a browser reads.
    var unreadable: [String] = []
    private var inHeading = false
    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements[name, default: 0] += 1
        references += ["src", "href", "data", "action"].compactMap { attributes[$0] }
        if name == "h2" {
            headings.append("")
            inHeading = true
        }
        for key in ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "d", "viewBox"] {
            let words = attributes[key]?.lowercased() ?? ""
            if words.contains("nan") || words.contains("inf") || words.contains("e") {
                unreadable.append("\(name) \(key)=\(words.prefix(60))")
            }
        }
    }
    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        if name == "h2" { inHeading = false }
    }
    func parser(_ parser: XMLParser, foundCharacters string: String) {
        text += string
        if inHeading { headings[headings.count - 1] += string }
    }
}

private func page(_ spec: Study.Spec, _ trials: [Study.Trial]) throws -> (reader: PageReader, bytes: Int) {
    let folder = TemporaryFolder("report")
    let path = folder.path + "/report.html"
    try StudyReport(spec, trials).write(to: path)
    let data = try #require(FileManager.default.contents(atPath: path))
    let parser = XMLParser(data: data)
    let reader = PageReader()
    parser.delegate = reader
    #expect(parser.parse(), "\(String(describing: parser.parserError)) at line \(parser.lineNumber)")
    #expect(reader.references.isEmpty && reader.elements["script"] == nil && reader.elements["link"] == nil)
    #expect(reader.unreadable.isEmpty, "\(reader.unreadable.prefix(3))")
    let source = String(decoding: data, as: UTF8.self)
    #expect(!source.contains("url(") && !source.contains("@import"))
    #expect(source.contains("prefers-color-scheme: dark"))
    return (reader, data.count)
}

@Test(arguments: [0, 1, 2, 3, 40], [1, 3])
func `a report is well-formed and drawable whatever the values are`(count: Int, objectives: Int) throws {
    for seed in seeds(5) {
        let spec = MadeUp.spec(
            directions: objectives == 1 ? [.maximize] : [.minimize, .maximize, .minimize])
        var chance = SplitMix(seed: seed)
        var trials = MadeUp.trials(count, of: spec, seed: seed)
        if count > 2 {
            trials.append(MadeUp.begun(count, of: spec, &chance))
            trials.append(MadeUp.waiting(MadeUp.begun(count + 1, of: spec, &chance)))
        }
        let (reader, _) = try page(spec, trials)
        #expect(reader.headings.contains("How it was run"))
        #expect(reader.headings.contains("Trials") == (count > 0))
        if count == 40 {
            for heading in ["Slices", "Importance", "Time line by worker"] {
                #expect(reader.headings.contains(heading), "seed \(seed)")
            }
            #expect(reader.headings.contains("Pareto front") == (objectives > 1))
            #expect(reader.headings.contains("Parallel coordinates") == (objectives == 1))
            #expect(reader.headings.contains("Intermediate values") == (objectives == 1))
        }
    }
}

@Test func `values at the ends of what a double can be are drawn`() throws {
    let spec = MadeUp.spec()
    for values in [
        [-Double.greatestFiniteMagnitude, .greatestFiniteMagnitude], [0, .leastNonzeroMagnitude],
        [1, 1.nextUp], [1e300, 1e300.nextUp], [.infinity, -.infinity], [.infinity, .infinity], [7, 7],
    ] {
        var chance = SplitMix(seed: 1)
        let trials = (0..<30).map { number in
            var trial = MadeUp.begun(number, of: spec, &chance)
            trial.state = .complete
            trial.values = [values[number % 2]]
            trial.reports = [Study.Report(step: 0, value: values[number % 2]), Study.Report(step: .max, value: 1)]
            (trial.started, trial.ended) = (MadeUp.now, MadeUp.now + UInt64(number))
            return trial
        }
        _ = try page(spec, trials)
    }
}

@Test func `ten thousand trials of many parameters are thinned, and the page says of how many`() throws {
    var spec = MadeUp.spec()
    spec.parameters = (0..<60).map { StudyParameter("p\($0)", .float(low: 0, high: 1, step: nil, log: false)) }
    var chance = SplitMix(seed: 8)
    let trials = (0..<10_000).map { number in
        var trial = MadeUp.begun(number, of: spec, &chance)
        trial.state = .complete
        trial.values = [trial.parameters[0]! + trial.parameters[1]! / 2]
        (trial.started, trial.ended) = (MadeUp.now + UInt64(number), MadeUp.now + UInt64(number) + 5)
        trial.worker = "w\(number % 300)"
        return trial
    }
    let (reader, bytes) = try page(spec, trials)
    #expect(bytes < 16 << 20, "\(bytes) bytes")
    #expect(reader.text.contains("of 10,000"))
    for part in ["History", "Parallel coordinates", "Slices", "Contour of the two that matter most"] {
        #expect(reader.headings.contains(part))
    }
    #expect(reader.text.components(separatedBy: "of 10,000").count > 5)
    // 300 workers are more than a picture holds: said, not left out.
    #expect(reader.headings.contains("Time line by worker"))
}
