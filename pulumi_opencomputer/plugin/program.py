"""What the plugin can find out about the program: the engine starts it in the project's folder, and says no more."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
# By itself, or with options below it; in JSON as well.
_YAML = re.compile(r"""(?:^|[{,]\s*)["']?runtime["']?\s*:\s*(?:\{?\s*["']?name["']?:\s*)?["']?yaml\b""", re.MULTILINE)


@lru_cache(maxsize=1)
def is_yaml() -> bool:
    """Whether the program is YAML. False where that can't be told: a message then says a little less."""
    here = Path.cwd()
    files = (folder / name for folder in (here, *here.parents) for name in _FILES)
    file = next((found for found in files if found.is_file()), None)
    try:
        return file is not None and bool(_YAML.search(file.read_text("utf-8")))
    except (OSError, ValueError):
        return False
