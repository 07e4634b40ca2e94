"""The hash that is computed in a thread of its own while the bytes are produced."""

import hashlib
import threading

import pytest

from pulumi_opencomputer.content.hashing import Digest

LARGE = 200_000


@pytest.mark.parametrize("sizes", [[], [1], [LARGE], [1, LARGE, 1, LARGE], [LARGE] * 9])
def test_the_hash_covers_all_chunks(sizes):
    """Small and large chunks count in their order, and the hash can be read more than once."""
    chunks = [bytes([index]) * size for index, size in enumerate(sizes)]
    with Digest() as digest:
        for chunk in chunks:
            digest.update(chunk)
        assert digest.hexdigest() == digest.hexdigest() == hashlib.sha256(b"".join(chunks)).hexdigest()


def test_the_thread_ends_with_the_block():
    """An abandoned upload leaves no thread behind."""
    before = set(threading.enumerate())

    def give_up():
        with Digest() as digest:
            digest.update(bytes(LARGE))
            assert set(threading.enumerate()) > before
            raise KeyError

    with pytest.raises(KeyError):
        give_up()
    assert set(threading.enumerate()) == before


def test_small_content_needs_no_thread():
    """Most manifests are a few hundred bytes long."""
    before = set(threading.enumerate())
    with Digest() as digest:
        digest.update(b"content")
        assert set(threading.enumerate()) == before
