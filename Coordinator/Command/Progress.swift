import Messages

final class Progress {
    func show(_ plan: PlanStatus, budget: BudgetStatus?) {}
    func end() {}
}
