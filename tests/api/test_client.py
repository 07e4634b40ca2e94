"""The client against a real socket: its requests, and how it understands responses."""

from __future__ import annotations

import json
import re
import threading
import time
from email.utils import formatdate

import pytest

from pulumi_opencomputer import errors
from pulumi_opencomputer.api.client import Client
from pulumi_opencomputer.config import Settings
from wire import (
    BODY,
    HASH,
    KEY,
    RESULT,
    Body,
    Connection,
    Wire,
    answer,
    build,
    head,
    plays,
    record,
    streams,
)

# Requests


def test_a_request_has_the_key_and_the_programs_name(connect):
    """Every request has the key and the program's name and version, and asks for uncompressed JSON."""
    with Wire(plays(answer(200, []))) as server:
        assert connect(server).list_snapshots() == ()
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/api/snapshots")
    assert request.headers["x-api-key"] == KEY
    assert re.fullmatch(r"pulumi-opencomputer/\d\S*", request.headers["user-agent"])
    assert request.headers["accept-encoding"] == "identity"
    assert "x-oc-sdk-version" not in request.headers


def test_a_build_requests_an_event_stream_and_names_the_runtime(connect):
    """The Accept header allows nothing but an event stream; the body is sent with its length."""
    with Wire(streams(RESULT)) as server:
        build(connect(server), Body((BODY[:10], BODY[10:20], BODY[20:])))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/snapshots")
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["x-oc-sdk-version"] == "1.1.0"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(BODY))
    assert "transfer-encoding" not in request.headers
    assert request.body == BODY


def test_a_name_is_escaped_as_the_server_expects(connect):
    """The server finds a name only if these characters are sent as they are, and all others are escaped."""
    name = "a$&+,:;=@~b c%é?#<>'()[]!*"
    with Wire(plays(answer(200, record(name=name)))) as server:
        assert connect(server).get_snapshot(name).name == name
    assert server.requests[0].path == ("/api/snapshots/a$&+,:;=@~b%20c%25%C3%A9%3F%23%3C%3E%27%28%29%5B%5D%21%2A")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "\ud800"])
def test_a_name_that_no_url_can_contain_is_refused(connect, name):
    """The server could never find such a name, so the error is raised before anything is sent."""
    with Wire(plays(answer(200, record()))) as server:
        client = connect(server)
        with pytest.raises(errors.InvalidRequestError):
            client.get_snapshot(name)
        with pytest.raises(errors.InvalidRequestError):
            client.delete_snapshot(name)
    assert server.connections == 0


def test_the_key_never_leaves_the_machine_unencrypted():
    """A client for plain HTTP to another machine can only be created if the settings allow it."""
    with pytest.raises(errors.ConfigurationError, match="allowHttp"):
        Client(Settings("http://10.0.0.5", KEY))
    Client(Settings("http://10.0.0.5", KEY, allow_http=True)).close()


def test_loopback_ignores_proxies(connect, monkeypatch):
    """A proxy in the environment does not see requests to this machine."""
    with Wire(plays(answer(200, []))) as server, Wire(plays(answer(200, []))) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        connect(server).list_images()
    assert (server.connections, proxy.connections) == (1, 0)


