"""The figures of the page, each drawn from plain numbers; every title says so where people were simulated."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.sources.files import natural
from memhacl.train.report.svg import SERIES, Picture, colour, draw, series, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Lines = Sequence[Mapping[str, Any]]

_WIDTH = 4.2  # inches: fills a phone, and three stand side by side on a desk
_NAMED = 60  # people beside an axis, at most
_MARKERS = "os^DvP*X"
_LABELLED = 12  # groups of dots that are named where they lie, at most


def dots(name: str, title: str, rows: Sequence[Mapping[str, Any]], chance: float) -> Picture:
    """Draw a dot and its 95 % interval for each of ``rows`` (who, value, low, high, kind), beside chance."""

    def paint(axis: "Axes") -> None:
        for place, row in enumerate(rows):
            look = {"model": ("D", "accent"), "oracle": ("*", "muted")}.get(row["kind"], ("o", "other"))
            if row["low"] is not None:
                axis.plot([row["low"], row["high"]], [place, place], color=colour(look[1]), linewidth=2.2)
            (dot,) = axis.plot(row["value"], place, look[0], color=colour(look[1]), markersize=7)
            dot.set_clip_on(False)  # whole at 0 and 1 too
            axis.annotate(f"{row['value']:.2f}", (1.04, place), xycoords=("axes fraction", "data"), va="center")
        _chance(axis, chance)
        axis.set_yticks(range(len(rows)), [short(row["who"]) for row in rows])
        axis.get_yticklabels()[0].set_fontweight("bold")
        axis.invert_yaxis()
        lows = [row["low"] if row["low"] is not None else row["value"] for row in rows]
        axis.set_xlim(min(0.0, *lows) if min(lows) < 0.2 else min(0.2, min(lows) - 0.05), 1.0)
        axis.set_xlabel(f"balanced accuracy per trial (dashed: chance, {chance:.2f})")
        axis.set_title(title, loc="left", fontsize=10)

    told = "; ".join(_told(row) for row in rows)
    return draw(name, title, f"{title}. Chance {chance:.2f}. {told}.", (_WIDTH, 0.9 + 0.26 * len(rows)), paint)


def _told(row: Mapping[str, Any]) -> str:
    between = "" if row["low"] is None else f", 95 % interval {row['low']:.2f} to {row['high']:.2f}"
    return f"{row['who']} {row['value']:.2f}{between}"


def _chance(axis: "Axes", chance: float, vertical: bool = True) -> None:
    line = axis.axvline if vertical else axis.axhline
    line(chance, color=colour("muted"), linestyle="--", linewidth=1, zorder=0, label=f"chance ({chance:.2f})")


def people(
    name: str, title: str, rows: Sequence[tuple[str, float, float | None]], rival: str, chance: float
) -> Picture:
    """Draw each person's score, the model's beside its best rival's; ``rows`` are (person, model, rival)."""
    rows = sorted(rows, key=lambda row: row[1], reverse=True)

    def paint(axis: "Axes") -> None:
        for place, (_, model, other) in enumerate(rows):
            if other is not None:
                axis.plot([other, model], [place, place], color=colour("grid"), linewidth=2, zorder=1)
        pairs = [(other, place) for place, (_, _, other) in enumerate(rows) if other is not None]
        if pairs:
            axis.plot(*zip(*pairs, strict=True), "o", color=colour("other"), fillstyle="none", label=short(rival))
        axis.plot(
            [row[1] for row in rows], range(len(rows)), "D", color=colour("accent"), markersize=5, label="model"
        )
        _chance(axis, chance)
        named = len(rows) <= _NAMED
        axis.set_yticks(range(len(rows)) if named else [], [short(row[0]) for row in rows] if named else [])
        axis.set_ylabel("" if named else f"{len(rows)} people, sorted")
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.set_xlim(-0.03, 1.03)
        axis.set_xlabel("balanced accuracy per trial")
        axis.set_title(title, loc="left", fontsize=10)
        _legend_below(axis, 3)

    scores = np.array([row[1] for row in rows])
    better = sum(other is not None and model > other for _, model, other in rows)
    alt = (
        f"{title}. {len(rows)} people; model from {scores.min():.2f} to {scores.max():.2f}, median "
        f"{np.median(scores):.2f}; above {rival} for {better} of them."
    )
    return draw(name, title, alt, (_WIDTH, 1.1 + _tall(len(rows))), paint)


def _legend_below(axis: "Axes", columns: int) -> None:
    figure = axis.get_figure(root=True)
    assert figure is not None
    figure.legend(loc="outside lower center", ncols=columns, handletextpad=0.3, columnspacing=1.0)


