"""Writes random tables of spectra by Python's csv, pandas and NumPy, and what they hold, for random_tables.lua.

    python3 spec/support/random_tables.py FOLDER [COUNT] [SEED]
"""
import csv
import io
import json
import os
import random
import sys

import numpy as np
import pandas as pd

folder, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
os.makedirs(folder, exist_ok=True)
WORDS = ["a", "x y", "1,2-diol", "a;b", "12", "1.5", "é", 'say "hi"', "", "calcite", "S-3", "nan", "2024-05-01", "#1"]


def draw_axis(rng, points):
    start, step = rng.choice([(400, 2), (4000, -1.93), (10, 0.02), (1100.0, 7.035), (100, 1)])
    digits = rng.choice([1, 2, 4]) if step != 0.02 else rng.choice([2, 4])
    axis = [round(start + step * i, digits) for i in range(points)]
    return axis if len(set(axis)) == points else [float(start + i) for i in range(points)]


def draw_values(rng, rows, points):
    kind = rng.choice(["fraction", "counts", "large", "tiny", "full"])
    noise = np.random.default_rng(rng.randrange(2**31))
    values = noise.normal(size=(rows, points))
    if kind == "counts":
        return np.rint(np.abs(values) * 300), "%d"
    if kind == "large":
        return np.round(values * 1e6, 2), "%.2f"
    if kind == "tiny":
        return values * 1e-7, "%.7e"
    return (np.round(values, 4), "%.4f") if kind == "fraction" else (values, "%r")


def text_of(value, form, decimal):
    text = repr(float(value)) if form == "%r" else form % value
    return text.replace(".", decimal)


def finish(rng, text, table):
    """Line ends, comments, trailing cells, encodings."""
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if rng.random() < 0.2 and table["separator"] != " ":
        lines = [line + table["separator"] * rng.choice([1, 2]) for line in lines]
        table["made"].append("trailing cells")
    if rng.random() < 0.2:
        lines[0:0] = ["# made by a program", "# date: 2024-05-01"][: rng.choice([1, 2])]
        table["made"].append("comments")
    if rng.random() < 0.15:
        keys = [["Title", "sample 7"], ["Operator", "me"], ["Instrument", "S-400"]][: rng.choice([1, 2, 3])]
        sign = rng.choice([": ", "=", table["separator"] if table["separator"] != " " else ": "])
        lines[0:0] = [sign.join(pair) for pair in keys]
        table["made"].append("metadata " + sign)
    if rng.random() < 0.15:
        lines.insert(rng.randrange(len(lines) + 1), "")
        table["made"].append("blank line")
    ending = rng.choice(["\n", "\n", "\r\n", "\r"])
    text = ending.join(lines) + (ending if rng.random() < 0.9 else "")
    encoding = rng.choice(["utf-8"] * 5 + ["utf-8-sig", "utf-16", "cp1252", "utf-16-le"])
    table["made"].append(encoding + " " + repr(ending))
    return text.encode(encoding)


def cells_by_csv(rng, rows, table):
    out = io.StringIO()
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
    table["made"].append("csv quoting %d" % quoting)
    csv.writer(out, delimiter=table["separator"], quoting=quoting).writerows(rows)
    return out.getvalue()


def spectra_in_rows(rng, table):
    points, rows = rng.randint(3, 60), rng.randint(1, 30)
    axis, (values, form) = draw_axis(rng, points), draw_values(rng, rows, points)
    labels = rng.randint(0, 2)
    texts = [[rng.choice(WORDS) for _ in range(rows)] for _ in range(labels)]
    names = ["kind", "sample no"][:labels]
    head = [text_of(a, "%r", table["decimal"]) for a in axis]
    prefix, suffix = rng.choice([("", "")] * 6 + [("X", ""), ("wn_", ""), ("", " cm-1"), ("", " nm")])
    head = [prefix + cell + suffix for cell in head]
    table.update(layout="rows", axis=axis, labels=dict(zip(names, texts)), head=prefix + suffix)
    if table["writer"] == "pandas":
        form = "%r"
        frame = pd.DataFrame(values, columns=head)
        for i, name in enumerate(names):
            frame.insert(i, name, texts[i])
        with_index = rng.random() < 0.3
        table["made"].append("index" if with_index else "no index")
        text = frame.to_csv(sep=table["separator"], decimal=table["decimal"], index=with_index)
        table["values"] = values.tolist()
        return text
    table["values"] = [[float(form % v) if form != "%r" else float(v) for v in row] for row in values]
    cells = [names + head]
    for r in range(rows):
        cells.append([column[r] for column in texts] + [text_of(v, form, table["decimal"]) for v in values[r]])
    return cells_by_csv(rng, cells, table)


