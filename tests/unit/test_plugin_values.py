"""The engine's property values, converted to plain ones and back."""

import pytest
from pulumi.asset import AssetArchive, FileArchive, StringAsset
from pulumi.provider.experimental.property_value import PropertyValue, ResourceReference
from pulumi.runtime.rpc import UNKNOWN as WIRE_UNKNOWN

from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.lifecycle import UNKNOWN
from pulumi_opencomputer.plugin.properties import receive, send


def value(plain):
    """Convert plain values to a property value."""
    if isinstance(plain, dict):
        return PropertyValue({key: value(item) for key, item in plain.items()})
    if isinstance(plain, list):
        return PropertyValue([value(item) for item in plain])
    return plain if isinstance(plain, PropertyValue) else PropertyValue(plain)


def test_plain_values_are_converted_in_both_directions():
    """Covers strings, numbers, booleans, null, lists and mappings."""
    plain = {"a": "text", "b": 1.5, "c": True, "d": None, "e": [1.0, {"f": "g"}], "h": {}}
    received = receive({key: value(item) for key, item in plain.items()})
    assert (received.values, received.secrets, received.problems) == (plain, (), ())
    assert receive(send(plain)).values == plain


def test_whole_numbers_are_sent_as_floats():
    """The protocol only has floats; a boolean does not count as a number."""
    sent = send({"files": 3, "cached": True})
    assert [type(each.value) for each in sent.values()] == [float, bool]


def test_secrets_are_found_by_path_in_any_order_of_keys():
    """The keys of a mapping have no order in the protocol, so the paths must not depend on it."""
    given = {"z": value({"b": PropertyValue("x", is_secret=True), "a": PropertyValue("y", is_secret=True)})}
    assert receive(given).secrets == ("z.a", "z.b")
    sent = send(receive(given).values, receive(given).secrets)
    assert sent == given


def test_unknown_values_of_any_type_are_recognised():
    """They are sent back as the marker that every engine understands."""
    received = receive({"a": value([WIRE_UNKNOWN, "dd056dcd-154b-4c76-9bd3-c8f88648b5ff"])})
    assert received.values == {"a": [UNKNOWN, UNKNOWN]}
    assert send(received.values)["a"] == value([WIRE_UNKNOWN, WIRE_UNKNOWN])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (StringAsset("x"), "can't be an asset or an archive"),
        (FileArchive("./app"), "can't be an asset or an archive"),
        (AssetArchive({"a": StringAsset("x")}), "can't be an asset or an archive"),
        (ResourceReference("urn:pulumi:dev::p::t::n"), "can't be a resource"),
    ],
)
def test_unusable_values_are_reported_with_their_paths(given, said):
    """Each of them is reported."""
    received = receive({"manifest": value({"steps": [PropertyValue(given), PropertyValue(given)]})})
    assert [problem.path for problem in received.problems] == ["manifest.steps[0]", "manifest.steps[1]"]
    assert all(said in problem.reason for problem in received.problems)
    with pytest.raises(InvalidInputError, match=said):
        received.raise_if_invalid()
