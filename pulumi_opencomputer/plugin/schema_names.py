"""The names in the package schema that are derived from the repository's address, in one place."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..about import plugin_download_url, repository

REPOSITORY = repository()
PLUGIN_DOWNLOAD_URL = plugin_download_url()
PUBLISHER = "The pulumi-opencomputer authors"

_address = urlsplit(REPOSITORY)
_owner = _address.path.strip("/").partition("/")[0]

#: The path of the Go module; its versions are tags ``sdk/go/vVERSION`` of the repository.
GO_MODULE = f"{_address.netloc}{_address.path}/sdk/go"
#: The parent of the Java package, and its Maven group: Maven Central reserves this one for the GitHub account.
JAVA_GROUP = f"io.github.{re.sub('[^a-z0-9_]', '_', _owner.lower())}"
