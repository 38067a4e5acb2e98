import Store

/// The tables of `bars.sqlite`. Why SQLite and not HDF5, with figures: bench/RESULTS.md, Bars.
enum BarStoreSchema {
    /// 1 had no `newest`; such a store is read as it is, and becomes one of this version when it is written to.
    static let version = 2
    static let oldestVersion = 1
    /// One block of 256 bars (13.3 kB) and its row lie on one page.
    static let pageBytes = 16_384

    /// Bars of a series that are kept once more in a row of their own: a weekend's 35 and a week.
    static let newestBars = 40
    static let newestTable = """
        -- The newest bars of each series once more, so that those of many series lie together: made from the blocks in
        -- the same transaction, and not believed when it is damaged. columns, crc: as in block.
        CREATE TABLE newest(
            series INTEGER PRIMARY KEY, count INTEGER NOT NULL, crc INTEGER NOT NULL, columns BLOB NOT NULL);
        """

    static let tables = """
        CREATE TABLE store_info(version INTEGER NOT NULL);
        INSERT INTO store_info VALUES(\(version));

        CREATE TABLE series(
            id INTEGER PRIMARY KEY, minutes INTEGER NOT NULL, symbol TEXT NOT NULL, adjustment TEXT NOT NULL,
            feed TEXT NOT NULL, UNIQUE(minutes, adjustment, feed, symbol));

        -- One answer of one provider. received: milliseconds since 1970 UTC; tier: 0 the best source.
        CREATE TABLE batch(
            id INTEGER PRIMARY KEY, identifier TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, request TEXT NOT NULL,
            received INTEGER NOT NULL, tier INTEGER NOT NULL, added INTEGER NOT NULL, same INTEGER NOT NULL,
            revised INTEGER NOT NULL, aside INTEGER NOT NULL, refused INTEGER NOT NULL);

        -- id = series << 32 | minutes from 1900 to the first bar: a series' blocks lie together, in order of time.
        -- first, last: starts of its bars; columns: see BarBlock; crc: CRC-32 of columns.
        CREATE TABLE block(
            id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
            crc INTEGER NOT NULL, columns BLOB NOT NULL);

        -- Values that are not current. why: superseded (current before), other_source (of a source as good or worse),
        -- older (received before what is current). batch: what brought these; instead: what brought the current ones.
        CREATE TABLE revision(
            id INTEGER PRIMARY KEY, series INTEGER NOT NULL, start INTEGER NOT NULL, why TEXT NOT NULL,
            batch INTEGER NOT NULL, instead INTEGER NOT NULL,
            open REAL, high REAL, low REAL, close REAL, volume REAL);
        CREATE INDEX revision_of_bar ON revision(series, start);

        -- What no bar can be, as it came; a value that is not a number is NULL.
        CREATE TABLE refused(
            id INTEGER PRIMARY KEY, series INTEGER NOT NULL, start INTEGER NOT NULL, reason TEXT NOT NULL,
            batch INTEGER NOT NULL, open REAL, high REAL, low REAL, close REAL, volume REAL);
        CREATE INDEX refused_of_series ON refused(series, start);

        -- From … until (not included) a provider has answered in full. Ranges of one provider and series never touch.
        CREATE TABLE coverage(
            series INTEGER NOT NULL, provider TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
            PRIMARY KEY(series, provider, since)) WITHOUT ROWID;

        -- What a check found, newest check only. kind and detail in words; start NULL: of the whole series.
        CREATE TABLE verdict(
            id INTEGER PRIMARY KEY, series INTEGER NOT NULL, start INTEGER, kind TEXT NOT NULL, detail TEXT NOT NULL,
            checked INTEGER NOT NULL);
        CREATE INDEX verdict_of_series ON verdict(series, start);
        \(newestTable)
        """

    /// The block's row of a series whose first bar starts at `first`.
    static func blockID(series: Int64, first: Int64) -> Int64 { series << 32 | minutesSince1900(first) }
    /// 1900-01-01 is 25,567 days before 1970.
    static func minutesSince1900(_ start: Int64) -> Int64 { start / 60_000 + 25_567 * 1440 }
    /// What a bar's start may be: whole minutes from 1900 to 2200.
    static let starts: Range<Int64> = -25_567 * BarTime.day..<84_006 * BarTime.day
}
