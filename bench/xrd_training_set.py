"""Compares the rate of mb.xrd.training_set with that of the generator of Szymanski et al. (2021), on one thread.

    python3 bench/xrd_training_set.py build/lua CHECKOUT FOLDER    with pymatgen, pyxtal and SciPy (PyPI)

CHECKOUT holds autoXRD/spectrum_generation/mixed.py of XRD-AutoAnalyzer, FOLDER the CIF files. Both make patterns of 4501
points with strain, shift, size, texture, one impurity phase and Gaussian noise; reading the files is not counted.
"""
import os
import subprocess
import sys
import time
import warnings

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
warnings.filterwarnings("ignore")
lua, checkout, folder = sys.argv[1:4]
sys.path.insert(0, checkout)
from pymatgen.core import Structure  # noqa: E402
from autoXRD.spectrum_generation.mixed import MixedGen  # noqa: E402

THEIRS, OURS = 3, 50
LUA = """
local mb = require "moonbow"
local paths = {}
for i = 2, #arg do paths[i - 1] = assert(mb.xrd.read(arg[i])) end
mb.threads(1)
local start = os.clock()
mb.xrd.training_set { phases = paths, radiation = "CuKa1", n = tonumber(arg[1]), validation = 0, noise = 0.005 }
print(os.clock() - start)
"""

paths = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".cif"))
seconds, count = 0.0, 0
for path in paths:
    generator = MixedGen(Structure.from_file(path), 0.5, 0.03, 5, 30, 0.5, 70, 10, 80, folder)
    start = time.perf_counter()
    for _ in range(THEIRS):
        generator.mixed_spectrum
    seconds, count = seconds + time.perf_counter() - start, count + THEIRS
theirs = count / seconds
ours = OURS * len(paths) / float(subprocess.run([lua, "-e", LUA, "-", str(OURS), *paths], check=True,
                                                capture_output=True, text=True).stdout)
print(f"{len(paths)} phases, patterns per second on one thread: XRD-AutoAnalyzer {theirs:.2f}, moonbow {ours:.0f}, "
      f"ratio {ours / theirs:.0f}")
