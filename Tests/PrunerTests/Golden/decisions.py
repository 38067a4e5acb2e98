"""Writes decisions.txt: which trials Optuna 5.0 prunes, report by report, for PrunerDecisionTests to follow.

  python decisions.py > decisions.txt

Per study a head line `study NAME DIRECTION PRUNER`, then what happened, in order:
  `r TRIAL STEP VALUE DECISION`  a report (ignored when the trial has one at that step), and whether to prune after it
  `e TRIAL STATE VALUE`          the trial ended: c complete, p pruned, f failed; the value of a complete one
and at the end per trial that has any its rung notes: `n TRIAL VALUE …`, lowest rung first.
Values are 64ths, so that their sums are exact, or nan, inf, -inf. Several trials run at a time; a trial that is told to
stop goes on now and then all the same, steps are missed, repeated and out of order.
"""
import random
import sys
import warnings
import optuna
from optuna.pruners import (HyperbandPruner, MedianPruner, NopPruner, PatientPruner, PercentilePruner,
                            SuccessiveHalvingPruner, ThresholdPruner, WilcoxonPruner)

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
assert optuna.__version__.startswith("5.0."), optuna.__version__

# as people write it, Optuna's own, trials, longest trial
PRUNERS = [
    ("none", lambda: NopPruner(), 10, 8),
    ("median", lambda: MedianPruner(), 50, 12),
    ("median:startup=0,warmup=2,interval=3,min-trials=4", lambda: MedianPruner(0, 2, 3, n_min_trials=4), 60, 14),
    ("percentile:25", lambda: PercentilePruner(25.0), 50, 12),
    ("percentile:90,startup=3,interval=2", lambda: PercentilePruner(90.0, 3, 0, 2), 50, 12),
    ("percentile:0,startup=1", lambda: PercentilePruner(0.0, 1), 30, 8),
    ("percentile:100,startup=1", lambda: PercentilePruner(100.0, 1), 30, 8),
    ("percentile:33.3,startup=2,warmup=1", lambda: PercentilePruner(33.3, 2, 1), 50, 12),
    ("asha", lambda: SuccessiveHalvingPruner(), 60, 20),
    ("asha:min=1,eta=2", lambda: SuccessiveHalvingPruner(1, 2), 60, 20),
    ("asha:min=2,eta=3,rate=1", lambda: SuccessiveHalvingPruner(2, 3, 1), 60, 30),
    ("asha:min=1,eta=4,bootstrap=5", lambda: SuccessiveHalvingPruner(1, 4, 0, 5), 60, 20),
    ("asha:eta=3", lambda: SuccessiveHalvingPruner(reduction_factor=3), 40, 400),
    ("hyperband", lambda: HyperbandPruner(), 80, 20),
    ("hyperband:min=1,max=27,eta=3", lambda: HyperbandPruner(1, 27, 3), 80, 28),
    ("hyperband:min=2,max=243,eta=2,bootstrap=2", lambda: HyperbandPruner(2, 243, 2, 2), 80, 40),
    ("hyperband:min=1,max=243,eta=3", lambda: HyperbandPruner(1, 243, 3), 60, 30),
    ("hyperband:min=5", lambda: HyperbandPruner(5), 30, 4),
    ("threshold:lower=-1,upper=3", lambda: ThresholdPruner(-1.0, 3.0), 30, 10),
    ("threshold:upper=2.5,warmup=2,interval=2", lambda: ThresholdPruner(upper=2.5, n_warmup_steps=2, interval_steps=2), 30, 10),
    ("threshold:lower=0.5", lambda: ThresholdPruner(lower=0.5), 30, 10),
    ("patient:patience=2", lambda: PatientPruner(None, 2), 30, 12),
    ("patient:patience=0,delta=0.25", lambda: PatientPruner(None, 0, 0.25), 30, 12),
    ("patient:median,patience=1,startup=2", lambda: PatientPruner(MedianPruner(2), 1), 50, 12),
    ("patient:asha:min=1,eta=2,patience=1", lambda: PatientPruner(SuccessiveHalvingPruner(1, 2), 1), 50, 16),
    ("patient:hyperband:max=16,patience=0", lambda: PatientPruner(HyperbandPruner(max_resource=16), 0), 50, 16),
    ("wilcoxon", lambda: WilcoxonPruner(), 50, 16),
    ("wilcoxon:p=0.25,startup=0", lambda: WilcoxonPruner(p_threshold=0.25, n_startup_steps=0), 50, 30),
    ("wilcoxon:p=0.05,startup=8", lambda: WilcoxonPruner(p_threshold=0.05, n_startup_steps=8), 30, 70),
]


def run(name, text, pruner, direction, trials, longest, seed, odd):
    """odd: share of reports that are NaN or infinite."""
    dice = random.Random(seed)
    study = optuna.create_study(study_name=name, direction=direction, pruner=pruner,
                                sampler=optuna.samplers.RandomSampler(seed=0))
    print(f"study {name} {'max' if direction == 'maximize' else 'min'} {text}")
    sign = -1 if direction == "maximize" else 1
    coarse = dice.choice([1, 4, 64])  # coarse values bring ties
    running = []
    asked = 0
    while asked < trials or running:
        if asked < trials and (not running or (len(running) < 4 and dice.random() < 0.3)):
            trial = study.ask()
            asked += 1
            length = dice.choice([longest, longest, dice.randint(0, longest)])
            steps = [s for s in range(length) if dice.random() < 0.9] if longest < 100 else \
                sorted(dice.sample(range(longest), min(length, 12)))
            if dice.random() < 0.15:
                dice.shuffle(steps)
            if steps and dice.random() < 0.2:
                steps.insert(dice.randrange(len(steps)) + 1, dice.choice(steps))
            running.append((trial, steps, dice.random() * 3 - 0.5, dice.random() * 0.4))
            continue
        trial, steps, level, slope = entry = dice.choice(running)
        if steps:
            step = steps.pop(0)
            value = sign * (level + 2.0 / (1 + slope * step) + dice.random() * 0.5 - 1)
            value = round(value * coarse) / coarse
            if dice.random() < odd:
                value = dice.choice([float("nan"), float("nan"), float("inf"), float("-inf")])
            trial.report(value, step)
            prune = trial.should_prune()
            print(f"r {trial.number} {step} {value!r} {int(prune)}")
            if prune and dice.random() < 0.9:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                print(f"e {trial.number} p 0")
                running.remove(entry)
        else:
            running.remove(entry)
            if dice.random() < 0.1:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                print(f"e {trial.number} f 0")
            else:
                value = round(sign * level * 64) / 64 + trial.number / 1048576  # no two alike
                study.tell(trial, value)
                print(f"e {trial.number} c {value!r}")
    for trial in study.get_trials(deepcopy=False):
        rungs = []
        while f"completed_rung_{len(rungs)}" in trial.system_attrs:
            rungs.append(trial.system_attrs[f"completed_rung_{len(rungs)}"])
        if rungs:
            print(f"n {trial.number} " + " ".join(repr(v) for v in rungs))


seed = 0
for text, make, trials, longest in PRUNERS:
    for direction in ("minimize", "maximize"):
        for odd in (0.0, 0.0, 0.08):
            seed += 1
            run(f"study_{seed}", text, make(), direction, trials, longest, seed, odd)
