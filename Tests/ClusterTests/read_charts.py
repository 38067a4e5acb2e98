"""Reads a folder of charts with h5py, NumPy, PIL and pandas, as a PyTorch data set does, and checks every promise of it.

usage: read_charts.py DIR
"""
import datetime
import hashlib
import json
import sys

import h5py
import numpy as np
import pandas as pd
from PIL import Image

root = sys.argv[1]
manifest = json.load(open(root + "/manifest.json"))


class Charts:
    """What torch.utils.data.Dataset asks for: a length and single samples, files opened when they are first needed."""

    def __init__(self, shards):
        self.rows = [(shard["path"], row) for shard in shards for row in range(shard["images"])]
        self.open = {}

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        path, row = self.rows[at]
        file = self.open.get(path) or self.open.setdefault(path, h5py.File(root + "/" + path, "r"))
        return file["float32"][row][None], file["regime"][row].decode()


def blake(data):
    return hashlib.blake2b(data, digest_size=32).hexdigest()


count = 0
for shard in manifest["shards"]:
    path = root + "/" + shard["path"]
    assert blake(open(path, "rb").read()) == shard["hash"], path
    with h5py.File(path, "r") as file:
        assert file.attrs["content_hash"] == shard["content_hash"]
        assert file.attrs["input_hash"] == manifest["input_hash"]
        assert file.attrs["code_version"] == manifest["code_version"]
        images, size = shard["images"], manifest["settings"]["size"]
        assert file["bits"].shape == (images, size, size // 8) and file["float32"].shape == (images, size, size)
        assert all(len(column) == images for column in file.values())
        quantised = file["int8"]
        scale, zero = quantised.attrs["scale"], quantised.attrs["zero_point"]
        table = pd.DataFrame({
            name: column[:].astype(str) if column.dtype.kind == "S" else column[:]
            for name, column in file.items() if column.ndim == 1})
        table["event_time"] = pd.to_datetime(table["event_time"], unit="ns", utc=True)
        assert (table["price_high"] >= table["price_low"]).all() and (table["close"] <= table["price_high"]).all()
        assert (table["event_time"].dt.tz_convert("America/New_York").dt.strftime("%Y%m%d").astype(int)
                == table["date"]).all()
        names = []
        for row in range(images):
            bits = np.unpackbits(file["bits"][row], axis=1)
            floats = file["float32"][row]
            assert floats.dtype == np.float32 and np.array_equal(floats, bits.astype(np.float32))
            real = (quantised[row].astype(np.float64) - zero) * scale
            assert np.abs(real - bits).max() < 1e-12
            stamp = table["event_time"][row].strftime("%Y%m%dT%H%M%SZ")
            name = f"{table['symbol'][row]}_{stamp}_{table['timeframe'][row]}.png"
            names.append(name)
            image = Image.open(f"{root}/{shard['png_folder']}/{name}")
            assert image.mode == "1" and np.array_equal(np.asarray(image).astype(np.uint8), bits)
            count += 1
        files = b"".join(name.encode() + b"\n" + open(f"{root}/{shard['png_folder']}/{name}", "rb").read()
                         for name in names)
        assert blake(files) == shard["png_hash"]

data = Charts(manifest["shards"])
assert len(data) == manifest["images"] == count
order = np.random.default_rng(1).permutation(len(data))[:64]
batch = np.stack([data[int(at)][0] for at in order])
assert batch.shape == (len(order), 1, size, size) and 0 < batch.mean() < 1
print(f"{count} images agree in every form; a batch has shape {batch.shape}")
