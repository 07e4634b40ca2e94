"""Settings: where each one comes from, how addresses are normalised, and what is refused."""

from __future__ import annotations

import pytest

from pulumi_opencomputer.config import (
    LogLines,
    LogSettings,
    Settings,
    is_loopback,
    problems,
    resolve,
    resolve_logs,
    resolve_url,
)
from pulumi_opencomputer.errors import ConfigurationError

KEY = "osb_1234567890"


def test_only_the_key_has_no_default():
    """Without further settings the public service and the current runtime version are used."""
    assert resolve({"apiKey": KEY}, {}) == Settings("https://app.opencomputer.dev", KEY, "1.1.0", False)


def test_configuration_overrides_the_environment():
    """Each setting in the stack's configuration overrides its variable; an empty value counts as not set."""
    environ = {
        "OPENCOMPUTER_API_KEY": "from-environment",
        "OPENCOMPUTER_API_URL": "https://environment.example",
        "OPENCOMPUTER_SDK_VERSION": "0.9.0",
    }
    assert resolve({}, environ) == Settings("https://environment.example", "from-environment", "0.9.0", False)
    config = {"apiKey": KEY, "apiUrl": " ", "sdkVersion": "2.0.0", "allowHttp": None}
    assert resolve(config, environ) == Settings("https://environment.example", KEY, "2.0.0", False)


def test_a_missing_key_is_an_error_with_the_command_that_sets_it():
    """Only requests need a key: the address can be resolved without one."""
    with pytest.raises(ConfigurationError, match="pulumi config set --secret opencomputer:apiKey") as caught:
        resolve({}, {"OPENCOMPUTER_API_KEY": "  "})
    assert "OPENCOMPUTER_API_KEY" in str(caught.value)
    assert resolve_url({}, {}) == "https://app.opencomputer.dev"


@pytest.mark.parametrize(
    ("given", "normalised"),
    [
        ("https://Host.Example/", "https://host.example"),
        ("https://host.example/api", "https://host.example"),
        ("https://host.example/api/", "https://host.example"),
        ("https://host.example:443", "https://host.example"),
        ("HTTPS://host.example:8443/prefix/api/", "https://host.example:8443/prefix"),
        ("http://localhost:80/api", "http://localhost"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_spellings_of_one_address_are_equal(given, normalised):
    """An address is kept without its trailing slash, `/api`, default port and capital letters."""
    assert resolve_url({"apiUrl": given}, {}) == normalised


@pytest.mark.parametrize(
    "url",
    [
        "app.opencomputer.dev",
        "ftp://host",
        "https://",
        "https://user:secret-word@host",
        "https://secret-word@host",
        "https://host/?key=secret-word",
        "https://host/#secret-word",
        "https://host:port",
        "https://host:99999",
        "https://[::1",
        "https://host/a b",
        "https://ho st",
        "https://host/../secret-word",
    ],
)
def test_unusable_addresses_are_refused_without_being_quoted(url):
    """The error names the setting and repeats nothing of the value."""
    with pytest.raises(ConfigurationError, match="opencomputer:apiUrl") as caught:
        resolve_url({"apiUrl": url}, {})
    assert "secret-word" not in str(caught.value)


def test_plain_http_to_another_machine_needs_a_switch():
    """The key is sent unencrypted only to this machine, unless the stack's configuration allows it."""
    with pytest.raises(ConfigurationError, match="opencomputer:allowHttp true"):
        resolve({"apiKey": KEY, "apiUrl": "http://10.0.0.5"}, {})
    settings = resolve({"apiKey": KEY, "apiUrl": "http://10.0.0.5", "allowHttp": "true"}, {})
    assert settings.allow_http
    with pytest.raises(ConfigurationError, match="allowHttp must be true or false"):
        resolve({"apiKey": KEY, "allowHttp": "maybe"}, {})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:1", True),
        ("http://api.localhost", False),
        ("http://localhost.:1", True),
        ("http://127.8.9.1", True),
        ("http://[::1]:80", True),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
        ("http://0.0.0.0", False),
        ("http://10.0.0.1", False),
    ],
)
def test_loopback_is_recognised_by_its_name(url, expected):
    """Only names and addresses that can't belong to another machine count as loopback."""
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    "host",
    ["a..b", ".a", "a" * 64 + ".b", ".".join(["a" * 50] * 6), "[::g]", "[1.2.3.4]", "[]", "é..b", "a.\u3002b"],
)
def test_an_invalid_host_is_refused_before_anything_is_sent(host):
    """The error is one of this package, not of a library."""
    with pytest.raises(ConfigurationError, match="opencomputer:apiUrl"):
        resolve_url({"apiUrl": f"https://{host}"}, {})


