"""An evaluation as pictures: people would rather look than read."""

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Sheet

from serving.image import Image
from training.data.summaries import name_photo
from training.loop.class_figures import Predictions
from training.loop.class_measures import risk_coverage
from training.loop.loaders import read_image

_INK, _ACCENT = "#1f2933", "#c2410c"
mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})


def draw_confusion(predictions: Predictions, names: Sequence[str]) -> bytes:
    """Draw which label is taken for which, in counts, coloured by the share of each row; PNG."""
    count = len(names)
    pairs = predictions.labels * count + predictions.best
    table = np.bincount(pairs, minlength=count * count).reshape(count, count)
    share = table / table.sum(axis=1, keepdims=True).clip(min=1)
    sheet = Sheet(figsize=(8.5, 7.5), layout="constrained")
    axes = sheet.add_subplot()
    axes.imshow(share, cmap="Oranges", vmin=0, vmax=1)
    for row, column in np.argwhere(table):
        colour = "white" if share[row, column] > 0.55 else _INK
        axes.text(column, row, str(table[row, column]), ha="center", va="center", color=colour)
    axes.set_xticks(range(count), names, rotation=45, ha="right")
    axes.set_yticks(range(count), names)
    axes.set_xlabel("answered")
    axes.set_ylabel("true")
    axes.set_title(f"{predictions.right.mean():.1%} of {len(predictions.labels)} photos right")
    return _to_png(sheet)


def draw_risk_coverage(predictions: Mapping[str, Predictions]) -> bytes:
    """Draw the error rate against the share of photos answered, for each set; PNG."""
    sheet = Sheet(figsize=(6.5, 4.2), layout="constrained")
    axes = sheet.add_subplot()
    for name, part in predictions.items():
        coverage, risk = risk_coverage(part.confidence, part.right)
        axes.plot(100 * coverage, 100 * risk, label=f"{name} (mean {risk.mean():.2%})")
    axes.set_xlabel("most confident photos answered, %")
    axes.set_ylabel("wrong among them, %")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return _to_png(sheet)


def draw_reliability(predictions: Predictions) -> bytes:
    """Draw accuracy against confidence in 15 bins of equal count; PNG."""
    order = np.argsort(predictions.confidence)
    bins = np.array_split(order, min(15, len(order)))
    confidence = [predictions.confidence[rows].mean() for rows in bins]
    accuracy = [predictions.right[rows].mean() for rows in bins]
    sheet = Sheet(figsize=(4.4, 4.2), layout="constrained")
    axes = sheet.add_subplot()
    axes.plot([0, 1], [0, 1], color="#9aa5b1", linestyle=":")
    axes.plot(confidence, accuracy, marker="o", color=_ACCENT)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share right")
    axes.set_aspect("equal")
    return _to_png(sheet)


def draw_worst(
    predictions: Predictions, rows: pd.DataFrame, names: Sequence[str], count: int = 24
) -> bytes:
    """Draw the mistakes made with most confidence, with what was said and what is true; PNG."""
    wrong = np.flatnonzero(~predictions.right)
    worst = wrong[np.argsort(-predictions.confidence[wrong])][:count]
    columns = 6
    lines = max(1, -(-len(worst) // columns))
    sheet = Sheet(figsize=(14, 2.7 * lines), layout="constrained")
    for place, row in enumerate(worst):
        axes = sheet.add_subplot(lines, columns, place + 1)
        axes.imshow(_thumbnail(str(rows["uri"].iloc[row])))
        said, true = names[predictions.best[row]], names[predictions.labels[row]]
        name = name_photo(str(rows["uri"].iloc[row]))
        told = f"{said} {predictions.confidence[row]:.0%}\n(true: {true})\n{name[-34:]}"
        axes.set_title(told, fontsize=8)
        axes.axis("off")
    return _to_png(sheet)


def _thumbnail(uri: str) -> Image:
    photo = read_image(uri, 224)
    step = max(1, min(photo.shape[:2]) // 200)
    return photo[::step, ::step]


def _to_png(sheet: Sheet) -> bytes:
    file = io.BytesIO()
    sheet.savefig(file, format="png", dpi=110, facecolor="white")
    return file.getvalue()
