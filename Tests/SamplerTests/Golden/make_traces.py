"""Writes traces.txt: what Optuna 5.0 suggests, trial by trial, for TPETests to follow bit for bit.

Run with NumPy's SIMD dispatch off, since its sort order of equal keys depends on it:
  NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL AVX512_SPR" python make_traces.py > traces.txt
  python make_traces.py NAME        one study, every value in full: to see a first difference

Per study a head line `study NAME SEED DIRECTIONS MULTIVARIATE TRIALS FLAVOURS…`, its parameters in the order asked
(`float|int NAME LOW HIGH STEP LOG`, `choice NAME COUNT`, each followed by `when PARENT VALUE…` if conditional), then a
line a trial: 32 bits of a hash of the suggested doubles, and every thirtieth trial the doubles themselves (a choice by
its position, `-` where inactive). How a trial ends follows from its number and values, by the rules below, which
Traces.swift has too.
"""
import math
import multiprocessing
import struct
import sys

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

optuna.logging.set_verbosity(optuna.logging.ERROR)
assert optuna.__version__.startswith("5.0."), optuna.__version__
TRIALS = 300


class P:
    """A parameter: name, distribution as Optuna has it, bounds as they were given, and its condition."""

    def __init__(self, name, low, high, step, log, kind, when=None):
        self.name, self.low, self.high, self.step, self.log, self.kind, self.when = name, low, high, step, log, kind, when
        if kind == "choice":
            self.dist = CategoricalDistribution(list(range(high)))
        elif kind == "int":
            self.dist = IntDistribution(low, high, log, step)
        else:
            self.dist = FloatDistribution(low, high, log, step or None)

    def line(self):
        if self.kind == "choice":
            text = f"choice {self.name} {self.high}"
        else:
            text = f"{self.kind} {self.name} {self.low!r} {self.high!r} {self.step!r} {int(self.log)}"
        return text + ("" if self.when is None else " when " + " ".join(map(str, self.when)))

    def enqueued(self, number, at):
        """A value inside the range that follows from the trial's number."""
        u = ((number * 7919 + 31 * at) % 97) / 97
        if self.kind == "choice":
            return math.floor(u * self.high)
        if self.kind == "int":
            return self.low + self.step * math.floor(u * ((self.high - self.low) // self.step + 1))
        if self.step:
            return self.low + self.step * math.floor(u * math.floor((self.high - self.low) / self.step))
        return self.low + u * (self.high - self.low)


def F(name, low, high, step=0, log=False, when=None):
    return P(name, float(low), float(high), float(step), log, "float", when)


def I(name, low, high, step=1, log=False, when=None):
    return P(name, low, high, step, log, "int", when)


def C(name, count, when=None):
    return P(name, 0, count, 0, False, "choice", when)


SPACES = {
    "floats": [F("b", -5, 5), F("a", 0, 1), F("c", -1000, 3)],
    "one_float": [F("x", -5, 5)],
    "scales": [F("huge", -1e12, 1e12), F("tiny", 1e-9, 1e-8), F("far", 1000, 1001)],
    "many_floats": [F(f"x{i:02}", -1 - i, 2) for i in range(12)],
    "logs": [F("rate", 1e-6, 1, log=True), F("decay", 0.5, 1e4, log=True)],
    "steep_logs": [F("p", 1e-200, 1, log=True), F("q", 1e-12, 1e12, log=True)],
    "ints": [I("m", 0, 9), I("n", 2, 200), I("k", -30, 30)],
    "one_int": [I("n", 1, 20)],
    "bits": [I(f"b{i}", 0, 1) for i in range(6)],
    "wide_ints": [I("w", 0, 1000000), I("v", -5000, 5000, 10)],
    "int_logs": [I("u", 1, 1024, log=True), I("v", 3, 40, log=True), I("w", 1, 10 ** 9, log=True)],
    "steps": [F("gap", -2, 2.05, 0.1), I("jump", 0, 101, 7), F("q", 0, 1, 0.25)],
    "fine_steps": [F("fine", 0, 1, 0.001), F("coarse", -1e6, 1e6, 1e4), F("third", 0.1, 0.75, 0.15)],
    "choices": [C("c2", 2), C("c5", 5), C("c11", 11)],
    "one_choice": [C("c", 7)],
    "mixed": [F("x", -5, 5), F("rate", 1e-5, 1e-1, log=True), F("gap", -2, 2, 0.1), I("period", 2, 20),
              I("units", 1, 512, log=True), C("kind", 3)],
    "weekend": [I("period", 2, 14), I("natr_low", 0, 48), I("natr_width", 0, 58), I("trend_pct", 0, 100),
                I("lookback", 1, 8), C("volume", 2), I("volume_multiple", 0, 12), I("volume_period", 5, 20)],
    "singles": [I("one", 3, 3), F("x", 0, 1), C("only", 1), F("same", 2.5, 2.5), I("jump", 1, 4, 5)],
    "names": [F("Zeta", 0, 1), F("alpha", 0, 1), I("Alpha", 0, 5), C("_x", 3), F("a.b", -1, 1), F("a10", 0, 2)],
    "training": [F("lr", 1e-5, 1e-1, log=True), I("layers", 1, 8), I("batch", 16, 256, 16), C("opt", 3),
                 F("momentum", 0, 0.99, when=[3, 0])],
    "tree": [C("model", 3), F("depth", 1, 9, when=[0, 0]), I("leaves", 2, 64, log=True, when=[0, 0]),
             C("kernel", 2, when=[0, 1]), F("gamma", 1e-3, 10, log=True, when=[3, 1]), F("width", 0, 1, 0.05, when=[0, 1, 2]),
             F("shared", -1, 1)],
    "rare_child": [I("k", 0, 30), F("often", 0, 1, when=[0] + list(range(1, 31))), F("x", -1, 1),
                   I("rare", 0, 9, when=[0, 0, 1])],
    "chain": [I("a", 0, 2), I("b", 0, 2, when=[0, 1, 2]), I("c", 0, 2, when=[1, 1, 2]), I("d", 0, 2, when=[2, 1, 2])],
    "batches": [I("units", 8, 512, 8), F("drop", 0, 0.9, 0.1), C("act", 4), F("lr", 1e-4, 1, log=True)],
}
FLAVOURS = [[], ["pruned"], ["window", "4"], ["window", "5", "fails"], ["constraints"], ["fixed"],
            ["pruned", "constraints", "window", "3", "fixed", "fails"]]


def studies():
    seed = 0
    for at, (name, space) in enumerate(SPACES.items()):
        for kind in range(4):
            seed += 1
            multivariate, direction = kind < 2, ["min", "max"][kind % 2]
            flavour = FLAVOURS[(at + 2 * kind) % len(FLAVOURS)]
            yield (f"{name}_{'joint' if multivariate else 'univariate'}_{direction}", space, seed, [direction],
                   multivariate, flavour)
    for at, name in enumerate(["floats", "mixed", "ints", "training"]):
        for objectives in (2, 3):
            seed += 1
            directions = [["min", "max"][(at + i) % 2] for i in range(objectives)]
            flavour = [[], ["window", "4"], ["constraints"], ["fixed", "window", "3"]][(at + objectives) % 4]
            yield (f"{name}_{objectives}_objectives", SPACES[name], seed, directions, at == 1, flavour)
    for name in ("mixed", "tree"):
        seed += 1
        yield (f"{name}_random", SPACES[name], seed, ["min"], False, ["random"])


def objective(values, which):
    """Rough, with plateaus, from additions and multiplications alone: the same in every language."""
    total = 0.0
    for i, v in enumerate(values):
        if v is not None:
            target = (0.3 - 0.7 * which) * (i + 1)
            total = total + (v - target) * (v - target) / (1.0 + which + v * v)
    return math.floor(total * 512.0) / 512.0


def constraints(number):
    return [(number * 37 % 11) - 5, (number * 53 % 7) - 3] if number * 6007 % 100 < 60 else [-1, 0]


def digest(values):
    h = 0xCBF29CE484222325
    for v in values:
        for byte in struct.pack("<d", -1e308 if v is None else v):
            h = (h ^ byte) * 0x100000001B3 % 2**64
    return f"{(h ^ h >> 32) & 0xFFFFFFFF:08x}"


def ask(study, space, fixed):
    number = len(study.get_trials(deepcopy=False))
    if fixed and number % 13 in (5, 9):
        study.enqueue_trial({p.name: p.enqueued(number, at) for at, p in enumerate(space) if number % 13 == 5 or at == 0})
    trial = study.ask()
    assert trial.number == number
    values = []
    for p in space:
        if p.when is not None and values[p.when[0]] not in p.when[1:]:
            values.append(None)
            continue
        values.append(float(p.dist.to_internal_repr(trial._suggest(p.name, p.dist))))
    return trial, values


def tell(study, trial, values, directions, flavour):
    n = trial.number
    if "constraints" in flavour:
        for at, value in enumerate(constraints(n)):
            trial.set_constraint(f"c{at}", value)
    if "fails" in flavour and n % 29 == 3:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    elif "pruned" in flavour and n * 7919 % 100 < 60:
        step = n * 31 % 5
        if step > 0:
            trial.report(math.nan if step == 4 and n % 3 == 0 else objective(values, 0), step)
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    else:
        study.tell(trial, [objective(values, i) for i in range(len(directions))])


def run(job):
    (name, space, seed, directions, multivariate, flavour), full = job
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=multivariate)
    if "random" in flavour:
        sampler = optuna.samplers.RandomSampler(seed=seed)
    study = optuna.create_study(sampler=sampler, directions=[d + "imize" for d in directions],
                                pruner=optuna.pruners.NopPruner())
    lines = [f"study {name} {seed} {','.join(directions)} {int(multivariate)} {TRIALS} {' '.join(flavour)}".strip()]
    lines += [p.line() for p in space]
    window = int(flavour[flavour.index("window") + 1]) if "window" in flavour else 1
    pending = []
    for number in range(TRIALS):
        trial, values = ask(study, space, "fixed" in flavour)
        line = digest(values)
        if full or number % 30 == 29:
            line += " " + " ".join("-" if v is None else repr(v) for v in values)
        lines.append(line)
        pending.append((trial, values))
        if len(pending) == window:
            tell(study, *pending.pop(number * 5 % window), directions, flavour)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    jobs = [(study, len(sys.argv) > 1) for study in studies() if len(sys.argv) < 2 or study[0] == sys.argv[1]]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for text in pool.imap(run, jobs, chunksize=1):
            sys.stdout.write(text)
            sys.stdout.flush()
