"""The names in the package schema that are made of the repository's address, so that they are set in one place."""

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
#: The package that the Java one is in, and its Maven group: Maven's central repository gives it to a GitHub account.
JAVA_GROUP = f"io.github.{re.sub('[^a-z0-9_]', '_', _owner.lower())}"
