import Foundation
import JSON
import Jobs
import Messages
import Report

/// `apex study report`.
enum StudyReportCommand: Subcommand {
    static let name = "report"
    static let summary = "a page with pictures: history, parameters, importance, time line"
    static let help = """
        usage: apex study report NAME [--out FILE]

        One HTML file that needs nothing else: history, parallel coordinates, slices, contour, importance, intermediate
        values, time line by worker, all trials. It may be made while the study runs.
          --out FILE        where to (default: NAME.html here)
          --json            {"study","report","bytes"}
        \(whereHelp)

        example: apex study report fit --out fit.html
        """
    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let out = try arguments.value("--out")
        let named = try NamedStudy(&arguments)
        try arguments.finishWithoutTrailing()
        let study = try named.open()
        let path = absolute(out ?? "\(named.name).html")
        try StudyReport(study.spec, try study.trials()).write(to: path)
        let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
        if named.json {
            printJSON(["study": .string(named.name), "report": .string(path), "bytes": JSONValue(size)])
        } else {
            print(path)
        }
        return .done
    }
}
