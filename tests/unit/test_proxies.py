"""Which proxy a request uses."""

from __future__ import annotations

import pytest

from pulumi_opencomputer.api.proxies import proxy_of, shown

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("names", "url", "expected"),
    [
        ({}, "https://host.example", None),
        ({"HTTPS_PROXY": PROXY}, "https://host.example", PROXY),
        ({"https_proxy": PROXY}, "https://host.example", PROXY),
        ({"HTTP_PROXY": PROXY}, "https://host.example", None),
        ({"HTTP_PROXY": PROXY}, "http://host.example", PROXY),
        ({"ALL_PROXY": PROXY}, "https://host.example", PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https://host.example", PROXY),
        ({"HTTPS_PROXY": ""}, "https://host.example", None),
        ({"ALL_PROXY": PROXY}, "http://localhost:8080", None),
        ({"ALL_PROXY": PROXY}, "http://127.0.0.1:8080", None),
        ({"ALL_PROXY": PROXY}, "http://[::1]:8080", None),
        ({"ALL_PROXY": PROXY}, "http://foo.localhost:8080", PROXY),
    ],
)
def test_the_proxy_is_read_from_the_environment(monkeypatch, names, url, expected):
    """It depends on the URL's scheme, in either case of the variable; loopback addresses have no proxy."""
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == expected


@pytest.mark.parametrize(
    ("no_proxy", "url", "goes_around"),
    [
        ("*", "https://host.example", True),
        ("host.example", "https://host.example", True),
        ("HOST.example", "https://host.example", True),
        (".example", "https://host.example", True),
        ("*.example", "https://host.example", True),
        ("example", "https://host.example", True),
        ("other, host.example", "https://host.example", True),
        ("other host.example", "https://host.example", True),
        ("host.example:443", "https://host.example", True),
        ("host.example:8443", "https://host.example", False),
        ("https://host.example", "https://host.example", True),
        ("ost.example", "https://host.example", False),
        ("host.example.org", "https://host.example", False),
        ("localhost,[::1]", "https://host.example", False),
        ("localhost,[::1],host.example", "https://host.example", True),
        ("fd00::/8,host.example", "https://host.example", True),
        ("fd00::/8", "https://[fd12::1]:8443", True),
        ("[fd00::]/8", "https://[fd12::1]:8443", True),
        ("fd12::1", "https://[fd12::1]", True),
        ("[fd12::1]", "https://[fd12:0::1]", True),
        ("[fd12::1]:443", "https://[fd12::1]", True),
        ("[fd12::1]:444", "https://[fd12::1]", False),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.1/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.0.0.0/99,10.1.2.3", "https://10.1.2.3", True),
        ("10.1.2.3:443", "https://10.1.2.3", True),
        ("[[[,]],::::,[::1,http://,:80,/,%,\x00é", "https://host.example", False),
        ("", "https://host.example", False),
    ],
)
def test_no_proxy_is_read_from_the_environment(monkeypatch, no_proxy, url, goes_around):
    """Each spelling that other programs accept is understood; entries that can't be parsed are ignored."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setattr("pulumi_opencomputer.api.proxies.getproxies", lambda: {"https": PROXY, "no": no_proxy})
    assert proxy_of(url) == (None if goes_around else PROXY)


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        (PROXY, PROXY),
        ("http://me:hunter2@proxy.example", "http://proxy.example"),
        ("http://me:hunter2@proxy.example:port", "http://…"),
    ],
)
def test_a_proxys_password_is_not_shown(proxy, expected):
    """Messages show the proxy without it."""
    assert shown(proxy) == expected
