"""Measurements of the provider beside what a user would take instead. Run by ``make bench``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The tests' emulator process and Pulumi project are used here too.
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "engine")]
