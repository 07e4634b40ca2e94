"""Benchmarks that compare the provider with what users would use instead. Run with ``make bench``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# For the emulator process and the Pulumi project, which the tests share.
sys.path.insert(0, str(ROOT / "testing"))
