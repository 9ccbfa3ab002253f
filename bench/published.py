"""The data sets of Schuetzke et al. the published way: NumPy draws, spikes, scipy.ndimage.gaussian_filter1d for each
spectrum. What mb.data is compared with; written anew after the definitions of their scripts.

    python bench/published.py time ROUNDS         seconds of each round for the 500-class set
    python bench/published.py save SET FOLDER     universal, challenge or verification as float32 .npy files
    python bench/published.py files FOLDER        arrays of every type and order, as .npy and .npz
    python bench/published.py compare FOLDER      whether FOLDER/back/ holds the same arrays
"""
import os
import sys
import time
import zlib

import numpy as np
from scipy.ndimage import gaussian_filter1d

POINTS = 5000


def smooth(positions, heights, sigma):
    spikes = np.zeros(POINTS)
    spikes[positions] = heights
    return gaussian_filter1d(spikes, sigma, mode="constant")


def vary(rng, positions, heights, shift=50, change=0.05, keep_ones=False):
    moved = [rng.integers(p - shift, p + shift) for p in positions]
    changed = [h if keep_ones and h == 1 else rng.uniform(h - change, h + change) for h in heights]
    return np.clip(np.array(moved), 0, POINTS - 1), np.clip(np.array(changed), 0, 2)


def universal_classes(count=500):
    rng = np.random.default_rng(2022)
    classes = []
    for _ in range(count):
        peaks = int(np.round(rng.gamma(1.2, 1.2) + 2))
        positions = rng.integers(100, POINTS - 100, peaks)[:10]
        heights = rng.integers(1, 100, peaks, endpoint=True)[:10]
        heights = np.round(heights / heights.max(), 3)
        order = np.argsort(positions)
        classes.append((positions[order], heights[order]))
    return classes


def generate(classes, variants, tests, keep_ones=False):
    rng = np.random.default_rng(2022)
    sets = {name: np.zeros((count * len(classes), POINTS))
            for name, count in (("train", 50), ("validation", 10), ("test", tests))}
    for k, (positions, heights) in enumerate(classes):
        for name, count in (("train", 50), ("validation", 10)):
            for j in range(count):
                moved, changed = vary(rng, positions, heights, keep_ones=keep_ones)
                sets[name][k * count + j] = smooth(moved, changed, rng.uniform(2, 5))
        for j, (shift, change) in enumerate(variants(k)):
            changed = np.clip(np.where(heights != 1, heights + change, heights), 0, 2)
            moved = np.clip(positions + shift, 0, POINTS - 1)
            sets["test"][k * tests + j] = smooth(moved, changed, 2)
    return sets


def universal():
    def variants(k):
        shift = 17 if k in (8, 318) else 30
        change = 0.025 if k in (164, 281, 219, 347) else 0.04
        return [(s, c) for c in (0, change, -change) for s in (0, -shift, shift)]

    return generate(universal_classes(), variants, 9)


CHALLENGE = [
    ([700, 3000], [0.7, 1.0]), ([700, 1800, 3000], [0.7, 0.035, 1.0]), ([700, 3000, 4200], [0.7, 1.0, 0.035]),
    ([920, 1115], [1.0, 0.4]), ([923, 1112, 1500], [1.0, 0.4, 0.035]), ([918, 1116, 1630], [1.0, 0.4, 0.035]),
    ([500, 2100], [0.9, 1.0]), ([500, 2100, 2260], [0.9, 1.0, 0.035]),
    ([500, 2100, 2260, 2750], [0.9, 1.0, 0.035, 0.035]),
    ([700, 3000], [1.0, 0.7]), ([700, 3070], [1.0, 0.7]), ([700, 3140], [1.0, 0.7]),
    ([1230, 2103], [0.15, 1.0]), ([1300, 2101], [0.15, 1.0]), ([1370, 2098], [0.15, 1.0]),
    ([1230, 1750, 4700], [0.15, 0.2, 1.0]), ([1300, 1820, 4700], [0.15, 0.2, 1.0]),
    ([1370, 1890, 4700], [0.15, 0.2, 1.0]),
    ([920, 1500], [0.08, 1.0]), ([920, 1500], [0.155, 1.0]), ([920, 1500], [0.23, 1.0]),
    ([1147, 2261], [1.0, 0.20]), ([1151, 2258], [1.0, 0.275]), ([1153, 2262], [1.0, 0.35]),
    ([302, 2750, 4198], [0.08, 1.0, 0.22]), ([300, 2750, 4200], [0.155, 1.0, 0.21]),
    ([299, 2750, 4202], [0.23, 1.0, 0.23]),
]


