@main enum Apex { static func main() {} }
