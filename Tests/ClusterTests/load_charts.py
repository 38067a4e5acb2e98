"""Loads a training set of charts as PyTorch does, in shuffled batches by several processes, and checks every row of it:
the pixels against a renderer of its own, the labels against what the bars say.

usage: load_charts.py DIR BARS.csv.gz COUNT   where DIR is the folder of an aggregate job of images of COUNT bars.
With torch its DataLoader is used; without, a stand-in that asks of the data set what that one does.
"""
import json
import multiprocessing
import os
import sys

import h5py
import numpy as np
import pandas as pd

try:
    import torch.utils.data
except ImportError:
    torch = None

root = sys.argv[1]
manifest = json.load(open(root + "/manifest.json"))
table = pd.read_csv(sys.argv[2], dtype=str, keep_default_na=False, on_bad_lines="skip")
prices = ["open", "high", "low", "close"]
for name in prices + ["volume"]:
    table[name] = pd.to_numeric(table[name], errors="coerce")
table["date"] = pd.to_numeric(table["date"].str.replace("-", ""), errors="coerce")
table = table[np.isfinite(table[prices + ["volume", "date"]]).all(axis=1) & (table[prices] > 0).all(axis=1)
              & (table["volume"] >= 0) & (table["low"] <= table[prices].min(axis=1))
              & (table["high"] >= table[prices].max(axis=1))]
bars = {symbol: rows.sort_values("date").reset_index(drop=True) for symbol, rows in table.groupby("symbol")}


class Charts:
    """A map-style data set: a length, and samples by number. Each process opens its own files, when it first needs them:
    handles do not survive a fork."""

    def __init__(self, shards):
        self.rows = [(root + "/" + shard["path"], row) for shard in shards for row in range(shard["rows"])]
        self.files = {}

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        path, row = self.rows[at]
        key = (os.getpid(), path)
        if key not in self.files:
            self.files[key] = h5py.File(path, "r")
        file = self.files[key]
        pixels = np.unpackbits(file["bits"][row], axis=1).astype(np.float32)[None]
        return pixels, np.int64(file["class"][row] + 1), np.float32(file["ret_5d"][row]), at, os.getpid()


def serve(data, jobs, results):
    for number, batch in iter(jobs.get, None):
        samples = [data[at] for at in batch]
        results.put((number, tuple(np.stack(column) for column in zip(*samples))))


def batches(data, size, processes, seed):
    """What DataLoader(data, size, shuffle=True, num_workers=processes) gives: batches in the order of their numbers."""
    order = np.random.default_rng(seed).permutation(len(data)).tolist()
    jobs, results = multiprocessing.Queue(), multiprocessing.Queue()
    workers = [multiprocessing.Process(target=serve, args=(data, jobs, results)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    wanted = [order[start:start + size] for start in range(0, len(order), size)]
    for number, batch in enumerate(wanted):
        jobs.put((number, batch))
    ready = {}
    for number in range(len(wanted)):
        while number not in ready:
            got, batch = results.get(timeout=120)
            ready[got] = batch
        yield ready.pop(number)
    for _ in workers:
        jobs.put(None)
    for worker in workers:
        worker.join()


def loader(data, size, processes, seed):
    if torch is None:
        return batches(data, size, processes, seed)
    generator = torch.Generator().manual_seed(seed)
    made = torch.utils.data.DataLoader(data, size, shuffle=True, num_workers=processes, generator=generator)
    return (tuple(np.asarray(column) for column in batch) for batch in made)


def drawn(window, size):
    """Candles on white, hollow up and filled down, prices above and volume in the lowest fifth."""
    image = np.ones((size, size), np.float32)
    count, volume = len(window), size // 5
    prices, step = size - volume, size // count
    body = 3 if step == 3 else min(step * 7 // 10 | 1, step - 1 if step % 2 == 0 else step - 2)
    low, high, most = window["low"].min(), window["high"].max(), window["volume"].max()
    gap = max(1, size // 128)

    def row(price):
        return (prices - 1) // 2 if high == low else int((high - price) / (high - low) * (prices - 1) + 0.5)

    for at, bar in enumerate(window.itertuples()):
        x = (size - step * count) // 2 + at * step + step // 2
        left, right = x - body // 2, x + body // 2 + 1
        image[row(bar.high):row(bar.low) + 1, x] = 0
        boxes = [(row(max(bar.open, bar.close)), row(min(bar.open, bar.close)) + 1)]
        if bar.volume > 0:
            boxes.append((size - max(1, int(bar.volume / most * (volume - gap) + 0.5)), size))
        for top, bottom in boxes:
            image[top:bottom, left:right] = 0
            if bar.close > bar.open and bottom - top > 2:
                image[top + 1:bottom - 1, left + 1:right - 1] = 1
    return image


data = Charts(manifest["shards"])
assert len(data) == manifest["rows"] > 100
seen, processes = [], set()
facts = {}
for pixels, kind, fiveDays, at, process in loader(data, 16, 2, 7):
    assert pixels.dtype == np.float32 and pixels.shape == (len(at), 1) + pixels.shape[2:]
    processes.update(process.tolist())
    for sample in range(len(at)):
        seen.append(int(at[sample]))
        path, row = data.rows[seen[-1]]
        if path not in facts:
            with h5py.File(path, "r") as file:
                facts[path] = file["symbol"][:].astype(str), file["date"][:]
        symbol, date = facts[path][0][row], facts[path][1][row]
        rows = bars[symbol]
        newest = int(np.flatnonzero(rows["date"] == date)[0])
        count = int(sys.argv[3])
        picture = drawn(rows[newest - count + 1:newest + 1], pixels.shape[2])
        assert np.array_equal(pixels[sample, 0], picture), f"{path} row {row}: other pixels"
        outcome = rows["close"][newest + 5] / rows["open"][newest + 1] - 1
        assert abs(fiveDays[sample] - outcome) < 1e-6, f"{path} row {row}: {fiveDays[sample]} and not {outcome}"
        assert kind[sample] == (1 if abs(outcome) < 0.01 else 2 if outcome > 0 else 0), f"{path} row {row}: class"
assert sorted(seen) == list(range(len(data))) and seen != sorted(seen)
assert os.getpid() not in processes
what = "torch " + torch.__version__ if torch else "a stand-in for torch's DataLoader"
print(f"{len(seen)} rows loaded by {what} in {len(processes)} processes: pixels and labels are right")
