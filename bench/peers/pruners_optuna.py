"""pruners_optuna.py PRUNER TRIALS: Optuna's microseconds per report and decision after TRIALS finished trials, then the
decisions. PRUNER is median or asha. The reports are those of bench/Pruners.swift, which runs this.
"""
import sys
import time
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
STEPS, NEW = 20, 10
state = 42


def draw():
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 11) / 2.0**53


def curve():
    level = draw()
    return [level + 1 / (step + 1) + draw() / 4 for step in range(STEPS)]


which, count = sys.argv[1], int(sys.argv[2])
pruner = optuna.pruners.MedianPruner() if which == "median" else optuna.pruners.SuccessiveHalvingPruner(1, 2)
study = optuna.create_study(pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))
trials = []
for _ in range(count):
    values = curve()
    rungs = {f"completed_rung_{rung}": values[step] for rung, step in enumerate([1, 2, 4, 8, 16])}
    trials.append(optuna.trial.create_trial(value=values[-1], intermediate_values=dict(enumerate(values)),
                                            system_attrs=rungs if which == "asha" else {}))
study.add_trials(trials)
decisions, spent = "", 0.0
for _ in range(NEW):
    trial = study.ask()
    for step, value in enumerate(curve()):
        start = time.perf_counter()
        trial.report(value, step)
        decision = trial.should_prune()
        spent += time.perf_counter() - start
        decisions += "1" if decision else "0"
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
print(spent * 1e6 / (NEW * STEPS))
print(decisions)
