"""Which variant of a content is requested from the server."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer.api.records import Record
from pulumi_opencomputer.lifecycle.which_build import DEAD_AFTER, which_build

NOW = 1_785_542_400.0  # 2026-08-01T00:00:00Z
AGES = {"young": "2026-07-31T23:29:01Z", "dead": "2026-07-31T23:29:00Z", "ahead": "2026-08-01T00:10:00Z"}
RECORDS: dict[str, tuple[Any, str]] = {
    "ready": ("ready", "dead"),
    "fresh and ready": ("ready", "young"),
    "ready without an image": ("ready", "young"),
    "of an unknown status": ("archived", "young"),
    "failed": ("failed", "young"),
    "building": ("building", "young"),
    "building by another clock": ("building", "ahead"),
    "dead": ("building", "dead"),
}

USELESS = ("failed", "dead", "ready without an image", "of an unknown status")


def hash_of(variant: int) -> str:
    return f"{variant:064x}"


def records(*kinds):
    made: dict[str, Record] = {}
    for variant, kind in enumerate(kinds):
        if kind is not None:
            status, age = RECORDS[kind]
            checkpoint = "cp-1" if kind in ("ready", "fresh and ready") else None
            made[hash_of(variant)] = Record(
                f"id-{variant}", None, hash_of(variant), status, checkpoint, AGES[age], None, None
            )
    return made


@pytest.mark.parametrize(
    ("kinds", "variant"),
    [
        ((), 0),
        ((None, "ready"), 0),
        (("ready",), 0),
        (("building",), 0),
        (("building by another clock",), 0),
        (("dead",), 1),
        (("failed",), 1),
        (("ready without an image",), 1),
        (("of an unknown status",), 1),
        (("dead", "ready"), 1),
        (("dead", "building"), 1),
        (("dead", "failed"), 2),
        (("failed", "dead", "dead", None, "ready"), 3),
        (("failed", None, "ready"), 1),
    ],
)
def test_the_smallest_available_variant_is_requested(kinds, variant):
    """Available is one without a record, one that is ready, or one that has been building for less than 31 minutes."""
    assert which_build(records(*kinds), hash_of, NOW) == variant


def test_a_build_is_dead_after_31_minutes():
    """The server allows 10 minutes for a build, and 20 for its checkpoint."""
    assert DEAD_AFTER == 1860
    assert which_build(records("building"), hash_of, NOW + 1) == 1


@pytest.mark.parametrize(("kept", "variant"), [(False, 1), (True, 0), (None, 0)])
def test_a_build_whose_stream_was_lost_on_this_machine_is_dead_at_once(kept, variant):
    """A lock held by the run and its guard shows this; if it is not known, only the age decides."""
    assert which_build(records("building"), hash_of, NOW, lambda _: kept) == variant


def test_a_build_whose_stream_is_kept_is_dead_after_31_minutes_too():
    """No server builds for longer."""
    assert which_build(records("dead"), hash_of, NOW, lambda _: True) == 1


def test_what_the_run_has_ruled_out_is_not_available():
    """The public endpoint shows neither failed nor running builds, so a run remembers what it found out."""
    ruled_out = {hash_of(0), hash_of(1)}
    assert which_build(records("ready"), hash_of, NOW, is_useless=ruled_out.__contains__) == 2


@given(st.lists(st.none() | st.sampled_from(sorted(RECORDS)), max_size=8))
def test_all_variants_below_the_choice_are_unusable(kinds):
    """The chosen variant is available, and no smaller one is."""
    variant = which_build(records(*kinds), hash_of, NOW)
    assert all(kind in USELESS for kind in kinds[:variant])
    assert variant >= len(kinds) or kinds[variant] not in USELESS
