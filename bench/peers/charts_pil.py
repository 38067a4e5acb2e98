"""Charts of 512 x 512 pixels drawn with PIL, and turned into tensors with NumPy, in memory: the peer of `bench charts`.

usage: charts_pil.py BARS BARS_PER_IMAGE   where BARS holds count x 5 doubles: open, high, low, close, volume.
Reads commands: "bits N", "tensors N" and "grey N" draw N windows in two processes and print the seconds that passed and
the processor's seconds of the work alone; "answer N FILE" writes the
pixels of N windows, packed; "mplfinance N" prints the seconds of N images with that library, or "absent".
"""
import io
import math
import multiprocessing
import sys
import time

import numpy as np
from PIL import Image, ImageDraw

S, BARS = 512, int(sys.argv[2])
PRICE = S - S // 5
STEP = S // BARS
MARGIN = (S - STEP * BARS) // 2
BODY = min((STEP * 7 // 10) | 1, STEP - 1 if STEP % 2 == 0 else STEP - 2)
MOST = S // 5 - max(1, S // 128)
data = np.fromfile(sys.argv[1]).reshape(-1, 5)


def picture(at):
    window = data[at:at + BARS]
    high, low, most = window[:, 1].max(), window[:, 2].min(), window[:, 4].max()
    rows = ((high - window[:, :4]) / (high - low) * (PRICE - 1) + 0.5).astype(int).tolist()
    volume = np.maximum(1, (window[:, 4] / most * MOST + 0.5).astype(int)).tolist()
    image = Image.new("1", (S, S), 1)
    draw = ImageDraw.Draw(image)
    for i, (o, h, l, c) in enumerate(rows):
        x = MARGIN + i * STEP + STEP // 2
        left, right = x - BODY // 2, x + BODY // 2
        rises = window[i, 3] > window[i, 0]
        draw.line((x, h, x, l), fill=0)
        # A hollow rectangle of one or two rows has no inside.
        draw.rectangle((left, min(o, c), right, max(o, c)), fill=int(rises and abs(o - c) > 1), outline=0)
        draw.rectangle((left, S - volume[i], right, S - 1), fill=int(rises and volume[i] > 2), outline=0)
    return image


def encoded(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getbuffer().nbytes


def bits(at):
    image = picture(at)
    return encoded(image) + np.packbits(np.asarray(image), axis=1).nbytes


def tensors(at):
    image = picture(at)
    grey = np.asarray(image, np.uint8) * np.uint8(255)
    return encoded(image) + (grey.astype(np.float32) / 255).nbytes + (grey.astype(np.int16) - 128).astype(np.int8).nbytes


def grey(at):
    """As charts are mostly drawn: a byte a pixel from the start."""
    image = picture(at).convert("L")
    pixels = np.asarray(image)
    return encoded(image) + (pixels.astype(np.float32) / 255).nbytes + (pixels.astype(np.int16) - 128).astype(np.int8).nbytes


def timed(job):
    work, at = job
    start = time.process_time()
    total = work(at)
    return total, time.process_time() - start


def mplfinance_seconds(count):
    import warnings
    warnings.simplefilter("ignore")
    import matplotlib
    matplotlib.use("Agg")
    import mplfinance
    import pandas
    frame = pandas.DataFrame(
        data[:BARS], columns=["Open", "High", "Low", "Close", "Volume"],
        index=pandas.date_range("2020-01-01", periods=BARS))

    def one():
        file = io.BytesIO()
        mplfinance.plot(frame, type="candle", volume=True, style="classic", figsize=(8, 8),
                        savefig=dict(fname=file, dpi=64))
    one()
    start = time.perf_counter()
    for _ in range(count):
        one()
    return time.perf_counter() - start


if __name__ == "__main__":
    windows = len(data) - BARS + 1
    with multiprocessing.Pool(2) as pool:
        pool.map(bits, range(8))
        print("ready", flush=True)
        for line in sys.stdin:
            words = line.split()
            if words[0] in ("bits", "tensors", "grey"):
                work = {"bits": bits, "tensors": tensors, "grey": grey}[words[0]]
                start = time.perf_counter()
                jobs = ((work, i % windows) for i in range(int(words[1])))
                done = list(pool.imap_unordered(timed, jobs, chunksize=25))
                seconds = time.perf_counter() - start if all(size for size, _ in done) else math.nan
                print(seconds, sum(cpu for _, cpu in done), flush=True)
            elif words[0] == "answer":
                packed = [np.packbits(np.asarray(picture(i)), axis=1) for i in range(int(words[1]))]
                np.concatenate(packed).tofile(words[2])
                print("done", flush=True)
            elif words[0] == "mplfinance":
                try:
                    print(mplfinance_seconds(int(words[1])), 0, flush=True)
                except ImportError:
                    print("absent 0", flush=True)
