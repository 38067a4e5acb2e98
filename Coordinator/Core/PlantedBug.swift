/// Mistakes that tests put into the core on purpose, to see that the simulator finds each. Never set outside tests.
package enum PlantedBug: String, Sendable, CaseIterable {
    case acceptsStaleClaims, acceptsTwice, acknowledgesWithoutStoring, losesDonations, forgetsLoad, forgetsCancel
    case reusesEpochs, forgetsEpochsInRestart, losesRequeued, ignoresSilence, ignoresLostMessages, blamesNeighbours
    case ignoresDependencies, countsMemoryOnce, forgetsFailures, startsPaused
    case forgetsTokens, retriesPoison, retriesForEver, forgetsDeposits, forgetsReservation, assignsToDraining
    /// Of the shell that the simulator stands for: it sends before it has stored.
    case acknowledgesBeforeCommit
    case ignoresDeadline, losesReturned, forgetsRevoke, handsOutUnstored
    case forgetsWithdrawals, forgetsElapsed, addsBudgetTwice
    /// Of second claims.
    case keepsLosingClaim, keepsLosersCore, acceptsBothResults, claimsThrice, doublesSlices, forgetsSecondInRestart
    case forgetsDeathsInRestart
    /// Of deaths that are held against tasks.
    case keepsBlame, forgetsBlameInRestart, triesSuspectsTogether, triesLastBesideOthers
    /// Of results that are taken from earlier tasks; the last two of the shell that the simulator stands for.
    case forgetsReused, queuesReused, reusesOldCode, reusesAnything
}
