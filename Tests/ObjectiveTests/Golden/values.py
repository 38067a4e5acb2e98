"""Writes values.txt: test functions computed a second time, from their formulas, for TestFunctionTests.

  python values.py > values.txt

Per line `NAME VALUE… : PARAMETER=VALUE…` (choices by position), at random points, at the ends of the ranges and at the
known optima; a function with a learning curve has `NAME@STEP`. `lowest NAME VALUE` lines come from a search: every cell
of a table or grid, or a descent from the best of many random points. Needs Python alone.
"""
import itertools
import math
import random

SHIFT = [-11.5, 7.25, 3.5, -6.75, 14, -2.5, 9.75, -13.25, 5, 1.25]
xs = lambda p, n: [p[f"x{i + 1}"] for i in range(n)]


def branin(p):
    x, y = xs(p, 2)
    return (y - 5.1 * x**2 / (4 * math.pi**2) + 5 * x / math.pi - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(p):
    x = xs(p, 6)
    alpha = [1.0, 1.2, 3.0, 3.2]
    A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    P = [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
         [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]]
    return -math.fsum(alpha[i] * math.exp(-math.fsum(A[i][j] * (x[j] - P[i][j] * 1e-4) ** 2 for j in range(6)))
                      for i in range(4))


def ackley10(p):
    z = [a - b for a, b in zip(xs(p, 10), SHIFT)]
    return (20 - 20 * math.exp(-0.2 * math.sqrt(math.fsum(v * v for v in z) / 10))
            + math.e - math.exp(math.fsum(math.cos(2 * math.pi * v) for v in z) / 10))


def rosenbrock5(p):
    x = xs(p, 5)
    return math.fsum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(4))


def levy8(p):
    w = [1 + (a - b / 2 - 1) / 4 for a, b in zip(xs(p, 8), SHIFT)]
    return (math.sin(math.pi * w[0]) ** 2
            + math.fsum((v - 1) ** 2 * (1 + 10 * math.sin(math.pi * v + 1) ** 2) for v in w[:-1])
            + (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2))


def rastrigin5(p):
    z = [a - b / 5 for a, b in zip(xs(p, 5), SHIFT)]
    # The five turns as one matrix.
    M = [[float(i == j) for j in range(5)] for i in range(5)]
    for a, b in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]:
        T = [[float(i == j) for j in range(5)] for i in range(5)]
        T[a][a], T[a][b], T[b][a], T[b][b] = 0.6, -0.8, 0.8, 0.6
        M = [[sum(T[i][k] * M[k][j] for k in range(5)) for j in range(5)] for i in range(5)]
    z = [math.fsum(M[i][j] * z[j] for j in range(5)) for i in range(5)]
    return 50 + math.fsum(v * v - 10 * math.cos(2 * math.pi * v) for v in z)


def zdt1(p):
    x = xs(p, 30)
    g = 1 + 9 * math.fsum(x[1:]) / 29
    return [x[0], g * (1 - math.sqrt(x[0] / g))]


def log_pair(p):
    u, v = math.log10(p["lr"] / 10**-2.5), math.log10(p["wd"] * 1e4)
    return 0.05 + 0.04 * u * u + 0.02 * v * v + 0.024 * u * v


def int_mix(p):
    a, b, c, d = p["a"] - 7, p["b"] - 35, p["c"] - 0.7, math.log2(p["d"]) - 5
    return a * a / 100 + 0.3 - 0.3 * math.cos(a) + abs(b) / 25 + a * b / 500 + c * c + d * d / 8


def table(p):
    level = [int(p[k]) for k in "wxyz"]
    total = sum(2 * ((3 * l + 2 * i + 1) % 5) for i, l in enumerate(level))
    for i, j in itertools.combinations(range(4), 2):
        total += ((i + 1) * level[i] * level[j] + 2 * level[i] + 3 * level[j] + i * j) % 7
    return total / 20


def tree(p):
    if p["model"] == 0:
        return 0.3 + (math.log10(p["penalty"]) + 1) ** 2 / 100
    if p["model"] == 1:
        return 0.22 + (p["depth"] - 6) ** 2 / 250 + 0.03 * (math.log10(p["rate"]) + 1) ** 2
    value = 0.2 + ((p["layers"] - 3) ** 2 + (math.log2(p["width"]) - 6) ** 2) / 100
    return value + ((p["momentum"] - 0.9) ** 2 / 4 if p["optimizer"] == 0 else 0.02)


def curve(p, step):
    r, w, d = math.log10(p["lr"]) + 3, math.log2(p["width"] / 128), p["dropout"] - 0.3
    left = (26 - step) / 27
    return (0.1 + 0.03 * r * r + 0.02 * w * w + 0.3 * d * d + 2.2 * left ** (1 + 0.6 * (r + 2))
            + 0.03 * left * math.sin(7 * (step + 1) + p["width"]))


floats = lambda n, low, high: {f"x{i + 1}": ("f", low, high) for i in range(n)}
at = lambda values: {f"x{i + 1}": float(v) for i, v in enumerate(values)}
HART = [0.20168951265373836, 0.15001069182537303, 0.4768739739250988, 0.27533243052642853, 0.3116516166179018,
        0.6573005340921445]
