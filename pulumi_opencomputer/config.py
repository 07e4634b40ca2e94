"""The provider's settings: the API's address, the key, the runtime that images are for, and the logs of builds.

Each comes from the stack's configuration (``opencomputer:…``) or else from the environment.
"""

from __future__ import annotations

import enum
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from .errors import ConfigurationError, Problem

#: The settings' names.
NAMES = ("apiKey", "apiUrl", "sdkVersion", "allowHttp", "logs", "logFile")

DEFAULT_API_URL = "https://app.opencomputer.dev"
DEFAULT_SDK_VERSION = "1.1.0"

SET_KEY_COMMAND = "pulumi config set --secret opencomputer:apiKey <your key>"
SET_URL_COMMAND = "pulumi config set opencomputer:apiUrl https://<host>"
_ALLOW_COMMAND = "pulumi config set opencomputer:allowHttp true"
CHECK_URL = f"Check that the server runs, and the API's address: {SET_URL_COMMAND} (or OPENCOMPUTER_API_URL)."

_ENVIRONMENT = {
    "apiKey": "OPENCOMPUTER_API_KEY",
    "apiUrl": "OPENCOMPUTER_API_URL",
    "sdkVersion": "OPENCOMPUTER_SDK_VERSION",
    "logs": "OPENCOMPUTER_LOGS",
    "logFile": "OPENCOMPUTER_LOG_FILE",
}
_SETTING = re.compile(rf"opencomputer:({'|'.join(_ENVIRONMENT)})\b(?: or OPENCOMPUTER_[A-Z_]+)?")
_OR_VARIABLE = re.compile(r" \(or (?:in the environment variable )?OPENCOMPUTER_[A-Z_]+\)")
_LOG_FILE = "The setting opencomputer:logFile (or OPENCOMPUTER_LOG_FILE)"
_LONGEST_HOST = 253
_PORTS = {"https": 443, "http": 80}
_SWITCH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_VERSION = re.compile(r"[0-9]+(\.[0-9]+){0,2}([a-z+-][0-9A-Za-z.+-]*)?")


@dataclass(frozen=True)
class Settings:
    """What a client needs to reach the API.

    Attributes:
        api_url: The server's address without a trailing slash and without ``/api``.
        api_key: The key, never shown in a `repr`.
        sdk_version: The SDK version whose runtime images are built for (header ``x-oc-sdk-version``).
        allow_http: Whether the key may be sent unencrypted to a host that is not this machine.
    """

    api_url: str
    api_key: str = field(repr=False)
    sdk_version: str = DEFAULT_SDK_VERSION
    allow_http: bool = False


class LogLines(enum.Enum):
    """Which lines of a build are shown."""

    STEPS = "steps"
    """Each step, and a limited number of the server's own lines."""

    FULL = "full"
    """Each step, and all of the server's own lines."""

    FAILURES = "failures"
    """Nothing, unless the build fails: then all that ``full`` shows."""

    NONE = "none"
    """Nothing but warnings."""


@dataclass(frozen=True)
class LogSettings:
    """Where the log of a build goes, and how much of it is shown.

    Attributes:
        lines: Which lines are shown.
        file: The absolute path of the file to which each build's whole log is appended; None if none is set.
    """

    lines: LogLines = LogLines.STEPS
    file: str | None = None


def resolve(config: Mapping[str, str | None], environ: Mapping[str, str]) -> Settings:
    """Return the settings.

    Args:
        config: The stack's configuration under ``opencomputer``: `apiKey`, `apiUrl`, `sdkVersion`,
            `allowHttp`, `logs`, `logFile`.
        environ: The process's environment.

    Raises:
        ConfigurationError: The key is missing, or a setting can't be used. The message says which and how to fix it.
    """
    url = resolve_url(config, environ)
    version = _resolve_version(config, environ)
    return Settings(url, _resolve_key(config, environ), version, _allow_http(config))


