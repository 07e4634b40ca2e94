"""Which values of a manifest look like secrets: by their variable's name, their file's name, or their own shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..manifest.paths import Path, leaves

_NAME = re.compile(
    r"(?:^|_)(?:API_?KEY|ACCESS_?KEY|AUTH|CREDENTIALS?|DSN|KEY|PASS|PASSPHRASE|PASSWD|PASSWORD|PAT|PRIVATE|PWD|SECRETS?"
    r"|SIGNATURE|TOKENS?)(?:$|_)|(?:KEY|PASSWORD|SECRET|TOKEN)$",
    re.IGNORECASE,
)
# The working directory is no password.
_NO_NAME = re.compile(r"^(?:OLD)?PWD$|(?:^|_)(?:KEY_?(?:ID|NAME|PATH|FILE)|PUBLIC_KEY)$", re.IGNORECASE)
_FILE = re.compile(
    r"(?:^|/)(?:\.env(?:\.(?!example|sample|template)[^/]*)?|\.netrc|\.npmrc|\.pypirc|\.pgpass|\.git-credentials"
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
        path: Where it stands in the manifest, as ``("steps", 2, "env", "TOKEN")``.
        value: The value itself.
        what: What it is, for people: ``step 3, env TOKEN``. Never the value.
    """

    path: Path
    value: str
    what: str


def find(manifest: Any) -> list[Sensitive]:
    """The values of a manifest in the declared form that look like secrets, in order."""
    return [found for path, value in leaves(manifest) for found in _examined(manifest, path, value)]


def at(manifest: Any, path: Path) -> Any:
    """The value at a path; None where there is none."""
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
        file = str(at(manifest, (*path[:-1], "relativePath")) or at(manifest, (*path[:-1], "path")) or "")
        if _FILE.search(file) or _VALUE.search(value):
            yield Sensitive(path, value, f"{step}, the file {file}")
    elif kind in ("run", "pipInstall", "aptInstall") and _VALUE.search(value):
        yield Sensitive(path, value, f"{step}, {kind} number {int(rest[-1]) + 1}")


def _is_secret_name(name: str) -> bool:
    return bool(_NAME.search(name)) and not _NO_NAME.search(name)
