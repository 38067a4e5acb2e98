import JSON

/// The one object that `--json` prints: one line on standard output.
func printJSON(_ value: JSONValue) {
    print(value.text)
}
