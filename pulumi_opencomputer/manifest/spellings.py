"""The forms in which a text may contain a value: literally, escaped, or encoded.

Values are not converted into every form. Instead, the text is decoded from every form, and each decoded view records
which characters of the text it comes from. So the cost does not grow with the number of values.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

# Escapes may be escaped again, such as JSON in JSON.
_ROUNDS = 2

_SPACES = re.compile(rb"\s+")
_BACKSLASH = re.compile(rb'\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-7]{3})|([abefnrtv0"\'\\/]))')
_HIGH = re.compile(rb"\\x[89a-fA-F][0-9a-fA-F]")
_PERCENT = re.compile(rb"%([0-9a-fA-F]{2})")
_FORM = re.compile(rb"%([0-9a-fA-F]{2})|\+")
_HTML = re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_HEX = re.compile(rb"[0-9a-fA-F](?:[ :-]?[0-9a-fA-F]){5,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{4,}")

_SIMPLE = {
    b"a": b"\a",
    b"b": b"\b",
    b"e": b"\x1b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b"0": b"\0",
}


class View(NamedTuple):
    """One reading of a text.

    Attributes:
        data: The decoded text, in UTF-8.
        starts: For each byte, where in the text it begins.
        ends: For each byte, where in the text it ends.
    """

    data: bytes
    starts: Sequence[int]
    ends: Sequence[int]


def fold(data: bytes) -> bytes:
    """Return a normal form: lower case, with single spaces as the only white space. Fast also for large data."""
    return b" ".join(data.lower().split())


def views(text: str) -> Iterator[View]:
    """Yield every view of a text, each in the normal form of `fold`."""
    plain = _encoded(text)
    yield _folded(plain)
    if not text.isascii():
        yield _folded(_encoded(text, str.casefold))
    for pattern, meaning in _ESCAPES:
        if pattern.search(plain.data):
            yield _folded(_rewritten(plain, pattern, meaning))
    # A backslash may be part of a value or begin an escape. So decode each kind of escape by itself, then all in turn.
    read = plain
    for pattern, meaning in _ESCAPES[:3] * _ROUNDS:
        if pattern.search(read.data):
            read = _rewritten(read, pattern, meaning)
            yield _folded(read)
    for each in (plain,) if read is plain else (plain, read):
        yield from map(_folded, _hex(each))
        yield from map(_folded, _base64(each))


def _encoded(text: str, change: Callable[[str], str] = str) -> View:
    if text.isascii():
        return View(text.encode(), range(len(text)), range(1, len(text) + 1))
    parts = [change(char).encode(errors="surrogatepass") for char in text]
    starts = [index for index, part in enumerate(parts) for _ in part]
    return View(b"".join(parts), starts, [index + 1 for index in starts])


def _folded(view: View) -> View:
    if _SPACES.search(view.data):
        view = _rewritten(view, _SPACES, lambda _: b" ")
    return view._replace(data=view.data.lower())


def _rewritten(view: View, pattern: re.Pattern[bytes], meaning: Callable[[re.Match[bytes]], bytes]) -> View:
    """Return the view with every match replaced. A replacement comes from all characters of its match."""
    parts: list[bytes] = []
    starts: list[int] = []
    ends: list[int] = []
    last = 0
    for match in pattern.finditer(view.data):
        begin, end = match.span()
        put = meaning(match)
        parts += view.data[last:begin], put
        starts += view.starts[last:begin]
        ends += view.ends[last:begin]
        starts += [view.starts[begin]] * len(put)
        ends += [view.ends[end - 1]] * len(put)
        last = end
    starts += view.starts[last:]
    ends += view.ends[last:]
    return View(b"".join([*parts, view.data[last:]]), starts, ends)


def _backslash(match: re.Match[bytes]) -> bytes:
    wide, narrow, octal, simple = match.groups()
    if simple is not None:
        return _SIMPLE.get(simple, simple)
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if wide is not None:
        return chr(int(wide, 16)).encode(errors="surrogatepass")
    byte = bytes([int(narrow, 16)])
    # Next to another one it is a byte of UTF-8; alone, it is how Python and JavaScript write U+0080 to U+00FF.
    begin, end = match.span()
    if _HIGH.fullmatch(match.string[max(begin - 4, 0) : begin]) or _HIGH.fullmatch(match.string[end : end + 4]):
        return byte
    return byte.decode("latin-1").encode()


def _percent(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 16)]) if match[1] else b" "


def _html(match: re.Match[bytes]) -> bytes:
    return html.unescape(match[0].decode()).encode(errors="surrogatepass")


def _hex(view: View) -> Iterator[View]:
    """Yield the bytes that hex digits represent, from both offsets: a cut text may begin with a byte's second digit."""
    runs = [[at for at in range(*match.span()) if view.data[at] not in b" :-"] for match in _HEX.finditer(view.data)]
    if not runs:
        return
    for skipped in (0, 1):
        parts, starts, ends = [], [], []
        for run in runs:
            digits = run[skipped : len(run) - (len(run) - skipped) % 2]
            parts.append(bytes.fromhex(bytes(view.data[at] for at in digits).decode()) + b"\0")
            starts += [view.starts[at] for at in digits[::2]] + [view.starts[run[0]]]
            ends += [view.ends[at] for at in digits[1::2]] + [view.starts[run[0]]]
        yield View(b"".join(parts), starts, ends)


def _base64(view: View) -> Iterator[View]:
    """Yield the bytes that base64 represents, in either alphabet, from all four offsets: a text may be cut anywhere."""
    runs = [match.span() for match in _BASE64.finditer(view.data)]
    if not runs:
        return
    data = view.data.replace(b"-", b"+").replace(b"_", b"/")
    for skipped in range(4):
        parts, starts, ends = [], [], []
        for begin, end in runs:
            first = begin + skipped
            count = max(end - first, 0) * 6 // 8
            parts.append(binascii.a2b_base64(data[first:end] + b"AAA"[: (first - end) % 4])[:count] + b"\0")
            starts += [view.starts[first + at * 8 // 6] for at in range(count)] + [view.starts[begin]]
            ends += [view.ends[first + (at * 8 + 7) // 6] for at in range(count)] + [view.starts[begin]]
        yield View(b"".join(parts), starts, ends)


_ESCAPES = ((_BACKSLASH, _backslash), (_PERCENT, _percent), (_HTML, _html), (_FORM, _percent))
