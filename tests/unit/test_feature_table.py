"""The documented table of Pulumi's features lists exactly what the engine tests try."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from declared_program import COLUMNS
from features import FEATURES, table

_ROOT = Path(__file__).parents[2]
_DOCUMENT = _ROOT / "docs" / "engine-features.md"
_MODULES = ("test_feature_options", "test_feature_commands", "test_feature_state")


def test_the_table_has_exactly_the_tested_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell of the table has a test, and every tested feature is in the table."""
    monkeypatch.syspath_prepend(str(_ROOT / "tests" / "engine"))
    modules = [importlib.import_module(name) for name in _MODULES]
    tried = {cell for module in modules for test in vars(module).values() for cell in getattr(test, "tried", ())}
    for name in _MODULES:
        sys.modules.pop(name)
    assert tried == {(feature.name, column.name) for feature in FEATURES for column in COLUMNS}


def test_the_table_is_documented() -> None:
    """The page ends with the current table; `python testing/features.py` prints it."""
    assert _DOCUMENT.read_text(encoding="utf-8").endswith(table())


def test_each_feature_has_one_row() -> None:
    """No name occurs twice."""
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
