"""Figures as inline SVG: drawn by matplotlib, coloured by the page's style sheet, so that they follow its mode."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Paint = Callable[["Axes"], None]

SERIES = 8  # colours that tell things apart: c0 to c7 of the style sheet
_NAMES = ("ink", "muted", "grid", "accent", "other", "paper", *(f"c{number}" for number in range(SERIES)))
_COLOUR = re.compile(r"#0101([0-9a-f]{2})")
_LONG = re.compile(r"-?\d+\.\d{3,}")
_TAG = re.compile(r"<[^<>]*>")
_NAME = re.compile(r"""(\bid="|url\(#|xlink:href="#)""")
_PAD = 0.03  # inches around what is drawn
_LONGEST = 18  # letters of a name beside an axis


@dataclass(frozen=True)
class Picture:
    """A figure of the page: its drawing, what stands under it, and what it shows in words."""

    svg: Markup
    caption: str
    alt: str


def colour(name: str) -> str:
    """Return a stand-in for the style sheet's variable ``name``; no figure has such a colour by itself."""
    return f"#0101{_NAMES.index(name):02x}"


def series(place: int) -> str:
    """Return the stand-in for the colour of the thing number ``place``; they come round again."""
    return colour(f"c{place % SERIES}")


def short(name: str) -> str:
    """Cut a name that would fill a figure, and put it on one line."""
    line = " ".join(name.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def draw(name: str, caption: str, alt: str, size: tuple[float, float], paint: Paint) -> Picture:
    """Draw one axis of ``size`` (inches) as a picture; ``name`` keeps its ids apart from other figures'."""
    from matplotlib import rc_context  # takes half a second: only where a page is made
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    file = StringIO()
    with rc_context(_settings(name)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the browser has letters that matplotlib's font lacks
        figure = Figure(figsize=size)
        FigureCanvasAgg(figure)  # measures text sooner than the one that writes SVG
        paint(figure.subplots())
        ConstrainedLayoutEngine(h_pad=_PAD, w_pad=_PAD).execute(figure)  # once, and not again while drawing
        figure.savefig(file, format="svg", transparent=True, metadata=dict.fromkeys(_METADATA))
    return Picture(_inline(file.getvalue(), name, alt), caption, alt)


_METADATA = ("Date", "Creator", "Format", "Type")


def _settings(name: str) -> Any:
    ink, muted = colour("ink"), colour("muted")
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "text.parse_math": False,  # a person may be called $x$
        "font.size": 9.0,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": muted,
        "xtick.color": muted,
        "ytick.color": muted,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "grid.color": colour("grid"),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "legend.fontsize": 8.0,
    }


def _inline(text: str, name: str, alt: str) -> Markup:
    """Turn a file of matplotlib into an element of the page: no prolog, own ids, the page's colours."""
    body = _TAG.sub(lambda tag: _tag(tag[0], name), text[text.index("<svg") :])
    first = body.index(">") + 1
    box = re.search(r'viewBox="[^"]*"', body[:first])
    assert box is not None
    head = Markup('<svg {} role="img" aria-label="{}">').format(Markup(box[0]), alt)
    return head + Markup(body[first:])  # matplotlib escapes what it writes, names too


def _tag(tag: str, name: str) -> str:
    tag = _LONG.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), tag)
    tag = _COLOUR.sub(lambda found: f"var(--{_NAMES[int(found[1], 16)]})", tag)
    return _NAME.sub(lambda found: f"{found[1]}{name}-", tag)
