import CHDF5

/// One identifier of the HDF5 library: closed once, when it goes.
struct HDF5: ~Copyable {
    /// H5P_DEFAULT, which Swift reads as a number of another size.
    static let standard = hid_t(H5P_DEFAULT)
    let id: hid_t
    private let close: @Sendable (hid_t) -> Void

    /// - Throws: when the library answered with a negative identifier.
    init(_ id: hid_t, _ doing: String, _ path: String, close: @escaping @Sendable (hid_t) -> Void) throws(ShardError) {
        guard id >= 0 else { throw .library(doing, path) }
        self.id = id
        self.close = close
    }
    deinit { close(id) }

    /// Before anything else in a thread.
    static func prepare() throws(ShardError) {
        apex_h5_quiet()
        var isSafe = hbool_t(false)
        // The library of Debian and Ubuntu is built with a lock of its own.
        guard unsafe H5is_library_threadsafe(&isSafe) >= 0, isSafe else {
            throw ShardError(.system, "this HDF5 library is not built for threads; install the package libhdf5-dev.")
        }
    }
    static func check(_ status: herr_t, _ doing: String, _ path: String) throws(ShardError) {
        guard status >= 0 else { throw .library(doing, path) }
    }

    static func propertyList(_ kind: hid_t, _ path: String) throws(ShardError) -> HDF5 {
        try HDF5(H5Pcreate(kind), "making a property list", path) { _ = H5Pclose($0) }
    }
    static func space(_ dimensions: [Int], _ path: String) throws(ShardError) -> HDF5 {
        // An array of no dimensions is one element.
        let id =
            dimensions.isEmpty
            ? H5Screate(H5S_SCALAR)
            : unsafe H5Screate_simple(Int32(dimensions.count), dimensions.map(hsize_t.init), nil)
        return try HDF5(id, "making a data space", path) { _ = H5Sclose($0) }
    }
    static func type(_ type: ColumnType, _ path: String) throws(ShardError) -> HDF5 {
        let builtIn =
            switch type {
            case .uint8: apex_h5_uint8()
            case .int8: apex_h5_int8()
            case .int32: apex_h5_int32()
            case .int64: apex_h5_int64()
            case .float32: apex_h5_float32()
            case .float64: apex_h5_float64()
            case .ascii: apex_h5_string()
            }
        let copy = try HDF5(H5Tcopy(builtIn), "copying a type", path) { _ = H5Tclose($0) }
        if case .ascii(let bytes) = type {
            try check(H5Tset_size(copy.id, bytes), "sizing a string", path)
            try check(H5Tset_strpad(copy.id, H5T_STR_NULLPAD), "padding a string", path)
        }
        return copy
    }
    /// Strings of any length in UTF-8.
    static func textType(_ path: String) throws(ShardError) -> HDF5 {
        let copy = try HDF5(H5Tcopy(apex_h5_string()), "copying a type", path) { _ = H5Tclose($0) }
        try check(H5Tset_size(copy.id, apex_h5_variable()), "sizing a string", path)
        try check(H5Tset_cset(copy.id, H5T_CSET_UTF8), "naming a character set", path)
        return copy
    }
}
