import Messages

/// How many of a file's or a store's bars one provider gave, for manifests of what was made of them.
package struct ProvidedBars: Wire, Equatable {
    /// As in `ProviderList`; `files` where a file says no more.
    package var provider: String
    /// How far its bars are trusted: see `ProviderTraits.tier`.
    package var tier: UInt8
    package var bars: UInt64
    package init(provider: String, tier: UInt8, bars: Int) {
        self.provider = provider
        self.tier = tier
        self.bars = UInt64(bars)
    }
    package func write(to writer: inout WireWriter) {
        writer.string(provider)
        writer.integer(tier)
        writer.integer(bars)
    }
    package init(from reader: inout WireReader) throws(WireError) {
        provider = try reader.string()
        tier = try reader.integer()
        bars = try reader.integer()
    }
}
