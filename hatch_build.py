"""What the package's metadata says beyond pyproject.toml, when it is built.

pyproject.toml has one setting, the repository's address. The project's URLs are made of it here, and the links of
README.md, which are relative, so that they lead somewhere on the package index as well.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE_LINK = re.compile(r"\]\((?!https?://|#)(?P<path>[^)\s]+)\)")
_RELATIVE_IMAGE = re.compile(r"(?P<before>!\[[^\]]*\]\(|<img[^>]*\bsrc=\")(?!https?://)(?P<path>[^)\"\s]+)")


class ProjectMetadata(MetadataHookInterface):
    """Fills in the project's URLs and its description."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add what pyproject.toml calls dynamic."""
        repository = self.config["repository"]
        at_version = f"{repository}/{{kind}}/v{metadata['version']}"
        metadata["urls"] = {
            "Documentation": f"{at_version.format(kind='tree')}/docs",
            "Repository": repository,
            "Changelog": f"{at_version.format(kind='blob')}/CHANGELOG.md",
            "Issues": f"{repository}/issues",
        }
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = _RELATIVE_IMAGE.sub(rf"\g<before>{at_version.format(kind='raw')}/\g<path>", text)
        text = _RELATIVE_LINK.sub(rf"]({at_version.format(kind='blob')}/\g<path>)", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
