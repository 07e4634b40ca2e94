"""Draw a terminal's contents as an SVG that is readable in the reader's light or dark colour scheme."""

from __future__ import annotations

from xml.sax.saxutils import escape

from terminal import Picture, Style

_CELL, _LINE, _PADDING, _BAR = 8.0, 18.0, 16.0, 30.0

# For each terminal colour: a shade that is readable on white, and one that is readable on a dark background.
_COLORS = {
    "default": ("#24292f", "#d0d7de"),
    "black": ("#57606a", "#8b949e"),
    "red": ("#b3261e", "#ff8a80"),
    "green": ("#116329", "#7ee787"),
    "brown": ("#8a5200", "#e3b341"),
    "yellow": ("#8a5200", "#e3b341"),
    "blue": ("#0550ae", "#79c0ff"),
    "magenta": ("#8250df", "#d2a8ff"),
    "cyan": ("#1b7c83", "#76e3ea"),
    "white": ("#57606a", "#b1bac4"),
}
# The first sixteen of the 256 colours, as pyte represents them.
_PALETTE = (
    ("000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5", "black red green yellow blue magenta cyan white"),
    ("7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff", "black red green yellow blue magenta cyan white"),
)
_NAMES = {digits: name for row, names in _PALETTE for digits, name in zip(row.split(), names.split(), strict=True)}


def svg(picture: Picture, command: str, title: str) -> str:
    """Draw a terminal's contents below the command that was run.

    Args:
        picture: The contents of the terminal.
        command: The command, shown on the first line.
        title: A description for people who can't see the image.
    """
    lines = [(("$ " + command, Style(is_bold=True)),), *picture.lines]
    while lines and not "".join(text for text, _ in lines[-1]).strip():
        lines.pop()
    width = picture.columns * _CELL + 2 * _PADDING
    height = len(lines) * _LINE + 2 * _PADDING + _BAR
    body = "\n".join(_line(pieces, number) for number, pieces in enumerate(lines))
    dots = "".join(f'<circle class="dot" cx="{_PADDING + 6 + 18 * index:g}" cy="18" r="5"/>' for index in range(3))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{escape(title, {chr(34): "&quot;"})}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_style()}</style>\n"
        f'<rect class="ground" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="8"/>\n{dots}\n'
        f"{body}\n</svg>\n"
    )


def _style() -> str:
    font = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
    shared = f"text {{ font: 13px {font}; white-space: pre; }} .bold {{ font-weight: 600; }}\n"
    light = ".ground { fill: #ffffff; stroke: #d0d7de; } .dot { fill: #d0d7de; }\n"
    dark = ".ground { fill: #0d1117; stroke: #30363d; } .dot { fill: #30363d; }\n"
    for name, (on_light, on_dark) in _COLORS.items():
        light += f".{name} {{ fill: {on_light}; }}\n"
        dark += f".{name} {{ fill: {on_dark}; }}\n"
    return f"{shared}{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _line(pieces: tuple[tuple[str, Style], ...], number: int) -> str:
    y = _BAR + _PADDING + _LINE * (number + 0.7)
    column, drawn = 0, []
    for text, style in pieces:
        shown = text.rstrip()
        if shown:
            name = _NAMES.get(style.color, style.color.removeprefix("bright"))
            kind = (name if name in _COLORS else "default") + (" bold" if style.is_bold else "")
            start = column + len(shown) - len(shown.lstrip())
            # Set the text length so that columns stay aligned in any font.
            drawn.append(
                f'<tspan class="{kind}" x="{_PADDING + start * _CELL:g}" textLength="{len(shown.lstrip()) * _CELL:g}" '
                f'lengthAdjust="spacingAndGlyphs">{escape(shown.lstrip())}</tspan>'
            )
        column += len(text)
    return f'<text y="{y:g}">{"".join(drawn)}</text>'
