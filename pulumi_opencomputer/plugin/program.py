"""What the plugin can find out about the program: the engine only starts it in the project's folder."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
# ``runtime: yaml`` or ``runtime: {name: yaml}``, on one line or several, in YAML or JSON.
_YAML = re.compile(r"""(?:^|[{,]\s*)["']?runtime["']?\s*:\s*(?:\{?\s*["']?name["']?:\s*)?["']?yaml\b""", re.MULTILINE)


@lru_cache(maxsize=1)
def is_yaml() -> bool:
    """Tell whether the program is in YAML. If in doubt, False: problems then lack their path in the program."""
    here = Path.cwd()
    files = (folder / name for folder in (here, *here.parents) for name in _FILES)
    file = next((found for found in files if found.is_file()), None)
    try:
        return file is not None and bool(_YAML.search(file.read_text("utf-8")))
    except (OSError, ValueError):
        return False