def spectra_in_columns(rng, table):
    points, spectra = rng.randint(3, 200), rng.choice([1, 1, 1, 2, 3, 10])
    if spectra > 1:
        points = max(points, 8)
    axis, (values, form) = draw_axis(rng, points), draw_values(rng, spectra, points)
    first = rng.choice(["wavenumber", "Raman shift (cm-1)", "2theta", "x", "Wavelength [nm]", "", None])
    names = ["s%d" % i if spectra > 1 else "Intensity" for i in range(1, spectra + 1)]
    table.update(layout="columns", axis=axis, labels={}, head=first)
    table["values"] = [[float(form % v) if form != "%r" else float(v) for v in row] for row in values]
    if table["writer"] == "pandas" and first:
        form = "%r"
        table["values"] = values.tolist()
        frame = pd.DataFrame(values.T, columns=names)
        frame.insert(0, first, axis)
        with_index = rng.random() < 0.3
        table["made"].append("index" if with_index else "no index")
        return frame.to_csv(sep=table["separator"], decimal=table["decimal"], index=with_index)
    if table["writer"] == "numpy" and table["decimal"] == ".":
        out = io.StringIO()
        header = table["separator"].join([first] + names) if first and " " not in first else ""
        np.savetxt(out, np.column_stack([axis, values.T]), delimiter=table["separator"], header=header,
                   fmt="%.18e" if rng.random() < 0.5 else "%.10g")
        text = out.getvalue()
        data = np.loadtxt(io.StringIO(text), delimiter=None if table["separator"] == " " else table["separator"],
                          ndmin=2)
        table.update(axis=data[:, 0].tolist(), values=data[:, 1:].T.tolist())
        return text
    cells = [] if first is None else [[first] + names]
    for p in range(points):
        cells.append([text_of(axis[p], "%r", table["decimal"])]
                     + [text_of(values[s][p], form, table["decimal"]) for s in range(spectra)])
    return cells_by_csv(rng, cells, table)


def classes_before_rows(rng, table):
    """The layout of the UCR archive, or one that only looks like it, which has no values to read."""
    table["separator"], table["decimal"] = rng.choice([",", "\t", " "]), "."
    points, rows = rng.randint(20, 60), rng.randint(6, 30)
    values, form = draw_values(rng, rows, points)
    if form == "%d":
        values, form = values / 7 + 0.001, "%.4f"
    kind = rng.choice(["classes"] * 4 + ["whole numbers", "numbers", "counts", "normalised", "spectra"])
    count = rng.randint(2, min(rows // 2, 6))
    low = rng.choice([0, 1])
    first = [low + i % count for i in range(rows)]
    if count == 2 and rng.random() < 0.3:
        first = [2 * (i % 2) - 1 for i in range(rows)]
    rng.shuffle(first)
    if kind == "whole numbers":
        first = [80 + rng.randrange(12) for _ in range(rows)]
    elif kind == "numbers":
        first = [round(rng.random() * 9, 1) + 0.05 for _ in range(rows)]
    elif kind == "counts":
        values, form = np.random.default_rng(rng.randrange(2**31)).poisson(2, size=(rows, points)) * 1.0, "%d"
    elif kind == "normalised":
        values = (values - values.min(1, keepdims=True)) / (values.max(1, keepdims=True) - values.min(1, keepdims=True))
        first, form = [i % 2 for i in range(rows)], "%r"
    elif kind == "spectra":
        first = [rng.gauss(0, 1) for _ in range(rows)]
    table.update(layout="classes", head=kind, axis=[], labels={}, values=[])
    table["made"].append(kind)
    if kind == "classes":
        table.update(axis=list(range(1, points + 1)), labels={"class": ["%d" % c for c in first]},
                     values=[[float(form % v) if form != "%r" else float(v) for v in row] for row in values])
    of_first = rng.choice(["%d", "%.7e", "%.1f"]) if all(c == int(c) for c in first) else "%r"
    if table["writer"] == "pandas" and kind == "classes":
        frame = pd.DataFrame(table["values"])
        frame.insert(0, "class", [of_first % c for c in first])
        return frame.to_csv(sep=table["separator"], header=False, index=False)
    cells = [[of_first % c] + [text_of(v, form, ".") for v in row] for c, row in zip(first, values)]
    return cells_by_csv(rng, cells, table) if table["writer"] == "csv" else "\n".join(
        table["separator"].join(row) for row in cells) + "\n"


def draw(rng, number):
    separator = rng.choice([",", ",", ";", "\t", " "])
    decimal = "," if separator != "," and rng.random() < 0.35 else "."
    table = {"separator": separator, "decimal": decimal, "writer": rng.choice(["csv", "pandas", "numpy"]), "made": []}
    share = rng.random()
    make = classes_before_rows if share < 0.15 else spectra_in_columns if table["writer"] == "numpy" or rng.random() < 0.4 else spectra_in_rows
    content = finish(rng, make(rng, table), table)
    table["file"] = "table%03d.txt" % number
    with open(os.path.join(folder, table["file"]), "wb") as file:
        file.write(content)
    return table


rng = random.Random(seed)
tables = [draw(rng, i) for i in range(1, count + 1)]
with open(os.path.join(folder, "tables.json"), "w") as file:
    json.dump(tables, file)