FUNCTIONS = {
    "branin": (branin, {"x1": ("f", -5, 10), "x2": ("f", 0, 15)},
               [at([math.pi, 2.275]), at([-math.pi, 12.275]), at([3 * math.pi, 2.475])]),
    "hartmann6": (hartmann6, floats(6, 0, 1), [at(HART)]),
    "ackley10": (ackley10, floats(10, -32.768, 32.768), [at(SHIFT)]),
    "rosenbrock5": (rosenbrock5, floats(5, -5, 10), [at([1] * 5)]),
    "levy8": (levy8, floats(8, -10, 10), [at([1 + v / 2 for v in SHIFT[:8]])]),
    "rastrigin5": (rastrigin5, floats(5, -5.12, 5.12), [at([v / 5 for v in SHIFT[:5]])]),
    "zdt1": (zdt1, floats(30, 0, 1), [at([0.25] + [0] * 29)]),
    "log-pair": (log_pair, {"lr": ("l", 1e-6, 1), "wd": ("l", 1e-8, 0.1)}, [{"lr": 10**-2.5, "wd": 1e-4}]),
    "int-mix": (int_mix, {"a": ("i", -20, 30, 1), "b": ("i", 0, 100, 5), "c": ("s", -2, 2, 0.1), "d": ("i", 1, 1024, 1)},
                [{"a": 7, "b": 35, "c": 0.7, "d": 32}]),
    "table": (table, {k: ("c", 5) for k in "wxyz"}, []),
    "tree": (tree, {"model": ("c", 3), "penalty": ("l", 1e-4, 10), "depth": ("i", 1, 12, 1), "rate": ("l", 1e-3, 1),
                    "layers": ("i", 1, 5, 1), "width": ("i", 8, 512, 1), "optimizer": ("c", 2), "momentum": ("f", 0, 0.99)},
             [{"model": 2, "layers": 3, "width": 64, "optimizer": 0, "momentum": 0.9}]),
    "curve": (curve, {"lr": ("l", 1e-5, 1), "width": ("i", 8, 512, 1), "dropout": ("s", 0, 0.8, 0.05)},
              [{"lr": 1e-3, "width": 128, "dropout": 0.3}]),
}


def draw(dice, kind, share=None):
    u = dice.random() if share is None else share
    if kind[0] == "c":
        return min(int(u * kind[1]), kind[1] - 1)
    low, high = kind[1:3]
    if kind[0] == "l":
        return min(max(math.exp(math.log(low) + u * (math.log(high) - math.log(low))), low), high)
    if kind[0] == "f":
        return low + u * (high - low)
    return low + round(u * (high - low) / kind[3]) * kind[3]


def write(name, function, p):
    if name == "curve":
        for step in (0, 1, 8, 13, 26):
            print(f"{name}@{step} {function(p, step)!r} : " + " ".join(f"{k}={v!r}" for k, v in p.items()))
        return
    value = function(p)
    values = value if isinstance(value, list) else [value]
    print(name, *map(repr, values), ":", *(f"{k}={v!r}" for k, v in p.items()))


def descend(function, space, p, dice):
    """A coordinate search with shrinking random steps, within the bounds."""
    best, size = function(p), 0.2
    while size > 1e-10:
        improved = False
        for _ in range(60):
            q = dict(p)
            for k, kind in space.items():
                low, high = kind[1:3]
                q[k] = min(max(p[k] + dice.gauss(0, 1) * size * (high - low), low), high)
            value = function(q)
            if value < best:
                best, p, improved = value, q, True
        if not improved:
            size *= 0.6
    return best


dice = random.Random(5)
for name, (function, space, optima) in FUNCTIONS.items():
    for p in optima:
        write(name, function, p)
    for share in (0.0, 1.0):
        write(name, function, {k: draw(dice, kind, share) for k, kind in space.items()})
    for _ in range(40):
        write(name, function, {k: draw(dice, kind) for k, kind in space.items()})

cells = [dict(zip("wxyz", c)) for c in itertools.product(range(5), repeat=4)]
ranked = sorted((table(c), tuple(c.values())) for c in cells)
print("lowest table", ranked[0][0])
grid = min(int_mix({"a": a, "b": b, "c": round(-2 + 0.1 * c, 1), "d": 32})
           for a in range(-20, 31) for b in range(0, 101, 5) for c in range(41))
print("lowest int-mix", grid)
print("lowest curve", min(curve({"lr": 10 ** (-5 + e / 20), "width": w, "dropout": d / 20}, 26)
                          for e in range(101) for w in range(8, 513) for d in range(17)))
for name in ("branin", "hartmann6"):
    function, space, _ = FUNCTIONS[name]
    starts = sorted(({k: draw(dice, kind) for k, kind in space.items()} for _ in range(3000)), key=function)[:5]
    print("lowest", name, repr(min(descend(function, space, s, dice) for s in starts)))
