"""Generate the types of a manifest for editors and type checkers: ``python tools/manifest_types.py``.

With ``--check`` it writes nothing, and exits with 1 if the file is not up to date.

The types are made from the kinds of steps and their parts, so a new kind needs no other change.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import textwrap
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pulumi_opencomputer.manifest.files import Directory, DirectoryEntry, File
from pulumi_opencomputer.manifest.model import ManifestModel
from pulumi_opencomputer.manifest.steps import KINDS, KINDS_OF_API, Step
from pulumi_opencomputer.manifest.values import RemotePath, Shape

#: The generated module.
PATH = Path(__file__).parents[1] / "pulumi_opencomputer" / "program" / "manifest_types.py"

_HEAD = '''"""The declared form of a manifest, for editors and type checkers.

``python tools/manifest_types.py`` generates it from the kinds of steps. A test fails if it is not up to date.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, SupportsIndex, TypeAlias, TypedDict, TypeVar, Union

import pulumi

#: Text, or an Output of it.
Text: TypeAlias = pulumi.Input[str]

#: A path: text, an Output of it, or a path object.
Path: TypeAlias = Union[pulumi.Input[str], os.PathLike[str]]

_T_co = TypeVar("_T_co", covariant=True)


class ListOf(Protocol[_T_co]):
    """A list or a tuple, but not a single string, which Python treats as a sequence of letters."""

    # `str.__contains__` only accepts strings, so no string fits this signature.
    def __contains__(self, value: object, /) -> bool: ...
    def __getitem__(self, index: SupportsIndex, /) -> _T_co: ...
    def __iter__(self) -> Iterator[_T_co]: ...
    def __len__(self) -> int: ...


#: A list of texts, each of which may be an Output, or an Output of a list.
Texts: TypeAlias = pulumi.Input[ListOf[Text]]
'''

_TAIL = '''

class ManifestDict(TypedDict, total=False):
    """{manifest}"""

{fields}

class HasToDict(Protocol):
    """An object with ``to_dict()``, such as the OpenComputer SDK's own ``Image``."""

    def to_dict(self) -> Any:
        """Return the manifest, in either form."""
'''


def text() -> str:
    """Return the text of the module."""
    parts = [_HEAD, *_shapes(), *_steps(), _manifest()]
    return _formatted("\n".join(parts))


def _shapes() -> Iterator[str]:
    for shape in (File, DirectoryEntry, Directory):
        fields = [field for field in dataclasses.fields(shape) if not field.metadata.get("is_filled_in")]
        hints = get_type_hints(shape, include_extras=True)
        lines = {
            required: "\n".join(
                _field(_key(field), _given(field, hints), field.metadata["description"])
                for field in fields
                if _is_required(field) == required
            )
            for required in (True, False)
        }
        about = shape.__doc__ or ""
        yield f"\nclass _{shape.__name__}Required(TypedDict):\n{lines[True]}\n"
        head = f"class {shape.__name__}Dict(_{shape.__name__}Required, total=False):"
        yield f'\n{head}\n    """{about}"""\n\n{lines[False]}\n'


def _steps() -> Iterator[str]:
    for kind in KINDS.values():
        yield f'\nclass {kind.__name__}Step(TypedDict):\n    """{kind.__doc__}"""\n\n    {kind.key}: {_value(kind)}\n'
    types_of_api = ", ".join(f'"{name}"' for name in KINDS_OF_API)
    yield (
        "\nclass ApiStep(TypedDict):\n"
        '    """A step in the API\'s form, as ``Image.to_dict()`` of the SDKs returns it."""\n\n'
        f"    type: Literal[{types_of_api}]\n    args: Mapping[str, Any]\n"
    )
    names = ", ".join(f"{kind.__name__}Step" for kind in KINDS.values())
    yield f"\n#: One step: a mapping with one key.\nStepDict: TypeAlias = Union[{names}, ApiStep]\n"


def _manifest() -> str:
    hints = get_type_hints(ManifestModel, include_extras=True)
    fields = []
    for name, field in ManifestModel.model_fields.items():
        spelt = "pulumi.Input[Sequence[StepDict]]" if name == "steps" else _type(hints[name])
        fields.append(_field(field.alias or name, spelt, field.description or ""))
    return _TAIL.format(manifest=ManifestModel.__doc__, fields="\n".join(fields))


def _value(kind: type[Step]) -> str:
    (field,) = dataclasses.fields(kind)
    return _type(get_type_hints(kind, include_extras=True)[field.name])


def _field(key: str, spelt: str, description: str) -> str:
    about = "\n    ".join(textwrap.wrap(description.replace("\\", "\\\\"), 110))
    return f'    {key}: {spelt}\n    """{about}"""\n'


def _given(field: dataclasses.Field[Any], hints: Mapping[str, Any]) -> str:
    # A local path may be a path object, like a path in the sandbox.
    return "Path" if field.name == "source" else _type(hints[field.name])


def _key(field: dataclasses.Field[Any]) -> str:
    return str(field.metadata.get("alias") or field.name)


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _type(hint: Any) -> str:
    """Return the type of what a program may give for a field."""
    if hint == RemotePath:
        return "Path"
    if get_origin(hint) is Annotated:
        return _type(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        # The provider fills in counts.
        given = [each for each in get_args(hint) if each is not types.NoneType and not _is_count(each)]
        (only,) = given or [int]
        return _type(only)
    if get_origin(hint) is list:
        item = _type(get_args(hint)[0])
        return "Texts" if item == "Text" else f"pulumi.Input[Sequence[{item}]]"
    if get_origin(hint) is dict:
        return f"pulumi.Input[Mapping[str, {_type(get_args(hint)[1])}]]"
    if get_origin(hint) is Literal:
        return f"Literal[{', '.join(repr(each) for each in get_args(hint))}]"
    if isinstance(hint, type) and issubclass(hint, Shape):
        return f"pulumi.Input[{hint.__name__}Dict]"
    return {str: "Text", int: "pulumi.Input[int]"}[hint]


def _is_count(hint: Any) -> bool:
    return (get_origin(hint) is Annotated and _is_count(get_args(hint)[0])) or hint is int


def _formatted(source: str) -> str:
    ruff = [sys.executable, "-m", "ruff"]
    for arguments in (["check", "--fix-only", "--quiet"], ["format", "--quiet"]):
        command = [*ruff, *arguments, "--stdin-filename", str(PATH), "-"]
        source = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    return source


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(PATH.read_text(encoding="utf-8") != text())
    PATH.write_text(text(), encoding="utf-8")
