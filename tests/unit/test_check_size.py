"""Warnings of a check about large manifests and about many records, before anything is sent."""

from typing import Any

import pytest

from pulumi_opencomputer.config import DEFAULT_API_URL
from pulumi_opencomputer.lifecycle import Lifecycle
from pulumi_opencomputer.lifecycle.check_size import size_warnings
from pulumi_opencomputer.lifecycle.kinds import SNAPSHOT
from pulumi_opencomputer.lifecycle.waiting import is_too_large, may_be_too_large

OWN = "https://opencomputer.example"


def warned(size: int, name: str | None = "toolchain", url: str = DEFAULT_API_URL) -> list[str]:
    local = {"path": "/d", "source": "/nowhere", "files": 1, "bytes": size}
    manifest: dict[str, Any] = {"base": "base", "steps": [{"addDir": local}]}
    return [str(warning) for warning in size_warnings(manifest, name, lambda: url)]


@pytest.mark.parametrize("size", [0, 1_400_000])
def test_a_manifest_that_fits_into_the_index_gives_no_warning(size):
    """Local files are sent in base64, which adds a third to their size."""
    assert warned(size) == []


def test_a_manifest_above_2_mb_may_never_show_at_the_public_endpoint():
    """It could then be neither replaced nor deleted. A self-hosted control plane has no such limit."""
    (told,) = warned(1_600_000)
    assert told.startswith("manifest: is larger than 2 MB as it is sent.")
    assert warned(1_600_000, url=OWN) == []


def test_a_large_manifest_under_a_fixed_name_leaves_a_gap_when_it_is_replaced():
    """The server takes 0.13 s for each MB, and the name is missing during that time."""
    (told,) = warned(60_000_000, url=OWN)
    assert "the name 'toolchain' is missing for about 10 s" in told
    assert warned(60_000_000, None, OWN) == []


@pytest.mark.parametrize(
    ("step", "is_certain"),
    [
        ({"addFile": {"path": "/f", "content": "x" * 1_600_000}}, True),
        ({"addFile": {"path": "/f", "content": "\u4e2d" * 600_000}}, True),
        ({"addFile": {"path": "/f", "content": "x" * 1_600_000, "encoding": "base64"}}, False),
        ({"run": ["echo " + "\u4e2d" * 700_000]}, True),
        ({"addDir": {"path": "/d", "source": "/nowhere", "files": 40_000, "bytes": 600_000}}, True),
        ({"addDir": {"path": "/d", "source": "/nowhere", "files": 9_000, "bytes": 100_000}}, False),
    ],
)
def test_size_counts_bytes_as_they_are_sent(step, is_certain):
    """Text is UTF-8, files are base64, and each file of a directory has an entry of its own."""
    assert is_too_large({"base": "base", "steps": [step]}) is is_certain


def test_directory_of_many_files_may_be_too_large():
    """A state does not say how long the paths of its files are."""
    local = {"path": "/d", "source": "/nowhere", "files": 9_000, "bytes": 600_000}
    manifest = {"steps": [{"addDir": local}]}
    assert not is_too_large(manifest)
    assert may_be_too_large(manifest)


def test_the_address_is_asked_for_only_where_it_matters():
    """Without a large manifest, a check needs no settings."""

    def fail() -> str:
        raise AssertionError

    assert size_warnings({"base": "base", "steps": [{"run": ["x"]}]}, "name", fail) == []


def _warned(url: str, count: int, keep: int | None) -> list[str]:
    lifecycle = Lifecycle(lambda: pytest.fail("no settings are needed"), lambda: url)
    found = []
    for number in range(count):
        news = {"manifest": {"steps": []}, **({} if keep is None else {"keep": keep})}
        checked = lifecycle.check(SNAPSHOT, f"urn:pulumi:dev::p::t::s{number}", {}, news)
        found += [str(warning) for warning in checked.warnings]
        # The engine checks a resource twice if it replaces it.
        lifecycle.check(SNAPSHOT, f"urn:pulumi:dev::p::t::s{number}", {}, news)
    return found


def test_more_records_than_the_public_endpoint_lists_are_one_warning_with_their_number():
    """Kept versions are counted too."""
    (said,) = _warned(DEFAULT_API_URL, 60, 4)
    assert said.startswith("keep: brings the records of this program's snapshots, including kept versions, to 205")
    assert _warned(DEFAULT_API_URL, 40, 4) == []
    (said,) = _warned(DEFAULT_API_URL, 201, None)
    assert "kept versions, to 201 so far" in said
    assert _warned("http://localhost:1", 60, 4) == []
