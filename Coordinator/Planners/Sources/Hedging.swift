/// When a second provider is asked for what the first one has not answered yet.
package enum Hedging: Sendable, Equatable {
    case never
    /// Milliseconds after a call was leased.
    case after(UInt64)
    /// When a call takes longer than so many percent of the provider's latest ones did.
    case percentile(Int)
}
