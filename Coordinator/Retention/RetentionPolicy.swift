/// What a job leaves behind, by how long it is kept.
package enum ProductKind: String, CaseIterable, Sendable {
    /// Pictures to look at.
    case png
    /// Shards of chart images.
    case tensors
    /// Labels and training sets; and shards of which nobody says what they are.
    case datasets
    /// What an interrupted job left under a temporary name.
    case temporary
}

/// How many days each kind is kept.
package struct RetentionPolicy: Sendable, Equatable {
    package var pngDays: Int, tensorDays: Int, datasetDays: Int
    /// A job that still runs has touched its temporary files since.
    package static let temporaryDays = 2

    package init(pngDays: Int = 30, tensorDays: Int = 180, datasetDays: Int = 365) {
        self.pngDays = pngDays
        self.tensorDays = tensorDays
        self.datasetDays = datasetDays
    }
    package func days(_ kind: ProductKind) -> Int {
        switch kind {
        case .png: pngDays
        case .tensors: tensorDays
        case .datasets: datasetDays
        case .temporary: Self.temporaryDays
        }
    }
}
