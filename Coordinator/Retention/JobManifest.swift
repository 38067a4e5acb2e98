import Foundation
import JSON

/// A job's manifest.json: what it made, and what of other jobs it was made of.
struct JobManifest {
    struct Product {
        var kind: ProductKind
        /// In the manifest's folder: a file, or a folder of pictures.
        var path: String
    }
    let folder: String
    let products: [Product]
    /// Absolute paths of other jobs' files.
    let inputs: [String]
    private let value: JSONValue

    /// - Throws: words on what is wrong with it.
    init(path: String) throws(RetentionError) {
        folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard let data = FileManager.default.contents(atPath: path),
            let value = JSONValue(String(decoding: data, as: UTF8.self)), let shards = value["shards"]?.array,
            let job = value["kind"]?.string
        else { throw RetentionError("\(path): is no manifest that this version reads; its folder is left alone.") }
        self.value = value
        let kind: ProductKind = job == "render" ? .tensors : .datasets
        var products: [Product] = []
        for shard in shards {
            for (key, kind) in [("path", kind), ("png_folder", ProductKind.png)] {
                guard let named = shard[key]?.string else { continue }
                // Whoever could write a manifest must not choose what is deleted elsewhere.
                guard !named.hasPrefix("/"), !named.split(separator: "/").contains(".."), !named.isEmpty else {
                    throw RetentionError(
                        "\(path): names \(named), which is not in its folder; its folder is left alone.")
                }
                products.append(Product(kind: kind, path: named))
            }
        }
        self.products = products
        inputs = ["inputs", "label_inputs"].flatMap { value[$0]?.array ?? [] }.compactMap { $0["path"]?.string }
    }

    /// The manifest without some of its products; nil when it would name none.
    func without(_ gone: Set<String>) -> [UInt8]? {
        guard products.contains(where: { !gone.contains($0.path) }), case .object(let members) = value else {
            return nil
        }
        let left = members.map { member -> JSONValue.Member in
            guard member.key == "shards", let shards = member.value.array else { return member }
            let kept = shards.compactMap { shard -> JSONValue? in
                guard case .object(let facts) = shard else { return shard }
                let isGone = shard["path"]?.string.map(gone.contains) ?? false
                let isPictureGone = shard["png_folder"]?.string.map(gone.contains) ?? true
                if isGone && isPictureGone { return nil }
                return .object(
                    facts.filter { fact in
                        !(fact.value.string.map(gone.contains) ?? false && ["path", "png_folder"].contains(fact.key))
                    })
            }
            return JSONValue.Member(key: member.key, value: .array(kept))
        }
        return Array((JSONValue.object(left).text + "\n").utf8)
    }
}

package struct RetentionError: Error, CustomStringConvertible, Equatable {
    package var description: String
    init(_ description: String) { self.description = description }
}
