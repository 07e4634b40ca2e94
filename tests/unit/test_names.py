"""Generated names, scratch names, and the marks that records carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer.api.records import Record
from pulumi_opencomputer.lifecycle.names import (
    MARK_KEY,
    MAX_NAME_BYTES,
    generated_name,
    mark,
    mark_of,
    name_problem,
    scratch_name,
)

URN = "urn:pulumi:dev::project::pulumi-python:dynamic/opencomputer:Snapshot::daily"
HASH = "a" * 64


def record(manifest):
    return Record("id", "name", HASH, "ready", None, "2026-08-01T00:00:00Z", None, manifest)


def test_a_mark_is_16_hex_digits_of_the_urn():
    """The mark of a URN must never change: existing records have it."""
    assert mark(URN) == "c4201bf4b0b06e58"


@pytest.mark.parametrize(
    ("manifest", "found"), [({MARK_KEY: "x"}, "x"), ({MARK_KEY: 5}, None), ({}, None), (None, None)]
)
def test_a_records_mark_is_read_from_its_manifest(manifest, found):
    """Only a string counts as a mark."""
    assert mark_of(record(manifest)) == found


def test_a_generated_name_is_made_of_urn_and_content():
    """It is the same every time, and differs between stacks, resources and contents."""
    name = generated_name(URN, HASH)
    assert name == generated_name(URN, HASH)
    assert name.startswith("daily-")
    assert len(name) == len("daily-") + 7
    others = [generated_name(URN.replace("dev", "prod"), HASH), generated_name(URN, "b" * 64)]
    assert len({name, *others}) == 3


def test_a_generated_name_never_changes():
    """Existing snapshots have such names. If they were made differently, each would be replaced or left behind."""
    assert generated_name(URN, HASH) == "daily-5bfa17a"


def test_a_scratch_name_is_made_only_of_the_urn():
    """The next run finds what an interrupted run left, even if it is one of a newer version."""
    assert scratch_name(URN) == f"daily-scratch-{mark(URN)}" == "daily-scratch-c4201bf4b0b06e58"


@pytest.mark.parametrize(
    ("resource", "part"),
    [
        ("my image", "my-image"),
        ("a/b::c", "c"),
        ("größe", "gr-e"),
        ("..", "snapshot"),
        ("/", "snapshot"),
        ("日本", "snapshot"),
        ("x" * 500, "x" * 200),
    ],
)
def test_a_resources_name_is_adapted_for_the_api(resource, part):
    """Pulumi allows resource names that the API does not accept."""
    assert generated_name(f"urn:pulumi:dev::project::type::{resource}", HASH).rpartition("-")[0] == part


@given(st.text(max_size=300), st.text(max_size=70))
def test_generated_names_are_always_valid(urn, content):
    """This holds for any URN."""
    assert name_problem(generated_name(urn, content)) is None
    assert name_problem(scratch_name(urn)) is None


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "toolchain",
        "a b",
        "ä",
        "日本",
        "...",
        "a.",
        "a:named:b",
        "100%",
        "?q#f",
        "\U0001f600",
        "x" * MAX_NAME_BYTES,
    ],
)
def test_a_name_that_the_api_accepts_is_valid(name):
    """The API accepts nearly any text."""
    assert name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (None, "must be a string"),
        (5, "must be a string"),
        ("", "must not be empty"),
        ("a/b", "must not hold '/'"),
        ("/", "must not hold '/'"),
        (".", "must not hold '/' nor be '.'"),
        ("..", "must not hold '/' nor be '.'"),
        ("a\0b", "must not hold control characters"),
        ("a\nb", "must not hold control characters"),
        ("a\x7f", "must not hold control characters"),
        ("a\x9b", "must not hold control characters"),
        ("a\ud800", "must not hold control characters or lone surrogates"),
        ("a\u202eb", "must not hold U+202E, a character that can't be shown"),
        ("a\ufeffb", "must not hold U+FEFF, a character that can't be shown"),
        ("a\u2028b", "must not hold U+2028, a character that can't be shown"),
        ("a\u2066b", "must not hold U+2066, a character that can't be shown"),
        ("a<{%x%}>", "must not hold '<{%'"),
        ("04da6b54-80e4-46f7-96ec-b56ff0331ba9", "is a text that Pulumi uses to mark special values"),
        ("x" * (MAX_NAME_BYTES + 1), "must not be longer than 2000 bytes"),
        ("é" * (MAX_NAME_BYTES // 2 + 1), "must not be longer than 2000 bytes"),
    ],
)
def test_a_name_that_the_api_cannot_use_is_refused(name, reason):
    """A record with such a name could not be read, saved after the build, or told from another one."""
    problem = name_problem(name)
    assert problem is not None
    assert problem.path == "name"
    assert problem.reason.startswith(reason)
