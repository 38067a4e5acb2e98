import CSQLite

/// One compiled statement. Parameters are counted from 1 and columns from 0, as SQLite does.
@safe package struct Statement: ~Copyable {
    private let path: String
    private let pointer: OpaquePointer

    /// Takes over `pointer`, a statement from `sqlite3_prepare`.
    @unsafe init(_ pointer: OpaquePointer, path: String) {
        unsafe self.pointer = pointer
        self.path = path
    }
    deinit { unsafe sqlite3_finalize(pointer) }

    // MARK: Parameters

    package func bind(_ value: Int64, at parameter: Int) throws(DatabaseError) {
        try check(unsafe sqlite3_bind_int64(pointer, Int32(parameter), value), parameter)
    }
    package func bind(_ value: Int, at parameter: Int) throws(DatabaseError) {
        try bind(Int64(value), at: parameter)
    }
    /// SQLite stores NaN as NULL.
    package func bind(_ value: Double, at parameter: Int) throws(DatabaseError) {
        try check(unsafe sqlite3_bind_double(pointer, Int32(parameter), value), parameter)
    }
    package func bind(_ text: String, at parameter: Int) throws(DatabaseError) {
        try bind(utf8: Array(text.utf8), at: parameter)
    }
    /// Text from its UTF-8 bytes, for whoever has bytes already.
    package func bind(utf8 bytes: [UInt8], at parameter: Int) throws(DatabaseError) {
        // SQLite copies the bytes (`transient`) before the call returns; an empty array's pointer is never nil.
        let code = unsafe bytes.withUnsafeBytes { buffer in
            unsafe sqlite3_bind_text64(
                pointer, Int32(parameter), buffer.baseAddress?.assumingMemoryBound(to: CChar.self) ?? Self.nothing,
                UInt64(bytes.count), Self.transient, UInt8(SQLITE_UTF8))
        }
        try check(code, parameter)
    }
    package func bind(blob bytes: [UInt8], at parameter: Int) throws(DatabaseError) {
        // As above. Without an address SQLite would store NULL, so an empty blob is asked for by its length.
        let code = unsafe bytes.withUnsafeBytes { buffer in
            if let address = buffer.baseAddress, bytes.count > 0 {
                unsafe sqlite3_bind_blob64(
                    pointer, Int32(parameter), address, UInt64(bytes.count), Self.transient)
            } else {
                unsafe sqlite3_bind_zeroblob(pointer, Int32(parameter), 0)
            }
        }
        try check(code, parameter)
    }
    package func bindNull(at parameter: Int) throws(DatabaseError) {
        try check(unsafe sqlite3_bind_null(pointer, Int32(parameter)), parameter)
    }

    // MARK: Running

    /// - Returns: true with a row to read, false when there are no more; then call `reset` before the next use.
    package func step() throws(DatabaseError) -> Bool {
        let code = unsafe sqlite3_step(pointer)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let error = failure(code, while: "running `\(sql)`")
            unsafe sqlite3_reset(pointer)
            throw error
        }
    }
    /// Ready to run again; what was bound stays bound.
    package func reset() {
        // Its code repeats the error that `step` threw.
        unsafe sqlite3_reset(pointer)
    }
    /// Runs to the end, ignoring rows, and resets: an INSERT in a loop is `bind…`, `run()`.
    package func run() throws(DatabaseError) {
        while try step() {}
        reset()
    }

    // MARK: Columns of the current row

    package var columnCount: Int { Int(unsafe sqlite3_column_count(pointer)) }
    package func columnName(_ column: Int) -> String {
        unsafe sqlite3_column_name(pointer, Int32(column)).map { unsafe String(cString: $0) } ?? ""
    }
    package func isNull(_ column: Int) -> Bool { unsafe sqlite3_column_type(pointer, Int32(column)) == SQLITE_NULL }
    /// 0 for NULL.
    package func integer(_ column: Int) -> Int64 { unsafe sqlite3_column_int64(pointer, Int32(column)) }
    /// 0 for NULL.
    package func double(_ column: Int) -> Double { unsafe sqlite3_column_double(pointer, Int32(column)) }
    /// Empty for NULL.
    package func text(_ column: Int) -> String {
        // Asking for the text first fixes its length; both stay valid until the next step.
        guard let characters = unsafe sqlite3_column_text(pointer, Int32(column)) else { return "" }
        let count = Int(unsafe sqlite3_column_bytes(pointer, Int32(column)))
        return unsafe String(decoding: UnsafeBufferPointer(start: characters, count: count), as: UTF8.self)
    }
    /// Empty for NULL.
    package func blob(_ column: Int) -> [UInt8] {
        guard let address = unsafe sqlite3_column_blob(pointer, Int32(column)) else { return [] }
        let count = Int(unsafe sqlite3_column_bytes(pointer, Int32(column)))
        return unsafe Array(UnsafeRawBufferPointer(start: address, count: count))
    }
    /// The bytes of a blob where SQLite holds them, without a copy; empty for NULL.
    package func withBlob<Answer, Failure: Error>(
        _ column: Int, _ body: (borrowing RawSpan) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        let address = unsafe sqlite3_column_blob(pointer, Int32(column))
        let count = unsafe address == nil ? 0 : Int(sqlite3_column_bytes(pointer, Int32(column)))
        // Valid until the next step, reset or conversion: `body` cannot keep the span, and has no other way to this row
        // than columns of their own type.
        return try body(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: address, count: count)))
    }

    // MARK: Errors

    private var sql: String {
        DatabaseError.shortened(unsafe sqlite3_sql(pointer).map { unsafe String(cString: $0) } ?? "")
    }
    private func check(_ code: Int32, _ parameter: Int) throws(DatabaseError) {
        guard code != SQLITE_OK else { return }
        throw failure(code, while: "binding parameter \(parameter) of `\(sql)`")
    }
    private func failure(_ code: Int32, while doing: String) -> DatabaseError {
        unsafe DatabaseError(code: code, connection: sqlite3_db_handle(pointer), path: path, while: doing)
    }

    /// SQLITE_TRANSIENT, a cast macro that Swift does not import: SQLite compares it, and never calls it.
    private static var transient: sqlite3_destructor_type {
        unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }
    /// Where empty text begins: an address that is never read.
    private static var nothing: UnsafePointer<CChar> {
        unsafe UnsafePointer(bitPattern: 1).unsafelyUnwrapped
    }
}