def challenge():
    def variants(k):
        s, c, place = 30, 0.03, k % 3
        shifts, changes = (0, -s, s), (0, -c)
        if 9 <= k < 18:
            shifts, changes = [(0, s), (-s, s), (0, -s)][place], (0, c, -c)
        elif k >= 18:
            changes = [(0, c), (-c, c), (0, -c)][place]
        return [(shift, change) for change in changes for shift in shifts]

    return generate([(np.array(p), np.array(h)) for p, h in CHALLENGE], variants, 6, keep_ones=True)


def verification(n=5000):
    """The authors' uniform(0.01, 1, size, endpoint=True) is no call that NumPy knows: without endpoint."""
    rng = np.random.default_rng(2023)
    target = [4290, 4700], [0.744, 1.0]
    x = np.zeros((2 * n, POINTS))
    for i in range(n):
        moved, changed = vary(rng, *target, shift=100, change=0.1)
        x[i] = smooth(moved, changed, rng.uniform(2.5, 30))
    cases = rng.choice(3, size=n, p=[0.2, 0.4, 0.4])
    for i in range(n):
        positions = rng.integers(100, POINTS - 100, rng.integers(2, 10, endpoint=True))
        heights = rng.uniform(0.01, 1, positions.size)
        heights = np.round(heights / heights.max(), 3)
        spikes = np.zeros(POINTS)
        spikes[positions] = heights
        if cases[i] > 0:
            moved, changed = vary(rng, *target, shift=100, change=0.1)
            if cases[i] == 1:
                changed *= rng.uniform(0, 0.7)
            else:
                spikes *= rng.uniform(0.03, 0.2)
            spikes[moved] = changed
        x[n + i] = gaussian_filter1d(spikes, rng.uniform(2.5, 30), mode="constant")
    y = np.repeat([1, 0], n)
    order = np.arange(2 * n)
    rng.shuffle(order)
    split = int(n * 0.8 * 2)
    return {"train": x[order[:split]], "validation": x[order[split:]],
            "train_y": y[order[:split]], "validation_y": y[order[split:]]}


def save(name, folder):
    arrays = {"universal": universal, "challenge": challenge, "verification": verification}[name]()
    for part, x in arrays.items():
        x = x.astype(np.float32)
        np.save(os.path.join(folder, part + ".npy"), x)
        print(f"{name} {part}: shape {x.shape}, CRC-32 {zlib.crc32(x.tobytes()):08x}")


TYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]


def sample_arrays():
    base = np.random.default_rng(1).integers(0, 100, (2, 3, 4, 5))
    for name in TYPES:
        whole = (base % 2 if name == "bool" else base).astype(name)
        for rank in range(1, 5):
            part = whole[(0,) * (4 - rank)]
            yield f"{name}_{rank}_c", part
            yield f"{name}_{rank}_f", np.asfortranarray(part)
            yield f"{name}_{rank}_big", part.astype(part.dtype.newbyteorder(">"))


def files(folder):
    arrays = dict(sample_arrays())
    for name, x in arrays.items():
        np.save(os.path.join(folder, name + ".npy"), x)
    np.savez(os.path.join(folder, "stored.npz"), **arrays)
    np.savez_compressed(os.path.join(folder, "packed.npz"), **arrays)


def compare(folder):
    arrays, back, wrong = dict(sample_arrays()), os.path.join(folder, "back"), 0
    archives = [np.load(os.path.join(back, f)) for f in ("stored.npz", "packed.npz")]
    for name, x in arrays.items():
        for y in [np.load(os.path.join(back, name + ".npy"))] + [a[name] for a in archives]:
            same = y.shape == x.shape and y.dtype == x.dtype.newbyteorder("<") and np.array_equal(x, y)
            wrong += not same
    print(f"{len(arrays)} arrays in {len(arrays)} npy and 2 npz files, read and written back: {wrong} differ")
    sys.exit(wrong > 0)


def time_rounds(rounds):
    for _ in range(rounds):
        begin = time.perf_counter()
        universal()
        print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    command, arguments = sys.argv[1], sys.argv[2:]
    {"time": lambda: time_rounds(int(*arguments)), "save": lambda: save(*arguments),
     "files": lambda: files(*arguments), "compare": lambda: compare(*arguments)}[command]()
