"""scikit-learn's linear classifiers, for bench/linear.lua: accuracies by set, kind and C."""

import json
import time
import warnings

import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from support.sklearn_sets import accuracy, settings

warnings.simplefilter("ignore")  # of iterations that do not suffice


def model(kind, C):
    if kind == "svm":
        return LinearSVC(C=C, dual=False, tol=settings["tol"])
    return OneVsRestClassifier(LogisticRegression(solver="liblinear", C=C, tol=settings["tol"]))


def predictor(kind, C):
    def predict(x_train, y_train, x_test):
        scaler = StandardScaler().fit(x_train.astype(float))
        fitted = model(kind, C).fit(scaler.transform(x_train), y_train)
        return fitted.predict(scaler.transform(x_test))

    return predict


rows = []
for entry in settings["sets"]:
    for kind in settings["kinds"]:
        for C in settings["C"]:
            begin = time.perf_counter()
            rows.append({"accuracy": accuracy(entry, predictor(kind, C)), "seconds": time.perf_counter() - begin})
print(json.dumps({"version": sklearn.__version__, "rows": rows}))
