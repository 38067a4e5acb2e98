@main enum ApexWorker { static func main() {} }
