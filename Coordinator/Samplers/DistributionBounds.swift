extension Distribution {
    /// The highest value that is reached: `high` lowered to the last step. Choices: the last position.
    package var lastValue: Double { Axis(self).high }
    /// Whether there is nothing to choose.
    package var isSingle: Bool { Axis(self).isSingle }
}
