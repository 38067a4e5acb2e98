import COpenBLAS

/// Square and rectangular matrices for LAPACK, column after column.
struct Matrix: Sendable {
    let rows: Int
    let columns: Int
    var values: [Double]

    init(_ rows: Int, _ columns: Int, repeating value: Double = 0) {
        self.rows = rows
        self.columns = columns
        values = [Double](repeating: value, count: rows * columns)
    }
    static func identity(_ size: Int) -> Matrix {
        var result = Matrix(size, size)
        for at in 0..<size { result[at, at] = 1 }
        return result
    }
    subscript(row: Int, column: Int) -> Double {
        get { values[column * rows + row] }
        set { values[column * rows + row] = newValue }
    }

    /// The lower triangle L with L·Lᵀ = self, whose lower triangle is read; nil when self is not positive definite.
    func cholesky() -> Matrix? {
        useOneThread()
        var result = self
        var (size, info) = (Int32(rows), Int32(0))
        unsafe dpotrf_("L", &size, &result.values, &size, &info)
        return info == 0 ? result : nil
    }

    /// The inverse of L·Lᵀ, both triangles; self is L.
    func inverseFromCholesky() -> Matrix {
        var result = self
        var (size, info) = (Int32(rows), Int32(0))
        unsafe dpotri_("L", &size, &result.values, &size, &info)
        for column in 0..<rows { for row in 0..<column { result[row, column] = result[column, row] } }
        return result
    }

    /// L⁻¹·b, or L⁻ᵀ·b; self is L.
    func solve(_ b: Matrix, transposed: Bool = false) -> Matrix {
        var result = b
        unsafe cblas_dtrsm(
            CblasColMajor, CblasLeft, CblasLower, transposed ? CblasTrans : CblasNoTrans, CblasNonUnit, Int32(rows),
            Int32(b.columns), 1, values, Int32(rows), &result.values, Int32(rows))
        return result
    }

    /// Eigenvalues, ascending, and eigenvectors as columns of a symmetric matrix; nil when it holds NaN or the method
    /// does not converge.
    func eigen() -> (values: [Double], vectors: Matrix)? {
        useOneThread()
        var vectors = self
        var eigenvalues = [Double](repeating: 0, count: rows)
        var (size, info) = (Int32(rows), Int32(0))
        var workCount = Int32(max(1, 34 * rows))
        var work = [Double](repeating: 0, count: Int(workCount))
        guard values.allSatisfy(\.isFinite) else { return nil }
        unsafe dsyev_("V", "L", &size, &vectors.values, &size, &eigenvalues, &work, &workCount, &info)
        return info == 0 ? (eigenvalues, vectors) : nil
    }
}

/// The cores are the workers'.
private func useOneThread() { openblas_set_num_threads(1) }
