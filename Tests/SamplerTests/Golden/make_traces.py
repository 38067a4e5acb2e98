"""Writes traces.txt: what Optuna 5.0 suggests, trial by trial, for TPETests to follow bit for bit.

Run with NumPy's SIMD dispatch off, since its sort order of equal keys depends on it:
  NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL AVX512_SPR" python make_traces.py > traces.txt

Per study a head line `study NAME SEED DIRECTION MULTIVARIATE BATCH`, its parameters in the order asked
(`float|int NAME LOW HIGH STEP LOG`, `choice NAME COUNT`), then one line a trial: the outcome (`c VALUE` or
`p STEP VALUE`), then a value a parameter (a choice by its position). Doubles are their shortest decimals.
The trials of a batch are all asked for before the first of them is told.
"""
import math
import sys
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

optuna.logging.set_verbosity(optuna.logging.ERROR)
assert optuna.__version__.startswith("5.0."), optuna.__version__

F, I, C = FloatDistribution, IntDistribution, lambda n: CategoricalDistribution(list(range(n)))
MIXED = {"x": F(-5, 5), "rate": F(1e-5, 1e-1, log=True), "gap": F(-2, 2, step=0.1), "period": I(2, 20),
         "units": I(1, 512, log=True), "kind": C(3)}
WEEKEND = {"period": I(2, 14), "natr_low": I(0, 48), "natr_width": I(0, 58), "trend_pct": I(0, 100), "lookback": I(1, 8),
           "volume": C(2), "volume_multiple": I(0, 12), "volume_period": I(5, 20)}
# name, space, seed, maximise, multivariate, batch, trials, share of trials pruned
STUDIES = [
    ("float", {"b": F(-5, 5), "a": F(0, 1), "c": F(-1000, 3)}, 1, False, True, 1, 120, 0),
    ("float univariate", {"b": F(-5, 5), "a": F(0, 1)}, 2, False, False, 1, 80, 0),
    ("log", {"rate": F(1e-6, 1, log=True), "decay": F(0.5, 1e4, log=True)}, 3, True, True, 1, 120, 0),
    ("int", {"m": I(0, 9), "n": I(2, 200), "k": I(-30, 30)}, 4, False, True, 1, 150, 0),
    ("int univariate", {"m": I(0, 9), "n": I(2, 200)}, 5, True, False, 1, 100, 0),
    ("int log", {"u": I(1, 1024, log=True), "v": I(3, 40, log=True)}, 6, False, True, 1, 120, 0),
    ("step", {"gap": F(-2, 2.05, step=0.1), "jump": I(0, 101, step=7), "q": F(0, 1, step=0.25)}, 7, False, True, 1, 120, 0),
    ("categorical", {"c2": C(2), "c5": C(5), "c11": C(11)}, 8, True, True, 1, 120, 0),
    ("categorical univariate", {"c2": C(2), "c5": C(5)}, 9, False, False, 1, 80, 0),
    ("mixed", MIXED, 10, False, True, 1, 160, 0),
    ("mixed univariate", MIXED, 11, True, False, 1, 60, 0),
    ("mixed batches", MIXED, 12, True, True, 5, 120, 0),
    ("mixed univariate batches", MIXED, 13, False, False, 4, 48, 0),
    ("mixed pruned", MIXED, 14, False, True, 1, 90, 0.6),
    ("weekend batches", WEEKEND, 15, True, True, 8, 320, 0),
    ("single", {"one": I(3, 3), "x": F(0, 1), "only": C(1)}, 16, False, True, 1, 40, 0),
    ("many floats", {f"x{i:02}": F(-1 - i, 2) for i in range(12)}, 17, False, True, 1, 60, 0),
    ("int long", {"m": I(0, 9), "k": I(-30, 30), "c": C(4)}, 18, False, True, 1, 700, 0),
]


def objective(values):
    """Rough, with plateaus, from additions and multiplications alone: the same in every language."""
    total = 0.0
    for i, v in enumerate(values):
        v = float(v)
        total = total + (v - 0.3 * (i + 1)) * (v - 0.3 * (i + 1)) / (1.0 + v * v)
    return math.floor(total * 512.0) / 512.0


def internal(dist, v):
    return float(dist.to_internal_repr(v))


out = sys.stdout
for name, space, seed, maximise, multivariate, batch, trials, pruned in STUDIES:
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=multivariate)
    study = optuna.create_study(sampler=sampler, direction="maximize" if maximise else "minimize",
                                pruner=optuna.pruners.NopPruner())
    out.write(f"study {name.replace(' ', '_')} {seed} {'max' if maximise else 'min'} {int(multivariate)} {batch}\n")
    for key, d in space.items():
        if isinstance(d, CategoricalDistribution):
            out.write(f"choice {key} {len(d.choices)}\n")
        else:
            kind = "int" if isinstance(d, IntDistribution) else "float"
            # As it was asked for, before Optuna lowers it to the last step.
            high = {"gap": 2.05, "jump": 101}.get(key, d.high) if name == "step" else d.high
            out.write(f"{kind} {key} {d.low!r} {high!r} {d.step if d.step is not None else 0!r} {int(d.log)}\n")
    done = 0
    while done < trials:
        asked = [study.ask(space) for _ in range(min(batch, trials - done))]
        for trial in asked:
            values = [internal(d, trial.params[k]) for k, d in space.items()]
            score = objective(values)
            if (trial.number * 7919 % 100) < pruned * 100:
                step = trial.number * 31 % 5
                if step > 0:
                    trial.report(score, step)
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                outcome = f"p {step} {score!r}"
            else:
                study.tell(trial, score)
                outcome = f"c {score!r}"
            out.write(outcome + " " + " ".join(repr(v) for v in values) + "\n")
        done += len(asked)
