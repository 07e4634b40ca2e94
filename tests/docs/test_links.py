"""Links between the project's pages lead somewhere, also where Markdown is read as it is."""

from __future__ import annotations

import pytest

from links import anchors, links
from snippets import ROOT, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings_that_there_are(page):
    """Those that leave the repository are not looked up."""
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_a_broken_link_is_found(tmp_path):
    """Of a picture or a heading too; code holds no links."""
    page = tmp_path / "page.md"
    page.write_text('# A b, `c`\n[x](y.md#z) <img alt="" src="p.svg"> `[no](link)`\n```sh\necho "[no](link)"\n```\n')
    assert links(page) == ["y.md#z", "p.svg"]
    assert anchors(page) == {"a-b-c"}
