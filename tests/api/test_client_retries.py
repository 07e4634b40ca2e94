"""What the client repeats against a real socket, for how long, and how it understands responses to a delete."""

from __future__ import annotations

import threading
import time
from email.utils import formatdate

import pytest

from pulumi_opencomputer import errors
from pulumi_opencomputer.api.client import Client, Deleted, Timing
from pulumi_opencomputer.config import Settings
from wire import (
    KEY,
    Connection,
    Wire,
    answer,
    hang_up,
    plays,
    record,
    refused_url,
    reset,
)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 524])
def test_temporary_faults_are_retried(connect, clock, status):
    """A read is repeated with growing waits until it succeeds."""
    bad = plays(answer(status, {"error": "passing"}))
    with Wire(bad, bad, bad, plays(answer(200, []))) as server:
        assert connect(server).list_images() == ()
    assert server.connections == 4
    assert len(clock.slept) == 3
    assert 0.25 <= clock.slept[0] <= 0.5 <= clock.slept[1] <= 0.75 < 1 <= clock.slept[2] <= 1.25


def test_retries_end_after_ten_attempts(connect, clock):
    """Together they cover half a minute in which a server may be away."""
    with Wire(plays(answer(503, b"down"))) as server, pytest.raises(errors.UnavailableError, match="status 503"):
        connect(server).get_snapshot("tools")
    assert server.connections == 10
    assert 35 < sum(clock.slept) < 45


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("Retry-After: 7", 7, 7),
        (f"Retry-After: {formatdate(time.time() + 3600, usegmt=True)}", 30, 30),
        ("Retry-After: 86400", 30, 30),
        ("Retry-After: soon", 0.25, 0.5),
    ],
    ids=["seconds", "date", "too long", "no time"],
)
def test_retry_after_sets_the_wait(connect, clock, header, least, most):
    """Both forms of Retry-After are obeyed, up to half a minute."""
    with Wire(plays(answer(429, {"error": "slow down"}, header)), plays(answer(200, []))) as server:
        connect(server).list_images()
    assert least <= clock.slept[0] <= most


def cut_short(connection: Connection) -> None:
    connection.request()
    connection.send(answer(200, [record()])[:-5])


@pytest.mark.parametrize("fault", [hang_up, reset, cut_short])
def test_broken_connections_are_retried(connect, fault):
    """A connection that ends before or during a response is a temporary fault."""
    with Wire(fault, fault, plays(answer(200, []))) as server:
        assert connect(server).list_images() == ()
    assert server.connections == 3


def test_a_silent_server_is_retried(connect):
    """If the server sends nothing within the time limit, the request is repeated."""
    silent = threading.Event()

    def hold(connection: Connection) -> None:
        connection.request()
        silent.wait(20)

    with Wire(hold, plays(answer(200, []))) as server:
        assert connect(server, timing=Timing(silence=0.1)).list_images() == ()
        silent.set()


def test_an_unreachable_server_is_an_error_with_its_address_and_setting(connect, clock):
    """Nothing listens at the address; the error says which setting to check."""
    url = refused_url()
    with pytest.raises(errors.UnavailableError) as caught:
        connect(url).list_images()
    assert f"Can't connect to {url}" in str(caught.value)
    assert "refused" in str(caught.value)
    assert "pulumi config set opencomputer:apiUrl" in str(caught.value)
    assert len(clock.slept) == 9


@pytest.mark.parametrize("call", ["get_snapshot", "list_images", "delete_snapshot"])
def test_a_server_that_is_away_for_half_a_minute_fails_nothing(connect, clock, call):
    """Reads and deletes are repeated until it is back."""

    def away(connection: Connection) -> None:
        connection.request()
        if clock.now < 1030:
            connection.reset()
        elif call == "delete_snapshot":
            connection.send(answer(204, b""))
        else:
            connection.send(answer(200, [] if call == "list_images" else record()))

    with Wire(away) as server:
        client = connect(server)
        client.list_images() if call == "list_images" else getattr(client, call)("tools")
    assert clock.now > 1030


