"""The canonical bytes of single values: numbers, strings and keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer.content.go_json import canonical_value


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-258.0, "-258"),
        (0.1, "0.1"),
        (1e-6, "0.000001"),
        (9.99e-7, "9.99e-7"),
        (1e-7, "1e-7"),
        (1.25e-10, "1.25e-10"),
        (2.5e-5, "0.000025"),
        (1e16, "10000000000000000"),
        (123456789e13, "1.23456789e+21"),
        (1.5e20, "150000000000000000000"),
        (1e21, "1e+21"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (2**53 + 1, "9007199254740992"),
        (10**30, "1e+30"),
        (True, "true"),
        (None, "null"),
    ],
)
def test_a_number_is_written_as_a_float64_in_its_shortest_digits(number, expected):
    """A number is a float64 in its shortest digits, with an exponent from 1e21 up and below 1e-6."""
    assert canonical_value(number) == expected.encode()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_is_read_back_unchanged(number):
    """Parsing what is written for a float gives the same float."""
    assert repr(float(canonical_value(number))) == repr(number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '""'),
        ("<a href='x'>&</a>", r'"\u003ca href=' + "'x'" + r'\u003e\u0026\u003c/a\u003e"'),
        ('"\\', r'"\"\\"'),
        ("\b\f\n\r\t", r'"\b\f\n\r\t"'),
        ("\x00\x01\x0b\x1f", r'"\u0000\u0001\u000b\u001f"'),
        ("\x7f\x80\x9f", '"\x7f\x80\x9f"'),
        ("a\u2028b\u2029c", r'"a\u2028b\u2029c"'),
        ("é 日本 \U0001f40d \ufeff \uffff", '"é 日本 \U0001f40d \ufeff \uffff"'),
        ("a\ud800b", '"a\ufffdb"'),
        ("\udc0d\ud83d", '"\ufffd\ufffd"'),
        ("\ud83d\udc0d", '"\U0001f40d"'),
        ("\ud83d\ud83d\udc0d", '"\ufffd\U0001f40d"'),
    ],
)
def test_a_string_is_written_as_utf8_with_the_escapes_of_go(text, expected):
    """A string is raw UTF-8 with the escapes that Go uses; half a surrogate pair becomes U+FFFD."""
    assert canonical_value(text) == expected.encode()


@pytest.mark.parametrize("character", [*map(chr, range(0x20)), *'"\\<>&\x7f~ ', "é", "\u2028", "\ud800"])
@pytest.mark.parametrize("place", [0, 4999])
def test_long_strings_are_escaped_as_short_ones(character, place):
    """Long strings are written by other code than short ones, in the same bytes."""
    text = "x" * place + character + "y" * 5000
    short = canonical_value(character)[1:-1]
    assert canonical_value(text) == b'"' + b"x" * place + short + b"y" * 5000 + b'"'


@pytest.mark.parametrize("shift", range(-3, 3))
@pytest.mark.parametrize("text", ["\ud83d\udc0d", "\ud83d\ud83d\udc0d", "\ud83d", "<\u2028"])
def test_blocks_of_a_long_string_do_not_show(text, shift):
    """A string of megabytes is encoded in blocks; none ends within a surrogate pair."""
    start = "x" * (1024 * 1024 + shift)
    for end in ("", "y" * 1024 * 1024):
        expected = f'"{start}'.encode() + canonical_value(text)[1:-1] + f'{end}"'.encode()
        assert canonical_value(start + text + end) == expected


def test_keys_are_sorted_by_their_bytes():
    """Keys are sorted by their UTF-8 bytes, which is a different order than that of UTF-16."""
    keys = ["\U0001f40d", "\uffff", "é", "a", "Z", "", "<"]
    text = canonical_value(dict.fromkeys(keys, 0)).decode()
    assert text == r'{"":0,"\u003c":0,"Z":0,"a":0,"é":0,"' + '\uffff":0,"\U0001f40d":0}'


def test_keys_that_become_one_keep_the_last_value():
    """Keys that differ only in lone surrogates become one key; it has the last value, and the place of U+FFFD."""
    members = dict(zip(["\ud800", "\ufffe", "\udfff"], [1, 0, 2], strict=True))
    assert canonical_value(members).decode() == '{"\ufffd":2,"\ufffe":0}'