def resolve_url(config: Mapping[str, str | None], environ: Mapping[str, str]) -> str:
    """Return the API's address, normalised so that two spellings of one address are equal. No key is needed.

    Raises:
        ConfigurationError: It is not an address, or plain http to another machine without ``allowHttp``.
    """
    url = _normalise(_lookup("apiUrl", config, environ) or DEFAULT_API_URL)
    refuse_plain_http(url, allow_http=_allow_http(config))
    return url


def resolve_logs(config: Mapping[str, str | None], environ: Mapping[str, str]) -> LogSettings:
    """Return the settings for the logs of builds. No key is needed.

    A relative path is resolved against the process's working directory, which is the program's folder.

    Raises:
        ConfigurationError: ``logs`` is not one of the allowed words, or ``logFile`` can't be a file.
    """
    return LogSettings(_resolve_lines(config, environ), _resolve_file(config, environ))


def in_environment_words(text: str) -> str:
    """Return an error's text for a command that takes its settings from the environment, not from a stack."""
    for command, instead in (
        (SET_KEY_COMMAND, "export OPENCOMPUTER_API_KEY=<your key>"),
        (SET_URL_COMMAND, "export OPENCOMPUTER_API_URL=https://<host>"),
        (_ALLOW_COMMAND, "--allow-http"),
    ):
        text = text.replace(command, instead)
    return _SETTING.sub(lambda found: _ENVIRONMENT[found[1]], _OR_VARIABLE.sub("", text))


def is_quiet(logs: Callable[[], LogSettings]) -> bool:
    """Tell whether only warnings and errors are shown; False if a setting is wrong, which a check reports."""
    try:
        return logs().lines is LogLines.NONE
    except ConfigurationError:
        return False


def problems(config: Mapping[str, str | None], environ: Mapping[str, str]) -> list[Problem]:
    """Return every problem with the settings. A missing key is not one yet, because a preview needs none.

    Args:
        config: As with `resolve`.
        environ: The process's environment.
    """
    has_key = bool(_lookup("apiKey", config, environ))
    checks: tuple[tuple[str, Callable[[], object]], ...] = (
        ("apiUrl", lambda: resolve_url(config, environ)),
        ("sdkVersion", lambda: _resolve_version(config, environ)),
        ("apiKey", lambda: has_key and _resolve_key(config, environ)),
        ("logs", lambda: _resolve_lines(config, environ)),
        ("logFile", lambda: _resolve_file(config, environ)),
    )
    found = []
    for name, check in checks:
        try:
            check()
        except ConfigurationError as error:
            found.append(Problem(name, str(error)))
    return found


def refuse_plain_http(url: str, *, allow_http: bool) -> None:
    """Raise ConfigurationError if the key would leave this machine unencrypted, unless that is allowed."""
    if not (url.startswith("https:") or allow_http or is_loopback(url)):
        raise ConfigurationError(
            f"The API key would go unencrypted to {url}. Use an https address ({SET_URL_COMMAND}), or, for a"
            f" server of your own in a network that you trust, {_ALLOW_COMMAND}."
        )