def test_an_unknown_host_is_tried_twice(clock):
    """A name server may be wrong for a moment, but not for half a minute."""
    with (
        Client(Settings("https://nowhere.invalid", KEY), sleep=clock.sleep) as client,
        pytest.raises(errors.UnavailableError, match="no such host"),
    ):
        client.list_images()
    assert len(clock.slept) == 1


# Delete


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (204, b"", Deleted.DELETED),
        (404, {"error": 'snapshot "tools" not found'}, Deleted.NOT_FOUND),
        (404, {"error": f'snapshot "{"n" * 2000}" not found'}, Deleted.NOT_FOUND),
        (404, {"error": "snapshot not found"}, Deleted.NOT_IN_INDEX),
    ],
)
def test_deleting_returns_what_it_found(connect, status, body, found):
    """Deleted; not found by the server that has the records; or not shown by the public endpoint's index."""
    with Wire(plays(answer(status, body))) as server:
        assert connect(server).delete_snapshot("tools") is found
    assert [request.method for request in server.requests] == ["DELETE"]
    assert bool(found) is (status == 204)


@pytest.mark.parametrize("text", ["ERROR: cannot execute DELETE in a read-only transaction", "not found", "", "x"])
def test_a_delete_that_the_database_refused_is_an_error(connect, text):
    """The server sends 404 for any failure of its database, so nothing was deleted."""
    with (
        Wire(plays(answer(404, {"error": text}))) as server,
        pytest.raises(errors.UnavailableError, match="Nothing was deleted"),
    ):
        connect(server).delete_snapshot("tools")
    assert server.connections == 1


@pytest.mark.parametrize(
    ("fault", "cells", "indexs"),
    [
        (hang_up, Deleted.DELETED, Deleted.UNCERTAIN),
        (reset, Deleted.DELETED, Deleted.UNCERTAIN),
        (plays(answer(502, b"")), Deleted.DELETED, Deleted.UNCERTAIN),
        (plays(answer(429, b"")), Deleted.NOT_FOUND, Deleted.NOT_IN_INDEX),
    ],
)
def test_a_404_after_a_lost_response_counts_as_deleted_if_the_cell_says_it(connect, fault, cells, indexs):
    """If an earlier attempt may have deleted it, the cell's 404 counts as success; the index's proves nothing."""
    with Wire(fault, plays(answer(404, {"error": 'snapshot "tools" not found'}))) as server:
        assert connect(server).delete_snapshot("tools") is cells
    with Wire(fault, plays(answer(404, {"error": "snapshot not found"}))) as server:
        assert connect(server).delete_snapshot("tools") is indexs


def test_a_refusal_after_a_lost_response_is_an_error(connect):
    """A 404 with the text of a failing database is no sign that an earlier attempt deleted the record."""
    refusal = plays(answer(404, {"error": "ERROR: cannot execute DELETE in a read-only transaction"}))
    with Wire(hang_up, refusal) as server, pytest.raises(errors.UnavailableError, match="may have deleted it"):
        connect(server).delete_snapshot("tools")


@pytest.mark.parametrize(("status", "perhaps"), [(403, False), (429, False), (500, True), (502, True)])
def test_error_of_a_delete_tells_whether_it_may_have_been_carried_out(connect, status, perhaps):
    """A refusal changed nothing; a failure of the server or of a gateway may have come after the delete."""
    with Wire(*[plays(answer(status, b""))] * 5) as server, pytest.raises(errors.APIError) as caught:
        connect(server).delete_snapshot("tools")
    assert caught.value.perhaps_done is perhaps


def test_a_404_of_another_server_is_an_error(connect):
    """A wrong address must not look like a missing record."""
    with Wire(plays(answer(404, {"message": "Not Found"}))) as server, pytest.raises(errors.ProtocolError):
        connect(server).delete_snapshot("tools")
