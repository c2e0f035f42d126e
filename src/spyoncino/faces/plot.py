"""Draws the scores of same and different people as one SVG: histogram and ROC curve, no library.

Light and dark as the reader has it. For the report of a gallery and for pages of documentation.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 920
HEIGHT: Final = 400
PANEL: Final = 250
TOP: Final = 86
HISTOGRAM: Final = (58, 440)
ROC: Final = (530, 890)
BINS: Final = 60

STYLE: Final = """
  svg { font: 12px system-ui, sans-serif; }
  .ground { fill: #ffffff; } .words { fill: #1f2933; } .faint { fill: #6b7785; }
  .title { font-weight: 600; font-size: 16px; } .head { font-weight: 600; font-size: 13px; }
  .grid { stroke: #e3e7eb; } .same { fill: #15803d; } .other { fill: #c2570c; }
  .bar { fill-opacity: 0.55; } .curve { fill: none; stroke: #2563c9; stroke-width: 2; }
  .mark { stroke: #c0392b; stroke-dasharray: 5 4; } .mark-words { fill: #c0392b; }
  .dot { fill: #c0392b; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #14181d; } .words { fill: #e4e9ee; } .faint { fill: #93a0ad; }
    .grid { stroke: #2a323a; } .same { fill: #5fd38a; } .other { fill: #ff9e57; }
    .curve { stroke: #6ea8ff; } .mark { stroke: #ff7b6b; } .mark-words, .dot { fill: #ff7b6b; }
  }
"""


def roc(genuine: Sequence[float], impostor: Sequence[float]) -> list[tuple[float, float, float]]:
    """The receiver operating characteristic of a limit «at least».

    Args:
        genuine: Scores of pairs of one person; at least one.
        impostor: Scores of pairs of different people; at least one.

    Returns:
        (limit, share of ``impostor`` accepted, share of ``genuine`` accepted) of every score as
        limit, strictest first.
    """
    same, other = np.sort(genuine), np.sort(impostor)
    limits = np.unique(np.concatenate([same, other]))[::-1]
    false = 1.0 - np.searchsorted(other, limits, side="left") / len(other)
    true = 1.0 - np.searchsorted(same, limits, side="left") / len(same)
    return list(zip(limits.tolist(), false.tolist(), true.tolist(), strict=True))


def area_under(genuine: Sequence[float], impostor: Sequence[float]) -> float:
    """Chance that a pair of one person scores above a pair of two, ties half; 0.5..1 usually."""
    other = np.sort(impostor)
    below = np.searchsorted(other, genuine, side="left")
    upto = np.searchsorted(other, genuine, side="right")
    return float((below + upto).mean() / 2.0 / len(other))


def score_plot(
    title: str,
    subtitle: str,
    genuine: Sequence[float],
    impostor: Sequence[float],
    marks: Mapping[str, float],
) -> str:
    """The picture as text of an SVG file.

    Args:
        title: What was measured.
        subtitle: On what, and how to read it.
        genuine: Scores of pairs of one person; may be empty.
        impostor: Scores of pairs of different people; may be empty.
        marks: Name of a limit to its value; drawn in both panels.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
        _text(20, 28, title, "words title"),
        _text(20, 47, subtitle, "faint"),
        *_histogram(genuine, impostor, marks),
    ]
    if len(genuine) and len(impostor):
        parts += _roc_panel(genuine, impostor, marks)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _histogram(
    genuine: Sequence[float], impostor: Sequence[float], marks: Mapping[str, float]
) -> list[str]:
    left, right = HISTOGRAM
    low = min([-0.2, *genuine, *impostor])
    edges = np.linspace(math.floor(low * 10) / 10, 1.0, BINS + 1)

    def x(value: float) -> float:
        share = (value - edges[0]) / (edges[-1] - edges[0])
        return left + (right - left) * min(1.0, max(0.0, float(share)))

    parts = [
        _text(left, TOP - 10, f"{len(genuine)} pairs of one person", "same head"),
        _text(right, TOP - 10, f"{len(impostor)} of different people", "other head", "end"),
    ]
    for scores, colour in ((impostor, "other"), (genuine, "same")):
        heights: NDArray[np.int64] = np.histogram(np.clip(scores, edges[0], 1.0), edges)[0]
        most = max(1, int(heights.max(initial=0)))
        for number, count in enumerate(heights.tolist()):
            if count:
                tall = PANEL * count / most
                wide = x(float(edges[number + 1])) - x(float(edges[number])) - 0.6
                parts.append(
                    f'<rect class="bar {colour}" x="{x(float(edges[number])):.1f}" '
                    f'y="{TOP + PANEL - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}"/>'
                )
    ticks = np.arange(math.ceil(edges[0] * 5) / 5, 1.001, 0.2).round(1) + 0.0
    parts += [
        _text(x(tick), TOP + PANEL + 18, f"{tick:.1f}", "faint", "middle")
        for tick in ticks.tolist()
    ]
    parts.append(
        _text(left, TOP + PANEL + 38, "similarity (cosine); each colour by its own scale", "faint")
    )
    for place, (name, value) in enumerate(marks.items()):
        parts.append(_line("mark", x(value), TOP, x(value), TOP + PANEL))
        words = f"{name} {value:.2f}"
        parts.append(_text(x(value) + 4, TOP + 14 + 16 * place, words, "mark-words"))
    return parts


def _roc_panel(
    genuine: Sequence[float], impostor: Sequence[float], marks: Mapping[str, float]
) -> list[str]:
    left, right = ROC
    decades = max(1, math.ceil(math.log10(len(impostor))))

    def x(false: float) -> float:
        floor = 10.0**-decades
        return left + (right - left) * (1.0 + math.log10(max(floor, false)) / decades)

    def y(true: float) -> float:
        return TOP + PANEL * (1.0 - true)

    area = area_under(genuine, impostor)
    parts = [_text(left, TOP - 10, f"ROC, area under it {area:.4f}", "words head")]
    for tick in range(5):
        parts.append(_line("grid", left, y(tick / 4), right, y(tick / 4)))
        parts.append(_text(left - 8, y(tick / 4) + 4, f"{tick * 25} %", "faint", "end"))
    for decade in range(decades + 1):
        at = 10.0**-decade
        words = "0" if decade == decades else f"{100 * at:g} %"
        parts.append(_text(x(at), TOP + PANEL + 18, words, "faint", "middle"))
    parts.append(
        _text(left, TOP + PANEL + 38, "different people taken for one (logarithmic)", "faint")
    )
    points = [(0.0, 0.0), *((false, true) for _, false, true in roc(genuine, impostor))]
    path = "L".join(f"{x(false):.1f} {y(true):.1f}" for false, true in points)
    parts.append(f'<path class="curve" d="M{path}"/>')
    for name, value in marks.items():
        false = sum(score >= value for score in impostor) / len(impostor)
        true = sum(score >= value for score in genuine) / len(genuine)
        parts.append(f'<circle class="dot" cx="{x(false):.1f}" cy="{y(true):.1f}" r="4"/>')
        words = f"{name}: {100 * true:.0f} % of own, {100 * false:.2g} % of others"
        parts.append(_text(right, y(true) + 18, words, "mark-words", "end"))
    return parts


def _line(style: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, style: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )
