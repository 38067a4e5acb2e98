"""Writes importances.txt: parameter importances by Optuna 5.0's default evaluator, for ImportanceTests.

  NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL AVX512_SPR" python importances.py > importances.txt

Per study a head line `study NAME DIRECTION… `, then one line a trial: state (c, p, f), one value an objective (complete
ones), and a word per parameter `KIND:NAME:LOW:HIGH:STEP:LOG:VALUE` (a choice: `choice:NAME:COUNT:VALUE`, by position),
then `i OBJECTIVE NAME=SHARE …` per objective. A study of several objectives also has a line with objective `all`.
"""
import math
import random
import warnings
import optuna
from optuna.distributions import CategoricalDistribution as C, FloatDistribution as F, IntDistribution as I
from optuna.trial import TrialState as S

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
assert optuna.__version__.startswith("5.0."), optuna.__version__

MIXED = {"x": F(-5, 5), "rate": F(1e-5, 1e-1, log=True), "gap": F(-2, 2, step=0.1), "period": I(2, 20),
         "units": I(1, 512, log=True), "kind": C([0, 1, 2]), "fixed": I(3, 3), "wide": I(0, 1000), "jump": I(0, 101, step=7)}
SMALL = {"a": F(0, 1), "b": C([0, 1]), "c": I(0, 1), "d": I(1, 2, log=True), "e": F(0, 1, step=0.5)}


def tree(dice):
    model = dice.randrange(3)
    space = {"model": C([0, 1, 2])}
    if model == 0:
        space["penalty"] = F(1e-4, 10, log=True)
    elif model == 1:
        space |= {"depth": I(1, 12), "rate": F(1e-3, 1, log=True)}
    else:
        space |= {"layers": I(1, 5), "width": I(8, 512, log=True)}
    return space, {"model": model}


def moving(dice):
    """The range of x changes during the study."""
    return {"x": dice.choice([F(0, 1), F(0, 2), F(0.5, 1)]), "n": I(1, dice.choice([10, 20, 21]), step=2), "k": C([0, 1, 2, 3])}, {}


fixed = lambda space: lambda dice: (space, {})


def draw(dice, d):
    if isinstance(d, C):
        return dice.choice(d.choices)
    if isinstance(d, I):
        if d.log:
            return min(max(round(math.exp(dice.uniform(math.log(d.low), math.log(d.high)))), d.low), d.high)
        return dice.randrange(d.low, d.high + 1, d.step)
    if d.step is not None:
        return d.low + dice.randint(0, round((d.high - d.low) / d.step)) * d.step
    if d.log:
        return min(max(math.exp(dice.uniform(math.log(d.low), math.log(d.high))), d.low), d.high)
    # Often near a good place, as a sampler's draws are.
    return dice.uniform(d.low, d.high) if dice.random() < 0.6 else d.low + (d.high - d.low) * (0.3 + 0.02 * dice.random())


def score(params, which):
    total = 0.0
    for i, (key, v) in enumerate(sorted(params.items())):
        v = math.log10(v) if key in ("rate", "penalty", "units", "width") else float(v)
        total += (v - 0.3 * (i + 1) - which) ** 2 / (1 + v * v) * (1 + (i * 7 + which) % 5)
    return total


def word(name, d, v):
    if isinstance(d, C):
        return f"choice:{name}:{len(d.choices)}:{v}"
    kind = "int" if isinstance(d, I) else "float"
    return f"{kind}:{name}:{d.low!r}:{d.high!r}:{d.step if d.step is not None else 0!r}:{int(d.log)}:{v!r}"


# name, space, trials, directions, share of trials not complete, rounding of values
STUDIES = [
    ("mixed", fixed(MIXED), 200, ["minimize"], 0, 0),
    ("mixed-max", fixed(MIXED), 200, ["maximize"], 0.2, 0),
    ("mixed-many", fixed(MIXED), 1500, ["minimize"], 0.1, 0),
    ("mixed-few", fixed(MIXED), 11, ["minimize"], 0, 0),
    ("mixed-two", fixed(MIXED), 2, ["minimize"], 0, 0),
    ("mixed-one", fixed(MIXED), 1, ["minimize"], 0, 0),
    ("ties", fixed(MIXED), 120, ["minimize"], 0, 5),
    ("all-equal", fixed(SMALL), 40, ["maximize"], 0, 1e9),
    ("small", fixed(SMALL), 100, ["minimize"], 0.1, 0),
    ("small-max", fixed(SMALL), 57, ["maximize"], 0, 0),
    ("tree", tree, 150, ["minimize"], 0.1, 0),
    ("tree-max", tree, 300, ["maximize"], 0, 0),
    ("tree-few", tree, 12, ["minimize"], 0, 0),
    ("moving", moving, 200, ["minimize"], 0, 0),
    ("two-objectives", fixed(SMALL | {"x": F(-5, 5)}), 150, ["minimize", "maximize"], 0.1, 0),
    ("three-objectives", fixed(MIXED), 120, ["minimize", "minimize", "minimize"], 0, 0),
    ("tree-objectives", tree, 150, ["maximize", "minimize"], 0, 0.25),
]

for seed, (name, space, trials, directions, lost, rounding) in enumerate(STUDIES):
    dice = random.Random(seed)
    study = optuna.create_study(directions=directions)
    print("study", name, *("max" if d == "maximize" else "min" for d in directions))
    for number in range(trials):
        dists, given = space(dice)
        params = {k: given.get(k, draw(dice, d)) for k, d in dists.items()}
        values = [score(params, which) for which in range(len(directions))]
        if rounding:
            values = [math.floor(v / rounding) * rounding for v in values]
        state = dice.choice([S.PRUNED, S.FAIL]) if dice.random() < lost else S.COMPLETE
        if state == S.COMPLETE and number % 50 == 17:
            values[0] = math.inf
        complete = state == S.COMPLETE
        study.add_trial(optuna.trial.create_trial(state=state, values=values if complete else None, params=params,
                                                  distributions=dists))
        print({S.COMPLETE: "c", S.PRUNED: "p", S.FAIL: "f"}[state], *(values if complete else []),
              *(word(k, d, params[k]) for k, d in dists.items()))
    for objective, direction in enumerate(directions):
        sign = -1 if direction == "maximize" else 1
        target = None if len(directions) == 1 else lambda t: sign * t.values[objective]
        found = optuna.importance.get_param_importances(study, target=target)
        print("i", objective, *(f"{k}={float(v):.12g}" for k, v in sorted(found.items())))
    if len(directions) > 1:
        found = optuna.importance.get_param_importances(study)
        print("i all", *(f"{k}={float(v):.12g}" for k, v in sorted(found.items())))
