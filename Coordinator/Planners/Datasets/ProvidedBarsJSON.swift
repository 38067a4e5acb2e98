import JSON
import Jobs

// Who gave the bars of a source, as manifests say it.
extension [ProvidedBars] {
    /// Their names: `alpaca, tradier`.
    var names: JSONValue { isEmpty ? .null : .string(Set(map(\.provider)).sorted().joined(separator: ", ")) }
    /// Of the least trusted of them.
    var worstTier: JSONValue { map(\.tier).max().map { JSONValue(Int($0)) } ?? .null }
    var json: JSONValue {
        .array(
            map { one in
                ["provider": .string(one.provider), "tier": JSONValue(Int(one.tier)), "bars": JSONValue(Int(one.bars))]
            })
    }
}
