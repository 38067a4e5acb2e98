import Foundation
import Messages
import Report
import Shards

/// `apex charts`: looks at what a render job drew.
enum ChartsCommand: Subcommand {
    static let name = "charts"
    static let summary = "look at drawn charts: a contact sheet, or a report with samples"
    static let help = """
        usage: apex charts DIR [--sheet FILE.png] [--report FILE.html] [OPTIONS]

        Reads the shards that DIR/manifest.json names and draws a contact sheet of images spread evenly over all of them,
        or writes a report with samples of each regime. Without either, says what is there.

          --sheet FILE      a grey PNG of --images images in --columns columns, each --side pixels
          --report FILE     one HTML file with everything in it
          --images N        on the sheet (default 20)
          --columns N       of the sheet (default 5)
          --side N          pixels of one image on the sheet (default 256, at most the images' own)

        example: apex charts charts --sheet sheet.png
        """

    static func run(_ arguments: inout Arguments) throws -> ExitCode {
        let sheet = try arguments.value("--sheet")
        let report = try arguments.value("--report")
        let images = try arguments.integer("--images", 1...10_000) ?? 20
        let columns = try arguments.integer("--columns", 1...100) ?? 5
        let side = try arguments.integer("--side", 16...1024) ?? 256
        let directory = absolute(try arguments.word("the folder of a render job"))
        try arguments.finishWithoutTrailing()
        let folder = try ChartFolder(directory)
        if let sheet {
            let pictures = try folder.pictures(folder.spread(images))
            let png = ContactSheet.png(pictures, size: folder.size, columns: columns, side: min(side, folder.size))
            try DurableFiles.write(png, to: absolute(sheet))
            print("\(sheet): \(counted(pictures.count, "image")) of \(folder.imageCount)")
        }
        if let report {
            try ChartsReport.write(folder, to: absolute(report))
            print("\(report): samples of \(counted(folder.imageCount, "image"))")
        }
        if sheet == nil, report == nil {
            let shards = folder.manifest["shards"]?.array?.count ?? 0
            print(
                "\(directory): \(counted(folder.imageCount, "image")) of \(folder.size) × \(folder.size) pixels in "
                    + "\(counted(shards, "shard")); `apex charts DIR --sheet sheet.png` draws a contact sheet")
        }
        return .done
    }
}
