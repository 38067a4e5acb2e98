"""Prints the numbers that SamplerNumberTests compares with: from SciPy, cmaes and mpmath, by their own code.

  python sampler_numbers.py > sampler_numbers.txt
"""
import cmaes
import mpmath as mp
import numpy as np
from scipy.stats import qmc

state = 1


def draw():
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 11) / 2.0**53


def show(name, values):
    print(name, *(repr(float(v)) for v in np.ravel(values)))


# The unscrambled sequence, in units of 2^-30, of dimensions spread over all that are tabled.
points = qmc.Sobol(256, scramble=False, bits=30).random(64)
for index in (1, 2, 3, 7, 31, 63):
    show(f"sobol {index}", points[index, [0, 1, 2, 3, 9, 40, 99, 180, 255]])

# CMA-ES: ten generations of told points, an ill-conditioned quadratic; mean, sigma, covariance after each few.
for n in (2, 5):
    es = cmaes.CMA(mean=np.full(n, 0.5), sigma=1 / 6)
    for generation in range(12):
        told = []
        for _ in range(es.population_size):
            x = np.array([0.5 + 0.3 * (draw() + draw() - 1) for _ in range(n)])
            told.append((x, float(sum((10 ** i) * (v - 0.4) ** 2 for i, v in enumerate(x)))))
        es.tell(told)
        if generation % 4 == 3:
            show(f"cma {n} {generation}", [es.mean, ])
            show(f"sigma {n} {generation}", es._sigma)
            show(f"covariance {n} {generation}", es._C)

# ln of the expected improvement below 0 of a normal with deviation 1, at z = −mean.
mp.mp.dps = 60
for z in (3, 1, 0, -0.5, -1, -1.5, -5, -7.9, -8.1, -20, -35):
    show(f"improvement {z}", mp.log(mp.npdf(z) + mp.mpf(z) * mp.ncdf(z)))

# erfc.
for x in (0, 0.1, 0.5, 1, 2, 5, 10, 25):
    show(f"erfc {x}", mp.erfc(x))

# Volumes dominated by points, up to a corner of ones, by inclusion and exclusion.
for objectives in (2, 3, 4):
    points = [[draw() for _ in range(objectives)] for _ in range(7)]
    total = 0.0
    for mask in range(1, 2**7):
        corner = np.max([p for i, p in enumerate(points) if mask >> i & 1], axis=0)
        total += (-1) ** (bin(mask).count("1") + 1) * float(np.prod(1 - corner))
    show(f"volume {objectives}", [total])
    show(f"volume-points {objectives}", points)
