"""Find every piece of many secret values in a text, in time proportional to the sizes of values and text."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ..sanitize import clean
from .spellings import View, fold, views

# The shortest piece, in bytes. A shorter piece of a secret reveals nothing and would be found in any text.
_PIECE = 6
# A secret of one or two letters would be found in any text, so it is redacted only if it is the whole text.
_SHORTEST = 3

# Of the secrets up to this total size in bytes, every piece is stored, which takes 100 ns and 100 bytes of memory for
# each piece. Longer secrets are searched for the text's words of eight bytes instead. Only the words at every fourth
# byte of the secret are compared, so any eleven equal bytes contain one.
_REMEMBERED = 128 * 1024
_WORD = 8
_STRIDE = 4
# A build may print thousands of lines. After this many calls the words of long secrets are stored too, which takes
# about 25 bytes of memory for each byte.
_SCANS = 16

# Separates texts that are searched together, and secrets. No piece reaches across it.
_BETWEEN = "\0" * _WORD


class Redactor:
    """Replaces values, and every piece of one, by ``[secret]``.

    Args:
        values: The values. A value of one or two letters is replaced only if it is the whole text.
    """

    def __init__(self, values: Iterable[str]) -> None:
        given = sorted(values, key=len)
        self._tiny = {value for value in given if len(value) < _SHORTEST}
        self._short: dict[int, set[bytes]] = defaultdict(set)
        self._pieces: set[bytes] = set()
        long: list[bytes] = []
        room = _REMEMBERED
        for data in (data for value in given if len(value) >= _SHORTEST for data in _spellings(value, room)):
            if len(data) < _PIECE:
                self._short[len(data)].add(data)
            elif len(data) <= room:
                self._pieces.update(data[at : at + _PIECE] for at in range(len(data) - _PIECE + 1))
                room -= len(data)
            else:
                long.append(data)
        self._long = _BETWEEN.encode().join(long)
        self._scans = 0
        self._long_words: set[int] = set()

    def redact(self, texts: Sequence[str]) -> list[str]:
        """Return each text without the values. Long values are searched once for all texts."""
        whole = _BETWEEN.join(texts)
        hidden = bytearray(len(whole))
        seen = list(views(whole))
        for start, end in (*self._find_pieces(seen), *self._find_long(seen)):
            hidden[start:end] = b"\1" * (end - start)
        shown, start = [], 0
        for text in texts:
            mask = bytes(hidden[start : start + len(text)])
            shown.append("[secret]" if text in self._tiny else _masked(text, mask))
            start += len(text) + len(_BETWEEN)
        return shown

    def _find_pieces(self, seen: Iterable[View]) -> Iterator[tuple[int, int]]:
        sizes = [(size, pieces) for size, pieces in (*self._short.items(), (_PIECE, self._pieces)) if pieces]
        for data, starts, ends in seen:
            for size, pieces in sizes:
                last = size - 1
                hits = [at for at in range(len(data) - last) if data[at : at + size] in pieces]
                yield from ((starts[at], ends[at + last]) for at in hits)

    def _find_long(self, seen: Sequence[View]) -> Iterator[tuple[int, int]]:
        if not self._long:
            return
        wanted: set[int] = set()
        wanted.update(*(_words(view.data, offset) for view in seen for offset in range(_WORD)))
        found = self._long_words_among(wanted)
        if not found:
            return
        # Only every fourth place of the secret was compared, so the piece may extend up to three bytes on each side.
        more = _STRIDE - 1
        for data, starts, ends in seen:
            for offset in range(_WORD):
                hits = [offset + _WORD * number for number, word in enumerate(_words(data, offset)) if word in found]
                for at in hits:
                    yield starts[max(at - more, 0)], ends[min(at + _WORD - 1 + more, len(data) - 1)]

    def _long_words_among(self, wanted: set[int]) -> set[int]:
        """Return those words that occur in the long values. After some calls the values' own words are stored."""
        parts = [_words(self._long, at) for at in range(0, _WORD, _STRIDE)]
        self._scans += 1
        if self._scans > _SCANS and not self._long_words:
            self._long_words = set().union(*parts)
        if self._long_words:
            return wanted & self._long_words
        return set().union(*(wanted.intersection(part) for part in parts))


def _words(data: bytes, offset: int) -> memoryview:
    """Return the bytes as numbers, eight at a time."""
    size = max(len(data) - offset, 0) // _WORD * _WORD
    return memoryview(data)[offset : offset + size].cast("Q")


def _spellings(value: str, room: int) -> Iterator[bytes]:
    """Yield the forms of a value that `views` does not read; expensive ones only for small values."""
    plain = value.encode(errors="surrogatepass")
    found = {fold(plain)}
    if not value.isascii():
        found.add(fold(value.casefold().encode(errors="surrogatepass")))
    if len(plain) <= room:
        found.add(fold(clean(value).encode(errors="surrogatepass")))
    with contextlib.suppress(binascii.Error, ValueError):
        # A file is often declared in base64 and shown decoded. The decoded form of a large one counts only if it is
        # text.
        decoded = base64.b64decode(plain, validate=True)
        if len(plain) > room:
            decoded.decode()
        found.add(fold(decoded))
    yield from sorted(data for data in found if data)


def _masked(text: str, mask: bytes) -> str:
    """Return the text with the marked parts replaced."""
    parts: list[str] = []
    at = 0
    while (start := mask.find(b"\1", at)) >= 0:
        parts += (text[at:start], "[secret]")
        end = mask.find(b"\0", start)
        at = len(text) if end < 0 else end
    return "".join([*parts, text[at:]])
