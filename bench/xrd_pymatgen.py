"""Compares peaks of mb.xrd.peaks with those of pymatgen's XRDCalculator, and their speed.

    python3 bench/xrd_pymatgen.py build/lua FILE.cif...      with pymatgen and gemmi (PyPI)
    python3 bench/xrd_pymatgen.py --figures FILE.cif... > spec/support/xrd_figures.lua

In pymatgen's conventions (neutral atoms, at rest, without dispersion, one wavelength), positions and intensities have
to agree once pymatgen's form factors (Z - 41.78214 s^2 sum of a exp(-b s^2), of electron diffraction) are replaced by
those of the International Tables C (1992), which moonbow takes; the difference with its own is printed beside.
"""
import inspect
import json
import subprocess
import sys
import time
import warnings

import gemmi
import numpy as np
import pymatgen.analysis.diffraction.xrd as xrd
from pymatgen.io.cif import CifParser

warnings.filterwarnings("ignore")
WAVELENGTH, RANGE = 1.540593, (5, 90)
OWN = 'grp["z"] - 41.78214 * s2 * np.sum(coeff[:, 0] * np.exp(-coeff[:, 1] * s2[:, None]), axis=1)'
LUA = """
local mb = require "moonbow"
for _, path in ipairs(arg) do
  local crystal = assert(mb.xrd.read(path))
  local options = { radiation = %r, two_theta = { %g, %g }, dispersion = false, debye_waller = false }
  local peaks, x, y = mb.xrd.peaks(crystal, options), {}, {}
  for i, p in ipairs(peaks) do x[i], y[i] = ("%%.9f"):format(p.two_theta), ("%%.9g"):format(p.intensity) end
  local start = os.clock()
  for _ = 1, 20 do mb.xrd.peaks(crystal, options) end
  print(("[[%%s],[%%s],%%g]"):format(table.concat(x, ","), table.concat(y, ","), (os.clock() - start) / 20))
end
"""


def tables(z, s2):
    factor = gemmi.Element(int(z)).it92
    return factor.c + sum(a * np.exp(-b * s2) for a, b in zip(factor.a, factor.b))


def with_tables():
    source = inspect.getsource(xrd.XRDCalculator)
    assert source.count(OWN) == 1, "another version of pymatgen"
    names = dict(xrd.__dict__, tables=tables)
    exec("from __future__ import annotations\n" + source.replace(OWN, 'tables(grp["z"], s2)'), names)
    return names["XRDCalculator"]


def merged(x, y):
    """Adds up peaks closer than 1e-5 degrees."""
    peaks = []
    for position, intensity in sorted(zip(x, y)):
        if peaks and position - peaks[-1][0] < 1e-5:
            peaks[-1][1] += intensity
        else:
            peaks.append([position, intensity])
    return np.array(peaks)


def differences(ours, pattern):
    """Largest differences of position, in degrees, and of intensity, to the largest; peaks beyond 1e-4 of it."""
    theirs = merged(pattern.x, pattern.y)
    theirs[:, 1] /= theirs[:, 1].max()
    apart, off, missing = 0, 0, 0
    for one, other in ((theirs, ours), (ours, theirs)):
        for position, intensity in one:
            nearest = other[np.argmin(abs(other[:, 0] - position))]
            if intensity < 1e-4:
                continue
            missing += abs(nearest[0] - position) > 1e-4
            apart, off = max(apart, abs(nearest[0] - position)), max(off, abs(nearest[1] - intensity))
    return apart, off, missing


def main(lua, paths):
    script = LUA % (WAVELENGTH, *RANGE)
    open("/tmp/xrd_peaks.lua", "w").write(script)
    lines = subprocess.run([lua, "/tmp/xrd_peaks.lua", *paths], capture_output=True, text=True, check=True).stdout
    calculator = with_tables()
    print("file: peaks, missing, largest difference of 2theta (deg), of intensity (share of the largest), with")
    print("pymatgen's own form factors, seconds: moonbow, pymatgen")
    for path, line in zip(paths, lines.splitlines()):
        x, y, seconds = json.loads(line)
        ours = merged(x, y)
        ours[:, 1] /= ours[:, 1].max()
        structure = CifParser(path, occupancy_tolerance=2).parse_structures(primitive=False)[0]
        start = time.perf_counter()
        own = xrd.XRDCalculator(wavelength=WAVELENGTH).get_pattern(structure, two_theta_range=RANGE)
        theirs = time.perf_counter() - start
        same = calculator(wavelength=WAVELENGTH).get_pattern(structure, two_theta_range=RANGE)
        apart, off, missing = differences(ours, same)
        name = path.rsplit("/", 1)[-1]
        print(f"{name}: {len(ours)}, {missing}, {apart:.1e}, {off:.1e}, {differences(ours, own)[1]:.1e}, "
              f"{seconds:.1e}, {theirs:.1e}")


def figures(paths):
    """The four strongest peaks of each file by pymatgen, with the tables' form factors, for spec/xrd_spec.lua."""
    calculator = with_tables()
    print("-- The four strongest peaks, 2theta and intensity in percent of the largest, of structures in the folders of")
    print("-- measured spectra, by pymatgen with the form factors of the International Tables (bench/xrd_pymatgen.py).")
    print("return {")
    for path in paths:
        structure = CifParser(path, occupancy_tolerance=2).parse_structures(primitive=False)[0]
        pattern = calculator(wavelength=WAVELENGTH).get_pattern(structure, two_theta_range=RANGE)
        peaks = merged(pattern.x, pattern.y)
        strongest = peaks[np.argsort(-peaks[:, 1], kind="stable")[:4]]
        values = ", ".join(f"{position:.7f}, {intensity:.4f}" for position, intensity in strongest)
        print(f'  ["{"/".join(path.split("/")[-3:])}"] =\n    {{ {values} }},')
    print("}")


if sys.argv[1] == "--figures":
    figures(sys.argv[2:])
else:
    main(sys.argv[1], sys.argv[2:])