def _tall(count: int) -> float:
    return max(0.8, (0.19 if count <= _NAMED else 0.03) * min(count, 200))


def reliability(name: str, title: str, curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> Picture:
    """Draw how often the model was right against how sure it was; ``curves`` maps level to bins."""

    def paint(axis: "Axes") -> None:
        axis.plot([0, 1], [0, 1], color=colour("muted"), linestyle="--", linewidth=1, label="as sure as right")
        for place, (level, bins) in enumerate(curves.items()):
            most = max(one["count"] for one in bins)
            sure, right = ([one[key] for one in bins] for key in ("confidence", "accuracy"))
            axis.plot(sure, right, color=series(place), linewidth=1.2, linestyle=("-", ":")[place % 2])
            sizes = [8 + 70 * one["count"] / most for one in bins]
            axis.scatter(sure, right, sizes, color=series(place), marker=_MARKERS[place], label=f"per {level}")
        axis.set_xlim(0, 1.03)
        axis.set_ylim(-0.03, 1.03)
        axis.set_xlabel("probability of the class that it names")
        axis.set_ylabel("share that is right")
        axis.set_title(title, loc="left", fontsize=10)
        axis.legend(loc="upper left")

    told = "; ".join(
        f"per {level}: " + ", ".join(f"sure {one['confidence']:.2f}, right {one['accuracy']:.2f}" for one in bins)
        for level, bins in curves.items()
    )
    return draw(name, title, f"{title}. {told}.", (_WIDTH, 3.3), paint)


def course(name: str, title: str, lines: Lines, keys: Mapping[str, str], marks: Mapping[str, Any]) -> Picture:
    """Draw the ``keys`` (key of the log → legend) by epoch; ``marks``: what (ylabel), chance, chosen epoch."""
    found = {
        label: [(one["epoch"], one[key]) for one in lines if one.get(key) is not None]
        for key, label in keys.items()
    }
    found = {label: points for label, points in found.items() if points}

    def paint(axis: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        for place, (label, points) in enumerate(found.items()):
            style = ("-", "--", ":", "-.")[place % 4]
            dot = _MARKERS[place % len(_MARKERS)] if len(points) < 40 else ""
            axis.plot(
                *zip(*points, strict=True),
                color=series(place),
                linestyle=style,
                marker=dot,
                markersize=3.5,
                label=label,
            )
        if marks.get("chance") is not None:
            _chance(axis, marks["chance"], vertical=False)
        if marks.get("chosen") is not None:
            axis.axvline(
                marks["chosen"], color=colour("muted"), linewidth=1, label=f"chosen: epoch {marks['chosen']}"
            )
        if marks.get("share"):
            axis.set_ylim(-0.02, 1.02)
        axis.set_xlabel("epoch")
        axis.set_ylabel(marks["what"])
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.6)
        axis.set_title(title, loc="left", fontsize=10)
        axis.legend()

    told = "; ".join(f"{label} from {points[0][1]:.2f} to {points[-1][1]:.2f}" for label, points in found.items())
    return draw(name, title, f"{title}: {marks['what']} by epoch. {told}.", (_WIDTH, 3.0), paint)


def cloud(
    name: str, title: str, points: NDArray[np.float64], labels: NDArray[np.str_], order: Sequence[str]
) -> Picture:
    """Draw ``points`` (n, 2), each kind of ``labels`` (n,) in a colour and a shape of its own.

    Kinds that are in ``order`` follow it, the others their names.
    """
    known = {kind: place for place, kind in enumerate(order)}
    kinds = sorted(set(labels.tolist()), key=lambda kind: (known.get(kind, len(known)), natural(kind)))
    few = len(kinds) <= _LABELLED

    def paint(axis: "Axes") -> None:
        for place, kind in enumerate(kinds):
            mine = points[labels == kind]
            marker = _MARKERS[(place + place // SERIES) % len(_MARKERS)]  # colour and shape repeat out of step
            axis.plot(
                *mine.T,
                marker,
                color=series(place),
                markersize=4.2,
                alpha=0.75,
                markeredgewidth=0,
                label=short(kind),
            )
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_title(title, loc="left", fontsize=10)
        if few:
            _legend_below(axis, 4)

    alt = f"{title}: {len(points)} windows in two dimensions; marks stand for {len(kinds)} kinds."
    rows = -(-len(kinds) // 4) if few else 0
    return draw(name, title, alt, (_WIDTH, 3.3 + 0.17 * rows), paint)
