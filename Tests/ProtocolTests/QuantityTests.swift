import Messages
import TestSupport
import Testing

@Test(arguments: [
    ("24h", 86_400_000), ("90s", 90_000), ("10m", 600_000), ("500ms", 500), ("1h30m", 5_400_000), ("2d", 172_800_000),
    ("1d2h3m4s5ms", 93_784_005), ("0s", 0), ("007s", 7000),
])
func `durations are read in milliseconds`(text: String, milliseconds: Int) throws {
    #expect(try Quantities.milliseconds(text) == milliseconds)
}

@Test(arguments: [("512M", 512 << 20), ("2G", 2 << 30), ("100B", 100), ("3K", 3072), ("1T", 1 << 40), ("0B", 0)])
func `sizes are read in bytes`(text: String, bytes: Int) throws {
    #expect(try Quantities.bytes(text) == bytes)
}

@Test func `what is no quantity is refused in words`() {
    let advice = "give a duration such as 24h, 90s or 500ms"
    for (text, error) in [
        ("", QuantityError.notAQuantity("", .duration)), ("h", .notAQuantity("h", .duration)),
        ("-3s", .notAQuantity("-3s", .duration)),
        (" 3s", .notAQuantity(" 3s", .duration)), ("3 s", .notAQuantity("3 s", .duration)),
        ("3", .noUnit("3", .duration)),
        ("3x", .unknownUnit("3x", "x", .duration)), ("3m2h", .notAQuantity("3m2h", .duration)),
        ("3s3s", .notAQuantity("3s3s", .duration)),
        ("99999999999999999999s", .tooLarge("99999999999999999999s", .duration)),
        ("365001d", .tooLarge("365001d", .duration)),
        ("999999999999999999d", .tooLarge("999999999999999999d", .duration)),
        ("٣s", .notAQuantity("٣s", .duration)),
    ] {
        #expect(throws: error) { try Quantities.milliseconds(text) }
    }
    #expect(throws: QuantityError.notAQuantity("1.5h", .duration)) { try Quantities.milliseconds("1.5h") }
    #expect(throws: QuantityError.noUnit("512", .size)) { try Quantities.bytes("512") }
    #expect(throws: QuantityError.unknownUnit("5MB", "MB", .size)) { try Quantities.bytes("5MB") }
    #expect(throws: QuantityError.notAQuantity("1G1M", .size)) { try Quantities.bytes("1G1M") }
    #expect(throws: QuantityError.tooLarge("9999999999T", .size)) { try Quantities.bytes("9999999999T") }
    #expect(QuantityError.noUnit("3", .duration).description == "`3` has no unit; \(advice)")
    #expect(
        QuantityError.unknownUnit("3x", "x", .size).description
            == "`3x` has the unit x, which is none; give a size such as 512M or 2G")
}

@Test(arguments: seeds(200)) func `what is written is read back the same`(seed: UInt64) throws {
    var generator = SplitMix(seed: seed)
    let number = Int.random(in: 0...(1 << Int.random(in: 0...44, using: &generator)), using: &generator)
    #expect(try Quantities.milliseconds(Quantities.text(milliseconds: number)) == number)
    #expect(try Quantities.bytes(Quantities.text(bytes: number)) == number)
    #expect(try Quantities.bytes(Quantities.text(bytes: number << 10)) == number << 10)
}
