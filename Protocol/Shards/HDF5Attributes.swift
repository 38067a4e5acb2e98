import CHDF5
import Glibc

extension HDF5 {
    /// Writes an attribute of the object `id`.
    static func write(_ attribute: ShardAttribute, to id: hid_t, _ path: String) throws(ShardError) {
        let doing = "writing the attribute \(attribute.name)"
        func make(_ type: hid_t, _ space: hid_t) throws(ShardError) -> HDF5 {
            try HDF5(unsafe H5Acreate2(id, attribute.name, type, space, HDF5.standard, HDF5.standard), doing, path) {
                _ = H5Aclose($0)
            }
        }
        switch attribute.value {
        case .integer(var value):
            let type = try type(.int64, path)
            let space = try space([], path)
            let made = try make(type.id, space.id)
            try check(unsafe H5Awrite(made.id, type.id, &value), doing, path)
        case .double(var value):
            let type = try type(.float64, path)
            let space = try space([], path)
            let made = try make(type.id, space.id)
            try check(unsafe H5Awrite(made.id, type.id, &value), doing, path)
        case .string(let text): try writeTexts([text], isList: false, make, doing, path)
        case .strings(let texts): try writeTexts(texts, isList: true, make, doing, path)
        }
    }

    private static func writeTexts(
        _ texts: [String], isList: Bool, _ make: (hid_t, hid_t) throws(ShardError) -> HDF5, _ doing: String,
        _ path: String
    ) throws(ShardError) {
        let type = try textType(path)
        let space = try space(isList ? [texts.count] : [], path)
        let made = try make(type.id, space.id)
        // The library reads the C strings during the call only; each was allocated here and is freed here.
        let copies = unsafe texts.map { unsafe strdup($0) }
        defer { for at in unsafe copies.indices { unsafe free(copies[at]) } }
        try check(unsafe H5Awrite(made.id, type.id, copies), doing, path)
    }

    /// The attribute of the object `id`; nil when there is none or it is of a kind that shards do not have.
    static func attribute(_ name: String, of id: hid_t, _ path: String) throws(ShardError) -> ShardAttribute.Value? {
        guard unsafe H5Aexists(id, name) > 0 else { return nil }
        let doing = "reading the attribute \(name)"
        let attribute = try HDF5(unsafe H5Aopen(id, name, HDF5.standard), doing, path) { _ = H5Aclose($0) }
        let type = try HDF5(H5Aget_type(attribute.id), doing, path) { _ = H5Tclose($0) }
        let space = try HDF5(H5Aget_space(attribute.id), doing, path) { _ = H5Sclose($0) }
        let count = Int(H5Sget_simple_extent_npoints(space.id))
        let isScalar = H5Sget_simple_extent_type(space.id) == H5S_SCALAR
        switch H5Tget_class(type.id) {
        case H5T_INTEGER where isScalar && H5Tget_size(type.id) <= 8:
            var value: Int64 = 0
            try check(unsafe H5Aread(attribute.id, apex_h5_int64(), &value), doing, path)
            return .integer(value)
        case H5T_FLOAT where isScalar && H5Tget_size(type.id) <= 8:
            var value = 0.0
            try check(unsafe H5Aread(attribute.id, apex_h5_float64(), &value), doing, path)
            return .double(value)
        case H5T_STRING where H5Tis_variable_str(type.id) > 0 && count >= 0 && count <= 1 << 20:
            var pointers = unsafe [UnsafeMutablePointer<CChar>?](repeating: nil, count: max(count, 1))
            let memory = try textType(path)
            try check(unsafe H5Aread(attribute.id, memory.id, &pointers), doing, path)
            // The library allocated the strings, and frees them below.
            let texts = unsafe pointers.prefix(count).map { pointer in
                if let pointer = unsafe pointer { unsafe String(cString: pointer) } else { "" }
            }
            try check(unsafe H5Dvlen_reclaim(memory.id, space.id, HDF5.standard, &pointers), doing, path)
            return isScalar ? .string(texts.first ?? "") : .strings(texts)
        default: return nil
        }
    }
}
