"""The pictures of terminals in the README and the pages."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from snippets import ROOT
from svg import svg
from terminal import Picture, Style

PICTURES = [ROOT / "docs" / "images" / f"{name}.svg" for name in ("up", "building", "change", "failure", "ctrl-c")]
SVG = "{http://www.w3.org/2000/svg}"


def words(drawn: str) -> list[str]:
    """The text of each line."""
    return [" ".join(piece.text or "" for piece in line) for line in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


def test_a_picture_keeps_columns_and_colours_and_escapes_what_it_shows():
    """A piece starts in its column, in its colour; blank lines at the end are left out."""
    lines = (
        (("  + ", Style("00cd00")), ("<a> & b", Style(is_bold=True)), ("   ", Style())),
        (("", Style()),),
    )
    drawn = svg(Picture(40, lines, 2), "pulumi up", 'a "title"')
    assert words(drawn) == ["$ pulumi up", "+ <a> & b"]
    first, second = list(ElementTree.fromstring(drawn).iter(f"{SVG}text"))[1]
    assert (first.get("class"), float(first.get("x", 0))) == ("green", 16 + 2 * 8)
    assert (second.get("class"), float(second.get("x", 0))) == ("default bold", 16 + 4 * 8)
    assert float(second.get("textLength", 0)) == len("<a> & b") * 8


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_a_picture_is_small_reads_in_both_schemes_and_loads_nothing(picture):
    """No script, no font and no image from elsewhere."""
    text = picture.read_text()
    assert picture.stat().st_size < 40_000
    assert "prefers-color-scheme: dark" in text
    assert set(re.findall(r"https?://[^\s\"<]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "<script" not in text
    assert words(text)[0].startswith("$ pulumi")


def test_the_pictures_show_what_the_readme_says():
    """A build with its steps and a replacement; a failure that names the step; a cancelled run that lost nothing."""
    shown = {picture.stem: "\n".join(words(picture.read_text())) for picture in PICTURES}
    assert "pip install pandas==2.3.1" in shown["change"]
    assert shown["change"].count("replaced (") == 3
    assert "step 2 (pip_install)" in shown["failure"]
    assert "at __main__.py:" in shown["failure"]
    assert "creating" in shown["building"]
    assert "2/6 pip install pandas==2.2.3" in shown["building"]
    assert "replaced (" in shown["ctrl-c"]
    assert "update canceled" in shown["ctrl-c"]