def test_another_machine_is_reached_through_the_proxy(clock, monkeypatch):
    """For other addresses the environment's proxy is used; its CONNECT request does not contain the key."""
    with Wire(plays(answer(403, b"no"))) as proxy:
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with (
            Client(Settings("https://host.example", KEY), sleep=clock.sleep) as client,
            pytest.raises(errors.UnavailableError, match=r"Can't connect to https://host\.example"),
        ):
            client.list_snapshots()
    assert proxy.requests[0].method == "CONNECT"
    assert all("x-api-key" not in request.headers for request in proxy.requests)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("407 Proxy Authentication Required", "user name and password: put them into its address"),
        ("403 Forbidden", r"refused it \(403 Forbidden\)\. Check HTTPS_PROXY"),
    ],
)
def test_a_refusal_of_the_proxy_names_the_proxy(clock, monkeypatch, status, told):
    """The error has the proxy's address without the password, and the request is not repeated."""
    with Wire(plays(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://me:hunter2@"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with (
            Client(Settings("https://host.example", KEY), sleep=clock.sleep) as client,
            pytest.raises(errors.UnavailableError, match=told) as caught,
        ):
            client.list_snapshots()
    assert f"the proxy {proxy.url} refused" in str(caught.value)
    assert "hunter2" not in f"{caught.value} {caught.value!r}"
    assert proxy.connections == 1


def test_a_407_for_plain_http_names_the_proxy(clock, monkeypatch):
    """For plain HTTP the proxy's 407 is the response to the request itself."""
    with Wire(plays(answer(407, b"<html>", kind="text/html"))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with (
            Client(Settings("http://host.example", KEY, allow_http=True), sleep=clock.sleep) as client,
            pytest.raises(errors.UnavailableError, match="The proxy in front of the server requires"),
        ):
            client.list_snapshots()
    assert proxy.connections == 1


def test_a_password_of_netrc_is_not_sent_along(connect, monkeypatch, tmp_path):
    """The key is the only authentication; netrc is not used."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Wire(plays(answer(200, []))) as server:
        connect(server).list_images()
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("proxy", ["socks9://host", "nonsense://"])
def test_an_unusable_proxy_is_a_configuration_error(monkeypatch, proxy):
    """The error names the environment variable, and is not one of a library."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(errors.ConfigurationError, match="HTTPS_PROXY"):
        Client(Settings("https://host.example", KEY))


# Responses


RECORDS = [record(), {key: value for key, value in record(contentHash=HASH, id="record-2").items() if key != "name"}]


def test_records_are_listed_without_their_steps(connect):
    """The list of images also has unnamed records. Only plain values beside the steps are read of each manifest."""
    with Wire(plays(answer(200, RECORDS))) as server:
        found = connect(server).list_images()
    named, unnamed = found
    assert (named.name, unnamed.name) == ("tools", None)
    assert named.content_hash == unnamed.content_hash == HASH
    assert named.manifest == {"base": "base", "steps": None}
    assert found.is_whole
    assert server.requests[0].path == "/api/images"


@pytest.mark.parametrize("with_manifest", [True, False])
def test_an_image_is_found_with_or_without_its_manifest(connect, with_manifest):
    """It is the content's unnamed record, not a snapshot of the same content."""
    with Wire(plays(answer(200, RECORDS))) as server:
        found, _ = connect(server).find_image(HASH, with_manifest=with_manifest)
        assert connect(server).find_image("0" * 64) == (None, tuple(connect(server).list_images()))
    assert found is not None
    assert (found.id, found.manifest) == ("record-2", {"base": "base", "steps": [] if with_manifest else None})


def test_a_list_is_read_only_up_to_the_wanted_record(connect):
    """The connection is closed once the record is found, even if the list continues."""
    closed = []

    def endless(connection: Connection) -> None:
        connection.request()
        connection.send(head(200, "application/json"), json.dumps(RECORDS)[:-1].encode(), b', {"manifest": {"a": "')
        closed.append(connection.wait_closed())

    with Wire(endless) as server:
        found = connect(server).list_images(until=lambda record: record.id == "record-2")
    assert [record.id for record in found] == ["record-1", "record-2"]
    assert not found.is_whole
    assert closed == [True]


def test_a_list_beyond_the_limits_has_the_records_read_so_far(connect):
    """The records are returned, and the list says that it is not complete."""
    more = threading.Event()

    def endless(connection: Connection) -> None:
        connection.request()
        connection.send(head(200, "application/json"), json.dumps(RECORDS)[:-1].encode(), b', {"manifest": {"a": "')
        while not more.wait(0.01):
            connection.send(b"x" * 10_000)

    with Wire(endless) as server:
        client = connect(server)
        for bounds in ({"limit": 100_000}, {"seconds": 0.3}):
            found = client.list_images(**bounds)
            assert (len(found), found.is_whole) == (2, False)
        more.set()


def test_a_snapshot_is_read_with_or_without_its_manifest(connect):
    """Most callers don't need the embedded files."""
    manifest = {"base": "base", "mark": "m", "steps": [{"type": "run", "args": {"commands": ["ls"]}}]}
    with Wire(plays(answer(200, record(manifest=manifest)))) as server:
        client = connect(server)
        assert client.get_snapshot("tools").manifest == manifest
        assert client.get_snapshot("tools", with_manifest=False).manifest == manifest | {"steps": None}


@pytest.mark.parametrize(("status", "there"), [(200, True), (404, False)])
def test_has_checkpoint_shows_whether_a_snapshot_is_ready(connect, status, there):
    """The server lists patches only for a record with an image, and this response contains no manifest."""
    body = [] if there else {"error": "snapshot not found"}
    with Wire(plays(answer(status, body))) as server:
        client = connect(server)
        assert client.has_checkpoint("a b") is there
    assert [request.path for request in server.requests] == ["/api/snapshots/a%20b/patches"]


def test_has_checkpoint_at_a_wrong_address_is_an_error(connect):
    """A 404 that is not the API's proves nothing about a record."""
    with Wire(plays(answer(404, {"message": "Not Found"}))) as server, pytest.raises(errors.ProtocolError):
        connect(server).has_checkpoint("tools")


@pytest.mark.parametrize(
    ("status", "body", "count"),
    [
        (200, [], 0),
        (200, None, 0),
        (200, [{"id": "1", "script": "[{}]"}, {"id": "2", "script": "x" * 100_000}], 2),
        (404, {"error": "snapshot not found"}, None),
        (404, {"error": 'snapshot "a b" has no checkpoint'}, 0),
        (404, {"error": 'snapshot "a b" not found'}, 0),
    ],
)
def test_the_patches_of_a_snapshot_are_counted(connect, status, body, count):
    """Their scripts may be of any size; an empty list may be null; only the index's 404 says nothing about them."""
    with Wire(plays(answer(status, body))) as server:
        assert connect(server).count_patches("a b") == count
    assert [request.path for request in server.requests] == ["/api/snapshots/a%20b/patches"]


@pytest.mark.parametrize("body", [{"patches": []}, "none", 5])
def test_patches_that_are_no_list_are_an_error(connect, body):
    """The response comes from another kind of server."""
    with Wire(plays(answer(200, body))) as server, pytest.raises(errors.ProtocolError):
        connect(server).count_patches("tools")


@pytest.mark.parametrize("ahead", [0, 1200, -86400])
def test_the_servers_clock_is_taken_from_its_responses(connect, ahead):
    """The Date header of a response shows it; the ages of records depend on it."""
    date = formatdate(time.time() + ahead, usegmt=True)
    with Wire(plays(answer(200, [], f"Date: {date}"))) as server:
        client = connect(server)
        assert client.clock_skew == 0
        client.list_images()
    assert abs(client.clock_skew - ahead) <= 2


def test_an_invalid_date_is_ignored(connect):
    """Both clocks then count as equal."""
    with Wire(plays(answer(200, [], "Date: yesterday"))) as server:
        client = connect(server)
        client.list_images()
    assert client.clock_skew == 0


def test_a_record_with_another_name_is_an_error(connect):
    """The response must be about the snapshot that was requested."""
    with (
        Wire(plays(answer(200, record(name="other")))) as server,
        pytest.raises(errors.ProtocolError, match="another record"),
    ):
        connect(server).get_snapshot("tools")


def test_a_404_of_the_api_is_not_repeated(connect, clock):
    """It is a valid response: the record does not exist."""
    with Wire(plays(answer(404, {"error": "snapshot not found"}))) as server, pytest.raises(errors.NotFoundError):
        connect(server).get_snapshot("tools")
    assert server.connections == 1
    assert clock.slept == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 501, 302])
def test_refusals_are_not_repeated(connect, status):
    """The server would refuse the request again."""
    with Wire(plays(answer(status, {"error": "no"}, "Location: /"))) as server, pytest.raises(errors.APIError):
        connect(server).list_images()
    assert server.connections == 1


def test_a_redirect_is_not_followed(connect):
    """The key is sent only to the configured address."""
    with (
        Wire(plays(answer(200, []))) as other,
        Wire(plays(answer(307, b"", f"Location: {other.url}/"))) as server,
        pytest.raises(errors.ProtocolError, match="redirect") as caught,
    ):
        connect(server).list_images()
    assert other.connections == 0
    assert other.url in str(caught.value)
