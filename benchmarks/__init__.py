"""Measurements of the provider beside what a user would take instead. Run by ``make bench``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The emulator's process and the Pulumi project, which tests use too.
sys.path.insert(0, str(ROOT / "testing"))
