"""The MACD family in Numba on all cores, for bench/Variations.swift: buys only, no metrics.

Input file, little-endian: int64 tickers, int64 variations; float64 close[35][tickers], volume[35][tickers];
int64 parameters[variations][7] = fast, slow, signal, crosses, lookback, volume period (0: no confirmation), unused;
float64 multiples[variations]. Commands on stdin: `run` answers the seconds of one pass over all variations, `answer PATH`
writes uint8 buys[variations][5][tickers] there and answers `done`.
"""
import sys
import time

import numba
import numpy as np

with open(sys.argv[1], "rb") as file:
    tickers, count = np.fromfile(file, np.int64, 2)
    close = np.ascontiguousarray(np.fromfile(file, np.float64, 35 * tickers).reshape(35, tickers).T)
    volume = np.ascontiguousarray(np.fromfile(file, np.float64, 35 * tickers).reshape(35, tickers).T)
    parameters = np.fromfile(file, np.int64, 7 * count).reshape(count, 7)
    multiples = np.fromfile(file, np.float64, count)


@numba.njit(parallel=True, fastmath=True)
def evaluate(close, volume, parameters, multiples, buys):
    for i in numba.prange(close.shape[0]):
        for v in range(parameters.shape[0]):
            fast, slow, signal, crosses, lookback, period = parameters[v, :6]
            fast_k, slow_k, signal_k = 2 / (fast + 1), 2 / (slow + 1), 2 / (signal + 1)
            for d in range(5):
                x = close[i, d : d + 30]
                f = 0.0
                for t in range(slow - fast, slow):
                    f += x[t]
                f /= fast
                s = 0.0
                for t in range(slow):
                    s += x[t]
                s /= slow
                g = f - s
                first = slow + signal - 2
                for t in range(slow, first + 1):
                    f += (x[t] - f) * fast_k
                    s += (x[t] - s) * slow_k
                    g += f - s
                g /= signal
                above = f - s > g
                buy = first >= 30 - lookback and above and crosses == 0
                for t in range(first + 1, 30):
                    f += (x[t] - f) * fast_k
                    s += (x[t] - s) * slow_k
                    g += (f - s - g) * signal_k
                    before, above = above, f - s > g
                    if t >= 30 - lookback and above and (crosses == 0 or not before):
                        buy = True
                if buy and period > 0:
                    mean = 0.0
                    for t in range(29 - period, 29):
                        mean += volume[i, d + t]
                    buy = volume[i, d + 29] > mean / period * multiples[v]
                buys[v, d, i] = buy


buys = np.zeros((count, 5, tickers), np.uint8)
evaluate(close, volume, parameters[:1], multiples[:1], buys[:1])
print("ready", flush=True)
for command in sys.stdin:
    words = command.split(maxsplit=1)
    if words[0] == "run":
        start = time.perf_counter()
        evaluate(close, volume, parameters, multiples, buys)
        print(time.perf_counter() - start, flush=True)
    else:
        buys.tofile(words[1].strip())
        print("done", flush=True)