@pytest.mark.parametrize("host", ["a", "a.b.", "a_b", "xn--nxasmq6b", "münchen.example", "1.2.3.4", "[fd00::1]", "a-b"])
def test_any_valid_host_is_accepted(host):
    """Valid are names with and without dots or non-ASCII letters, and addresses."""
    assert resolve_url({"apiUrl": f"https://{host}"}, {}) == f"https://{host}"


@pytest.mark.parametrize("key", ["osb two", "osb\ntwo", "osb\x00two", "osbé", "osb\r\nX-Other: 1"])
def test_keys_that_a_header_cannot_carry_are_refused_without_being_shown(key):
    """A key with spaces, line breaks or non-ASCII letters is an error that does not repeat it."""
    with pytest.raises(ConfigurationError, match="opencomputer:apiKey") as caught:
        resolve({"apiKey": key}, {})
    assert "osb" not in str(caught.value)


def test_a_key_is_trimmed_and_never_shown():
    """White space around a key is dropped, and the repr of the settings leaves the key out."""
    settings = resolve({"apiKey": f" {KEY}\n"}, {})
    assert settings.api_key == KEY
    assert KEY not in repr(settings)


@pytest.mark.parametrize("version", ["latest", "1.1\nX: 1", "v1", "1.1.1.1"])
def test_a_runtime_version_must_be_a_version_number(version):
    """The SDK version is sent in a header, so nothing but a version number is accepted."""
    with pytest.raises(ConfigurationError, match="opencomputer:sdkVersion"):
        resolve({"apiKey": KEY, "sdkVersion": version}, {})


def test_logs_show_the_steps_by_default():
    """The stack's configuration overrides the environment."""
    assert resolve_logs({}, {}) == LogSettings(LogLines.STEPS, None)
    environ = {"OPENCOMPUTER_LOGS": "full", "OPENCOMPUTER_LOG_FILE": "/logs/build.log"}
    assert resolve_logs({}, environ) == LogSettings(LogLines.FULL, "/logs/build.log")
    assert resolve_logs({"logs": " None ", "logFile": "/a"}, environ) == LogSettings(LogLines.NONE, "/a")


def test_a_log_files_path_is_relative_to_the_programs_folder(tmp_path, monkeypatch):
    """The provider's process runs there; ``~`` is the user's home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert resolve_logs({"logFile": "logs/build.log"}, {}).file == str(tmp_path / "logs" / "build.log")
    assert resolve_logs({"logFile": "~/build.log"}, {}).file == str(tmp_path / "home" / "build.log")


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"logs": "verbose"}, "must be one of steps, full, failures, none"),
        ({"logFile": "/dev/null"}, "names a device"),
        ({"logFile": "."}, "names a directory. Name a file in it"),
        ({"logFile": "logs/"}, "names a directory. Name a file in it"),
        ({"logFile": "a\0b"}, "holds a NUL character"),
    ],
)
def test_unusable_log_settings_are_reported_by_name(config, told):
    """Resolving them raises the error, and checking a provider's settings reports the same setting."""
    (name,) = config
    with pytest.raises(ConfigurationError, match=told) as caught:
        resolve_logs(config, {})
    assert f"opencomputer:{name}" in str(caught.value)
    assert [problem.path for problem in problems(config, {})] == [name]
