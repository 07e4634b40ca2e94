"""Find values of a manifest that look like secrets: by the variable's name, the file's name, or the value itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..manifest.paths import Path, leaves

_NAME = re.compile(
    r"(?:^|_)(?:API_?KEY|ACCESS_?KEY|AUTH|AUTHORIZATION|CREDENTIALS?|DSN|KEYS?|PASS|PASSPHRASE|PASSWD|PASSWORD|PAT"
    r"|PRIVATE|PWD|SECRETS?|SIGNATURE|TOKENS?)(?:$|_)|(?:^|_)JWTS?$|(?:KEYS?|PASSWORD|SECRET|TOKEN)$",
    re.IGNORECASE,
)
# Exceptions: PWD is the working directory rather than a password, a key's id, name or path is not secret, and some
# words only end like one.
_NO_NAME = re.compile(
    r"^(?:OLD)?PWD$|(?:^|_)(?:KEYS?_?(?:ID|NAME|PATH|FILE)|(?:AUTHORIZED|PUBLIC)_?KEYS?"
    r"|(?:DON|HOC|JOC|MIC|MON|TUR|WHIS)KEYS?)$",
    re.IGNORECASE,
)
_FILE = re.compile(
    r"(?:^|/)(?:\.env(?:\.(?!example|sample|template)[^/]*)?|\.envrc|\.docker/config\.json|\.kube/config|\.netrc|\.npmrc|\.pypirc|\.pgpass|\.git-credentials"
    r"|\.dockerconfigjson|credentials(?:\.json)?|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]*\.(?:pem|key|p12|pfx|keystore))$"
)
_VALUE = re.compile(
    r"://[^/\s:@'\"]+:[^/\s@'\"$]+@"  # a URL with a password
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|sk-[A-Za-z0-9_-]{20,}|AKIA[A-Z0-9]{16}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.)"
)


class Sensitive(NamedTuple):
    """A value that looks like a secret.

    Attributes:
        path: Its path in the manifest, such as ``("steps", 2, "env", "TOKEN")``.
        value: The value itself.
        what: A description to show to the user, such as ``step 3, env TOKEN``. Never includes the value.
    """

    path: Path
    value: str
    what: str


def find(manifest: Any) -> list[Sensitive]:
    """Return the values that look like secrets in a manifest in the declared form, in order."""
    return [found for path, value in leaves(manifest) for found in _examined(manifest, path, value)]


def at(manifest: Any, path: Path) -> Any:
    """Return the value at a path, or None if there is none."""
    for part in path:
        try:
            manifest = manifest[part]
        except (KeyError, IndexError, TypeError):
            return None
    return manifest


def _examined(manifest: Any, path: Path, value: Any) -> Iterator[Sensitive]:
    if not isinstance(value, str) or not value or path[:1] != ("steps",):
        return
    _, index, kind, *rest = path
    step = f"step {int(index) + 1}"
    if kind == "env":
        if _is_secret_name(str(rest[-1])) or _VALUE.search(value):
            yield Sensitive(path, value, f"{step}, env {rest[-1]}")
    elif rest[-1:] == ["content"]:
        file = str(at(manifest, (*path[:-1], "relativePath")) or "")
        folder = str(at(manifest, (*path[:3], "path")) or "")
        whole, file = f"{folder}/{file}" if file else folder, file or folder
        if _FILE.search(whole) or _VALUE.search(value):
            yield Sensitive(path, value, f"{step}, the file {file}")
    elif kind in ("run", "pipInstall", "aptInstall") and _VALUE.search(value):
        yield Sensitive(path, value, f"{step}, {kind} number {int(rest[-1]) + 1}")


def _is_secret_name(name: str) -> bool:
    return bool(_NAME.search(name)) and not _NO_NAME.search(name)
