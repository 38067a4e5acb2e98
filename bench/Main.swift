@main enum Bench { static func main() { SimulateBench.run(arguments: Array(CommandLine.arguments.dropFirst(2))) } }
