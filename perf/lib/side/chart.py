# SPDX-License-Identifier: BSD-3-Clause
"""Charts as SVG, in colours that the page's style names: they follow its light and dark."""

import html
import math

WIDTH, HEIGHT = 600, 330
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 30, 52
ROOM = 1.06  # above the greatest value


def esc(text):
    return html.escape(str(text))


def number(value):
    """Short, and never in powers of ten."""
    return "%d" % value if value >= 100 or value == int(value) else "%.2g" % value if value < 10 else "%.3g" % value


def linear_ticks(top):
    """From 0 to top or above, in steps of 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(top / 5))
    step = next(m * power for m in (1, 2, 5, 10) if top / (m * power) <= 5)
    return [i * step for i in range(math.ceil(top / step) + 1)]


def log_ticks(least, top):
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(top))
    return [10.0 ** e for e in range(low, high + 1)]


class Scale:
    """From values to heights."""

    def __init__(self, values, is_log):
        self.is_log = is_log
        self.ticks = log_ticks(min(v for v in values if v > 0), max(values)) if is_log else \
            linear_ticks(max(values) * ROOM)

    def y(self, value):
        low, high = self.ticks[0], self.ticks[-1]
        if self.is_log:
            value, low, high = (math.log10(max(v, self.ticks[0])) for v in (value, low, high))
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))


def axes(scale, labels, x_title, y_title):
    parts = ['<text class="title" x="4" y="14">%s%s</text>' % (esc(y_title), ", logarithmic" if scale.is_log else "")]
    for tick in scale.ticks:
        y = scale.y(tick)
        parts.append('<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>' % (LEFT, WIDTH - RIGHT, y, y))
        parts.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (LEFT - 8, y + 4, number(tick)))
    for i, label in enumerate(labels):
        parts.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (
            middle(i, labels), HEIGHT - BOTTOM + 20, esc(label)))
    parts.append('<text class="title" x="%.1f" y="%d" text-anchor="middle">%s</text>' % (
        (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, esc(x_title)))
    return parts


def step_of(labels):
    return (WIDTH - LEFT - RIGHT) / max(1, len(labels))


def middle(i, labels):
    return LEFT + step_of(labels) * (i + 0.5)


def told(name, value):
    return "<title>%s: %s (%s to %s)</title>" % (esc(name), *map(number, value))


def span(x, scale, value):
    return '<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>' % (x, x, scale.y(value[1]), scale.y(value[2]))


def line_of(name, values, labels, scale):
    """A point for each median, with a line from least to greatest; gaps where nothing was measured."""
    points = [(middle(i, labels), v) for i, v in enumerate(values) if v]
    parts = ['<polyline points="%s"/>' % " ".join("%.1f,%.1f" % (x, scale.y(v[0])) for x, v in points)]
    for x, v in points:
        parts.append(span(x, scale, v) + '<circle cx="%.1f" cy="%.1f" r="4">%s</circle>' % (x, scale.y(v[0]),
                                                                                            told(name, v)))
    return parts


def bars_of(name, values, labels, scale, place, of):
    wide = step_of(labels) * 0.8 / of
    parts = []
    for i, v in enumerate(values):
        if not v:
            continue
        x = middle(i, labels) + (place - of / 2) * wide
        parts.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f">%s</rect>' % (
            x, scale.y(v[0]), wide - 2, scale.y(scale.ticks[0]) - scale.y(v[0]), told(name, v)))
        parts.append('<g class="over">%s</g>' % span(x + wide / 2 - 1, scale, v))
        parts.append('<text class="value" x="%.1f" y="%.1f" text-anchor="middle">%s</text>' % (
            x + wide / 2 - 1, scale.y(v[2]) - 5, number(v[0])))
    return parts


def colour(name):
    """The class of a program."""
    return "p-" + name


def chart(title, labels, series, x_title, y_title, bars=False, is_log=False):
    """series: {program: [(median, least, greatest) or None]}. A line needs two points. "" when there is nothing to
    show."""
    series = {n: values for n, values in series.items() if sum(map(bool, values)) > (not bars)}
    if not series:
        return ""
    scale = Scale([x for values in series.values() for v in values if v for x in v], is_log)
    parts = axes(scale, labels, x_title, y_title)
    for place, (name, values) in enumerate(series.items()):
        drawn = bars_of(name, values, labels, scale, place, len(series)) if bars else \
            line_of(name, values, labels, scale)
        parts.append('<g class="%s">%s</g>' % (colour(name), "".join(drawn)))
    legend = "".join('<span class="%s"><i></i>%s</span>' % (colour(n), esc(n)) for n in series)
    return ('<figure><figcaption>%s</figcaption><div class="legend">%s</div>'
            '<svg viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg></figure>' % (
                esc(title), legend, WIDTH, HEIGHT, esc(title), "".join(parts)))