def is_loopback(url: str) -> bool:
    """Tell whether the address is this machine's, by its host name alone (nothing is looked up)."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    # Not names that end in .localhost: a name server may resolve them to any machine.
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _lookup(name: str, config: Mapping[str, str | None], environ: Mapping[str, str]) -> str:
    return (config.get(name) or "").strip() or environ.get(_ENVIRONMENT[name], "").strip()


def _resolve_version(config: Mapping[str, str | None], environ: Mapping[str, str]) -> str:
    version = _lookup("sdkVersion", config, environ) or DEFAULT_SDK_VERSION
    if not _VERSION.fullmatch(version):
        raise ConfigurationError(
            "The setting opencomputer:sdkVersion (or OPENCOMPUTER_SDK_VERSION) must be a version number, such as 1.1.0."
        )
    return version


def _resolve_key(config: Mapping[str, str | None], environ: Mapping[str, str]) -> str:
    key = _lookup("apiKey", config, environ)
    if not key:
        raise ConfigurationError(
            f"There is no API key for OpenComputer. Set it with: {SET_KEY_COMMAND}"
            " (or in the environment variable OPENCOMPUTER_API_KEY)."
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        # Checked here, because the HTTP library would quote the header's value in its own error.
        raise ConfigurationError(
            "The API key (opencomputer:apiKey or OPENCOMPUTER_API_KEY) holds a character that no key has, such as"
            f" a space, a line break or a letter beyond ASCII. Copy it again and set it: {SET_KEY_COMMAND}"
        )
    return key


def _resolve_lines(config: Mapping[str, str | None], environ: Mapping[str, str]) -> LogLines:
    word = _lookup("logs", config, environ) or LogLines.STEPS.value
    try:
        return LogLines(word.lower())
    except ValueError:
        words = ", ".join(each.value for each in LogLines)
        raise ConfigurationError(
            f"The setting opencomputer:logs (or OPENCOMPUTER_LOGS) must be one of {words}."
        ) from None


def _resolve_file(config: Mapping[str, str | None], environ: Mapping[str, str]) -> str | None:
    path = _lookup("logFile", config, environ)
    if not path:
        return None
    if "\0" in path:
        raise ConfigurationError(f"{_LOG_FILE} can't be used: it holds a NUL character.")
    separators = tuple(filter(None, (os.sep, os.altsep)))
    found = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - an unusable path is no error yet
    if path.endswith(separators) or os.path.isdir(found):  # noqa: PTH112
        raise ConfigurationError(
            f"{_LOG_FILE} names a directory. Name a file in it, which need not exist: pulumi config set "
            "opencomputer:logFile build-logs/opencomputer.log"
        )
    if os.path.exists(found) and not os.path.isfile(found):  # noqa: PTH110, PTH113
        raise ConfigurationError(f"{_LOG_FILE} names a device, pipe or socket. Name a file, which need not exist.")
    return found


def _allow_http(config: Mapping[str, str | None]) -> bool:
    value = (config.get("allowHttp") or "false").strip().lower()
    if value not in _SWITCH:
        raise ConfigurationError("The setting opencomputer:allowHttp must be true or false.")
    return _SWITCH[value]


def _normalise(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _unusable("it can't be read as an address") from None
    _refuse_unusable(parts)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/").removesuffix("/api").rstrip("/")
    suffix = "" if port is None or port == _PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{host}{suffix}{path}"


def _refuse_unusable(parts: SplitResult) -> None:
    if parts.scheme not in _PORTS:
        raise _unusable("it must begin with https:// (or http://)")
    if parts.username is not None or parts.password is not None:
        raise _unusable("it holds a user name or password, which don't belong into an address")
    if not parts.hostname or not re.fullmatch(r"[^\s\x00-\x20/\\%?#@<>]+", parts.hostname):
        raise _unusable("it has no host")
    # Python 3.10 accepts anything in brackets; later versions require an IPv6 address.
    if not _is_host(parts.hostname) or ("[" in parts.netloc and ":" not in parts.hostname):
        raise _unusable("its host is neither a name nor an address")
    if parts.query or parts.fragment:
        raise _unusable("it has a '?' or '#' part")
    if not re.fullmatch(r"[!-~]*", parts.path) or ".." in parts.path:
        raise _unusable("its path holds characters that an address can't have")


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return ipaddress.ip_address(host).version == 6
        except ValueError:
            return False
    try:
        # Fails for empty and overlong labels, and for characters that a host name can't have.
        return len(host.encode("idna")) <= _LONGEST_HOST
    except UnicodeError:
        return False


def _unusable(reason: str) -> ConfigurationError:
    # Don't quote the address: it may be a secret that was pasted there by mistake.
    return ConfigurationError(
        f"The API's address (opencomputer:apiUrl or OPENCOMPUTER_API_URL) can't be used: {reason}."
        f" Set it with: {SET_URL_COMMAND}"
    )
