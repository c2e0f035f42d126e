"""Draws series over time as one SVG, a panel per quantity; light and dark as the reader has it.

No library: a page of documentation needs lines, a grid and words, and a file that can be compared.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH = 920
LEFT, RIGHT = 64, 236
TOP, PANEL, BETWEEN, BOTTOM = 64, 132, 46, 34
LABEL_STEP = 16
COLOURS = 8

STYLE = """
  svg { font: 12px system-ui, sans-serif; }
  .ground { fill: #ffffff; } .words { fill: #1f2933; } .faint { fill: #6b7785; }
  .head { font-weight: 600; font-size: 13px; } .title { font-weight: 600; font-size: 16px; }
  .grid { stroke: #e3e7eb; } .warm { fill: #f3f5f7; } .line { fill: none; stroke-width: 1.6; }
  .budget { stroke: #c0392b; stroke-dasharray: 5 4; } .budget-words { fill: #c0392b; }
  .c0 { --c: #1f2933; } .c1 { --c: #2563c9; } .c2 { --c: #c2570c; } .c3 { --c: #15803d; }
  .c4 { --c: #8b3fc4; } .c5 { --c: #b08800; } .c6 { --c: #0e8a99; } .c7 { --c: #b8336a; }
  .line { stroke: var(--c); } .name { fill: var(--c); }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #14181d; } .words { fill: #e4e9ee; } .faint { fill: #93a0ad; }
    .grid { stroke: #2a323a; } .warm { fill: #1b2127; }
    .budget { stroke: #ff7b6b; } .budget-words { fill: #ff7b6b; }
    .c0 { --c: #f2f5f8; } .c1 { --c: #6ea8ff; } .c2 { --c: #ff9e57; } .c3 { --c: #5fd38a; }
    .c4 { --c: #c99bff; } .c5 { --c: #e5c24a; } .c6 { --c: #4fd0de; } .c7 { --c: #ff8fb8; }
  }
"""


@dataclass(frozen=True)
class Line:
    """One series of a panel.

    Args:
        values: One for each time; NaN where there is none.
        words: Said after its name, such as its slope.
    """

    values: Sequence[float]
    words: str = ""


@dataclass(frozen=True)
class Panel:
    """One quantity over time.

    Args:
        title: With its unit.
        lines: Name to series; a name has the same colour in every panel.
        budget: A dashed line; ``None`` where there is no budget.
    """

    title: str
    lines: Mapping[str, Line]
    budget: float | None = None


def write_plot(
    path: Path,
    title: str,
    subtitle: str,
    times_min: Sequence[float],
    panels: Sequence[Panel],
    warm_until_min: float,
    unit: str = "minutes",
) -> None:
    """Write the picture.

    Args:
        path: The SVG file.
        title: What was measured.
        subtitle: On which machine, and how to read it.
        times_min: Of the values, rising, in minutes.
        panels: From top to bottom.
        warm_until_min: Until then nothing is judged; the ground is shaded.
        unit: What the axis counts, where it is not minutes.
    """
    height = TOP + len(panels) * (PANEL + BETWEEN) + BOTTOM
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    colours = {name: number % COLOURS for number, name in enumerate(names)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}" rx="8"/>',
        _text(20, 28, title, "words title"),
        _text(20, 47, subtitle, "faint"),
    ]
    last_min = times_min[-1]

    for number, panel in enumerate(panels):
        top = TOP + number * (PANEL + BETWEEN) + 26
        parts += _panel(panel, top, times_min, warm_until_min, colours)
    axis = _Canvas(0, times_min, 1.0)
    step = _step(last_min, 8)
    for tick in range(int(last_min / step) + 1):
        minutes = tick * step
        parts.append(_text(axis.x(minutes), height - BOTTOM + 8, f"{minutes:g}", "faint", "middle"))
    parts.append(_text(axis.x(last_min) + 14, height - BOTTOM + 8, unit, "faint"))
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


class _Canvas:
    """Where a panel is drawn.

    Args:
        top: Its upper edge.
        times_min: Of the values.
        most: Value at the upper edge; 0 is at the lower one.
    """

    def __init__(self, top: float, times_min: Sequence[float], most: float) -> None:
        self.top = top
        self._times_min = times_min
        self._most = most

    def x(self, minutes: float) -> float:
        """Place of a time."""
        return LEFT + (WIDTH - LEFT - RIGHT) * minutes / self._times_min[-1]

    def y(self, value: float) -> float:
        """Place of a value."""
        return self.top + PANEL * (1 - value / self._most)

    def rule(self, value: float, style: str) -> str:
        """A level line from edge to edge."""
        y = self.y(value)
        return f'<line class="{style}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'

    def curve(self, values: Sequence[float], colour: int) -> str:
        """A series; values that are missing break it."""
        words: list[str] = []
        pen = "M"
        for minutes, value in zip(self._times_min, values, strict=True):
            if math.isnan(value):
                pen = "M"
                continue
            words.append(f"{pen}{self.x(minutes):.1f} {self.y(value):.1f}")
            pen = "L"
        return f'<path class="line c{colour}" d="{"".join(words)}"/>'


def _panel(
    panel: Panel,
    top: float,
    times_min: Sequence[float],
    warm_until_min: float,
    colours: Mapping[str, int],
) -> list[str]:
    known = [v for line in panel.lines.values() for v in line.values if not math.isnan(v)]
    most = 1.08 * max([*known, panel.budget or 0.0, 1e-9])
    canvas = _Canvas(top, times_min, most)
    warm_px = canvas.x(warm_until_min) - LEFT
    parts = [
        f'<rect class="warm" x="{LEFT}" y="{top}" width="{warm_px:.1f}" height="{PANEL}"/>',
        _text(LEFT, top - 9, panel.title, "words head"),
    ]
    step = _step(most, 4)
    for tick in range(int(most / step) + 1):
        value = tick * step
        parts.append(canvas.rule(value, "grid"))
        parts.append(_text(LEFT - 8, canvas.y(value) + 4, f"{value:g}", "faint", "end"))
    if panel.budget is not None:
        parts.append(canvas.rule(panel.budget, "budget"))
        words = f"budget {panel.budget:g}"
        parts.append(
            _text(WIDTH - RIGHT - 4, canvas.y(panel.budget) - 5, words, "budget-words", "end")
        )
    parts += [canvas.curve(line.values, colours[name]) for name, line in panel.lines.items()]
    for place, name in zip(_label_places(panel, canvas), panel.lines, strict=True):
        words = f"{name}  {panel.lines[name].words}".strip()
        label = _text(WIDTH - RIGHT + 10, place + 4, words, f"name c{colours[name]}")
        parts.append(label)
    return parts


def _label_places(panel: Panel, canvas: _Canvas) -> list[float]:
    """Where each name stands: at the end of its line, pushed apart where two would touch."""
    wished = []
    for line in panel.lines.values():
        known = [value for value in line.values if not math.isnan(value)]
        wished.append(canvas.y(known[-1]) if known else canvas.top)
    order = sorted(range(len(wished)), key=wished.__getitem__)
    places = list(wished)
    lowest = canvas.top - LABEL_STEP
    for number in order:
        places[number] = max(places[number], lowest + LABEL_STEP)
        lowest = places[number]
    over = lowest - (canvas.top + PANEL)
    if over > 0:
        for back, number in enumerate(reversed(order)):
            limit = canvas.top + PANEL - back * LABEL_STEP
            places[number] = min(places[number], limit)
    return places


def _step(most: float, ticks: int) -> float:
    """A round step that gives about so many ticks."""
    rough = max(most, 1e-9) / ticks
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)


def _text(x: float, y: float, words: str, style: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )
