"""SciPy, pybaselines and scikit-learn for bench/judging.lua: reads names of cases, prints processor seconds."""

import sys
import time
import warnings

import numpy as np
import scipy.signal
from pybaselines import Baseline
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import KNeighborsClassifier

warnings.simplefilter("ignore")  # of iterations that do not suffice
rng = np.random.default_rng(1)
wide = rng.uniform(0, 1, (1000, 5000)).astype(np.float32)
others = rng.uniform(0, 1, (1000, 5000)).astype(np.float32)
few = rng.uniform(0, 1, (50, 5000))
double, numbers, classes = wide.astype(float), rng.normal(size=1000), np.arange(1000) % 5
baseline = Baseline(np.arange(5000))


def each(method, **options):
    def run():
        for row in few:
            row - getattr(baseline, method)(row, **options)[0]

    return run


cases = {
    "savitzky_golay 1000 x 5000": lambda: scipy.signal.savgol_filter(wide, 11, 2),
    "snv 1000 x 5000": lambda: (wide - wide.mean(1, keepdims=True)) / wide.std(1, keepdims=True),
    "als_baseline 50 x 5000": each("asls", lam=1e6, max_iter=9, tol=0),
    "arpls_baseline 50 x 5000": each("arpls", lam=1e6, max_iter=9, tol=1e-12),
    "airpls_baseline 50 x 5000": each("airpls", lam=1e6, max_iter=10, tol=1e-12),
    "rolling_ball 50 x 5000": each("rolling_ball", half_window=50),
    "distances 1000 x 1000 x 5000": lambda: pairwise_distances(wide, others),
    "neighbours 1000 x 1000 x 5000": lambda: KNeighborsClassifier(1).fit(wide, classes).predict(wide),
    "pca 1000 x 5000, 10": lambda: PCA(10).fit(double),
    "pls 1000 x 5000, 10": lambda: PLSRegression(10, scale=False).fit(double, numbers),
    "ridge 1000 x 5000": lambda: Ridge().fit(double, numbers),
    "logistic 1000 x 5000, 5": lambda: LogisticRegression(max_iter=1000).fit(double, classes),
}

for line in sys.stdin:
    if line.strip() == "end":
        break
    run = cases[line.strip()]
    begin = time.process_time()
    run()
    print(time.process_time() - begin, flush=True)
