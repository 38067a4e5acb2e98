import Market

/// report.html: one file that needs nothing else: no script, no font, no request.
package enum ReportHTML {
    package static func write(_ input: ReportInput, to path: String) throws(ReportError) {
        try FinishedFile.write(Array(page(try RunView(input)).utf8), to: path)
    }

    static func page(_ view: RunView) -> String {
        let week = MarketDate.text(view.input.universe.dates.last!)
        let head = [
            HTML.tag("meta", ["charset": "utf-8"], nil),
            HTML.tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"], nil),
            HTML.text("title", "Apex Cluster, week ending \(week)"),
            // Not escaped: the style holds no character that XML would mind.
            HTML.tag("style", ReportStyle.css),
        ]
        let body =
            [view.headline] + view.groups.indices.map { view.groupSection($0) } + [
                view.studySection, view.budgetSection, view.rejectionSection, view.reproductionSection,
                HTML.text(
                    "footer", [:],
                    "These groups were picked because they fit these five days best: expect less of them on other days. "
                        + "This is no investment advice."),
            ]
        return "<!DOCTYPE html>\n"
            + HTML.tag(
                "html", ["lang": "en", "xmlns": "http://www.w3.org/1999/xhtml"],
                HTML.tag("head", head.joined(separator: "\n"))
                    + HTML.tag("body", HTML.tag("main", body.joined(separator: "\n")))) + "\n"
    }
}

/// All the files a finished run leaves.
package enum RunFiles {
    /// Writes run.sqlite, report.json and report.html into a folder that exists.
    package static func write(_ input: ReportInput, folder: String) throws(ReportError) {
        let view = try RunView(input)
        try RunDatabase.write(view, to: folder + "/run.sqlite")
        try FinishedFile.write(ReportJSON.bytes(view), to: folder + "/report.json")
        try FinishedFile.write(Array(ReportHTML.page(view).utf8), to: folder + "/report.html")
    }
}
