"""Validation of the declared form: each mistake is reported with its path, but never a value."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer.manifest.model import parse
from pulumi_opencomputer.manifest.sizes import MAX_INLINE_BYTES
from pulumi_opencomputer.manifest.steps import KINDS

SECRET = "hunter2-hunter2"

ONE_KEY = "must be a mapping with exactly one key, one of " + ", ".join(KINDS) + "."
API_FORM = "is in the API's form"
UNKNOWN = "is not known here; check the spelling."
STRING = "must be a string."
LIST = "must be a list."
MAPPING = "must be a mapping."
EMPTY = "must not be empty."
NUL = "must not hold a NUL character: the server can't store it."
SURROGATE = "must not hold a lone surrogate: the server can't store it."
ABSOLUTE = "must be an absolute path inside the sandbox, starting with /."
RELATIVE = "must be a relative path with no empty, '.' or '..' part."
NAMES = "names of variables hold letters, digits, '_', '.' and '-', and don't start with a digit."
BASE64 = "content must be standard base64 with padding, as encoding says."
WHOLE = "must be a whole number."
ORIGIN = "must hold either content or source."
DIR_ORIGIN = "must hold either source or a list of files."


def step(**body):
    return {"base": "base", "steps": [body]}


def file(**body):
    return step(addFile={"path": "/f", **body})


def directory(**body):
    return step(addDir={"path": "/d", **body})


def entry(**body):
    return directory(files=[{"relativePath": "f", "content": "", **body}])


MISTAKES = [
    (None, "manifest", "is required, and must be a mapping"),
    (5, "manifest", MAPPING),
    (SECRET, "manifest", MAPPING),
    ([SECRET], "manifest", MAPPING),
    ({"stesp": SECRET}, "manifest.stesp", UNKNOWN),
    ({5: SECRET}, "manifest[5]", "keys must be strings."),
    ({"base": ""}, "manifest.base", EMPTY),
    ({"base": " \n"}, "manifest.base", EMPTY),
    ({"base": None}, "manifest.base", STRING),
    ({"base": f"{SECRET}\0"}, "manifest.base", NUL),
    ({"steps": SECRET}, "manifest.steps", LIST),
    ({"steps": {"run": [SECRET]}}, "manifest.steps", LIST),
    ({"steps": [SECRET]}, "manifest.steps[0]", ONE_KEY),
    ({"steps": [None]}, "manifest.steps[0]", ONE_KEY),
    ({"steps": [{}]}, "manifest.steps[0]", ONE_KEY),
    (
        {"steps": [{"run": [SECRET]}, {"explode": SECRET}]},
        "manifest.steps[1]",
        "is a step of an unknown kind; a step is",
    ),
    (
        {"steps": [{"aptInstal": [SECRET]}]},
        "manifest.steps[0]",
        "is a step of an unknown kind; did you mean aptInstall?",
    ),
    (
        {"steps": [{"type": "run", "args": {"command": SECRET}}]},
        "manifest.steps[0].args",
        "must hold only commands.",
    ),
    ({"steps": [{"run": [SECRET], "workdir": "/w"}]}, "manifest.steps[0]", ONE_KEY),
    ({"steps": [{"type": "run", "args": {"commands": [SECRET]}}]}, "manifest.steps[0]", API_FORM),
    (step(aptInstall=SECRET), "manifest.steps[0].aptInstall", LIST),
    (step(aptInstall=[]), "manifest.steps[0].aptInstall", EMPTY),
    (step(aptInstall=[SECRET, ""]), "manifest.steps[0].aptInstall[1]", EMPTY),
    (step(aptInstall=["  "]), "manifest.steps[0].aptInstall[0]", EMPTY),
    (step(aptInstall=[5]), "manifest.steps[0].aptInstall[0]", STRING),
    (step(aptInstall=[[SECRET]]), "manifest.steps[0].aptInstall[0]", STRING),
    (step(pipInstall=[]), "manifest.steps[0].pipInstall", EMPTY),
    (step(pipInstall=[f"{SECRET}\0"]), "manifest.steps[0].pipInstall[0]", NUL),
    (step(pipInstall=[f"{SECRET}\ud800"]), "manifest.steps[0].pipInstall[0]", SURROGATE),
    (step(run=[]), "manifest.steps[0].run", EMPTY),
    (step(run=SECRET), "manifest.steps[0].run", LIST),
    (step(run=[""]), "manifest.steps[0].run[0]", EMPTY),
    (step(env={}), "manifest.steps[0].env", EMPTY),
    (step(env=[SECRET]), "manifest.steps[0].env", MAPPING),
    (step(env={"A": 5}), "manifest.steps[0].env.A", STRING),
    (step(env={"A": None}), "manifest.steps[0].env.A", STRING),
    (step(env={"A": f"{SECRET}\udfff"}), "manifest.steps[0].env.A", SURROGATE),
    (step(env={"1A": SECRET}), "manifest.steps[0].env.1A", NAMES),
    (step(env={"A B": SECRET}), "manifest.steps[0].env['A B']", NAMES),
    (step(env={"A\n": SECRET}), "manifest.steps[0].env['A\\n']", NAMES),
    (step(env={"": SECRET}), "manifest.steps[0].env['']", NAMES),
    (step(env={5: SECRET}), "manifest.steps[0].env[5]", STRING),
    (step(workdir="w"), "manifest.steps[0].workdir", ABSOLUTE),
    (step(workdir="~/w"), "manifest.steps[0].workdir", ABSOLUTE),
    (step(workdir=""), "manifest.steps[0].workdir", EMPTY),
    (step(workdir=[SECRET]), "manifest.steps[0].workdir", STRING),
    (step(addFile=SECRET), "manifest.steps[0].addFile", MAPPING),
    (step(addFile={"content": SECRET}), "manifest.steps[0].addFile.path", "is required."),
    (step(addFile={"path": "f", "content": SECRET}), "manifest.steps[0].addFile.path", ABSOLUTE),
    (file(), "manifest.steps[0].addFile", ORIGIN),
    (file(content=SECRET, source=f"/{SECRET}"), "manifest.steps[0].addFile", ORIGIN),
    (file(content=SECRET, mode=5), "manifest.steps[0].addFile.mode", UNKNOWN),
    (file(content=5), "manifest.steps[0].addFile.content", STRING),
    (file(content=f"{SECRET}\0"), "manifest.steps[0].addFile.content", NUL),
    (file(content=f"{SECRET}!", encoding="base64"), "manifest.steps[0].addFile", BASE64),
    (file(content="QQ", encoding="base64"), "manifest.steps[0].addFile", BASE64),
    (file(content="Q-==", encoding="base64"), "manifest.steps[0].addFile", BASE64),
    (file(content="QUFB\nQUFB", encoding="base64"), "manifest.steps[0].addFile", BASE64),
    (file(content="é", encoding="base64"), "manifest.steps[0].addFile", BASE64),
    (file(content=SECRET, encoding="hex"), "manifest.steps[0].addFile.encoding", 'must be "base64" or absent.'),
    (file(source=""), "manifest.steps[0].addFile.source", EMPTY),
    (
        file(source=f"/{SECRET}", encoding="base64"),
        "manifest.steps[0].addFile",
        "encoding goes with content, not with source.",
    ),
    (file(source=f"/{SECRET}", bytes=-1), "manifest.steps[0].addFile.bytes", "must not be negative."),
    (directory(), "manifest.steps[0].addDir", DIR_ORIGIN),
    (directory(files=5), "manifest.steps[0].addDir", DIR_ORIGIN),
    (directory(files=[], source=f"/{SECRET}"), "manifest.steps[0].addDir", DIR_ORIGIN),
    (directory(files=SECRET), "manifest.steps[0].addDir.files", LIST),
    (directory(files=[SECRET]), "manifest.steps[0].addDir.files[0]", MAPPING),
    (directory(files=[{"content": SECRET}]), "manifest.steps[0].addDir.files[0].relativePath", "is required."),
    (entry(relativePath="/etc/passwd"), "manifest.steps[0].addDir.files[0].relativePath", RELATIVE),
    (entry(relativePath="../f"), "manifest.steps[0].addDir.files[0].relativePath", RELATIVE),
    (entry(relativePath="a/../../f"), "manifest.steps[0].addDir.files[0].relativePath", RELATIVE),
    (entry(relativePath="./f"), "manifest.steps[0].addDir.files[0].relativePath", RELATIVE),
    (entry(relativePath="a//f"), "manifest.steps[0].addDir.files[0].relativePath", RELATIVE),
    (entry(relativePath="a/"), "manifest.steps[0].addDir.files[0].relativePath", RELATIVE),
    (entry(relativePath=""), "manifest.steps[0].addDir.files[0].relativePath", EMPTY),
    (entry(content=f"{SECRET}!", encoding="base64"), "manifest.steps[0].addDir.files[0]", BASE64),
    (entry(mode=5), "manifest.steps[0].addDir.files[0].mode", UNKNOWN),
    (
        directory(files=[{"relativePath": "f", "content": SECRET}, {"relativePath": "f", "content": ""}]),
        "manifest.steps[0].addDir",
        "names one file twice.",
    ),
    (directory(source=f"/{SECRET}", ignore="*.log"), "manifest.steps[0].addDir.ignore", LIST),
    (directory(source=f"/{SECRET}", ignore=[5]), "manifest.steps[0].addDir.ignore[0]", STRING),
    (
        directory(files=[], ignore=["*.log"]),
        "manifest.steps[0].addDir",
        "ignore goes with source, not with inline files.",
    ),
    ({"builderMemoryMB": 0}, "manifest.builderMemoryMB", "must be greater than zero."),
    ({"builderMemoryMB": "1024"}, "manifest.builderMemoryMB", WHOLE),
    ({"builderMemoryMB": True}, "manifest.builderMemoryMB", WHOLE),
    ({"runtimeMemoryMB": 1.5}, "manifest.runtimeMemoryMB", WHOLE),
    ({"runtimeMemoryMB": float("nan")}, "manifest.runtimeMemoryMB", WHOLE),
    ({"runtimeMemoryMB": float("inf")}, "manifest.runtimeMemoryMB", WHOLE),
    ({"runtimeMemoryMB": 10**30}, "manifest.runtimeMemoryMB", "is more memory than a machine has; the unit is MB."),
    ({"rebuild": ""}, "manifest.rebuild", EMPTY),
    ({"rebuild": 5}, "manifest.rebuild", STRING),
    ({"rebuild": SECRET}, "manifest", "rebuild needs a step: an image without steps is the base itself."),
]


@pytest.mark.parametrize(("declared", "path", "reason"), MISTAKES)
def test_a_mistake_is_reported_with_its_path_and_no_value(declared, path, reason):
    """One mistake gives one problem; its path is that of the declared form, and its reason quotes no value."""
    model, (problem,) = parse(declared)
    assert model is None
    assert problem.path == path
    assert problem.reason.startswith(reason)
    assert SECRET not in problem.reason


def test_all_mistakes_are_reported_at_once_in_the_manifests_order():
    """A user doesn't have to correct one mistake to see the next."""
    declared = {
        "base": "",
        "steps": [{"aptInstall": [""]}, {"explode": 1}, {"env": {"A": 5}}, {"addFile": {"path": "f", "size": 1}}],
        "builderMemoryMB": 0,
        "extra": 1,
    }
    assert [problem.path for problem in parse(declared)[1]] == [
        "manifest.base",
        "manifest.steps[0].aptInstall[0]",
        "manifest.steps[1]",
        "manifest.steps[2].env.A",
        "manifest.steps[3].addFile.path",
        "manifest.steps[3].addFile.size",
        "manifest.builderMemoryMB",
        "manifest.extra",
    ]


@pytest.mark.parametrize(
    "declared",
    [
        {},
        {"base": "ubuntu", "steps": []},
        step(env={"A": "", "a.b-C_1": "x y"}),
        step(env={"files": "1", "count": "2", "aptInstall": "3"}),
        step(workdir="/"),
        file(content=""),
        file(content="QQ==", encoding="base64"),
        file(content="", encoding=None),
        file(source="relative", bytes=5.0),
        directory(files=[]),
        directory(source="/d", ignore=[], files=3.0, bytes=1e9),
        {"builderMemoryMB": 1024.0, "runtimeMemoryMB": 1},
        {"builderMemoryMB": None},
    ],
)
def test_a_valid_manifest_gives_a_model(declared):
    """Whole numbers may be floats, because Pulumi has no other numbers."""
    model, problems = parse(declared)
    assert model is not None
    assert problems == []


def test_a_variable_with_the_name_of_a_step_keeps_its_path():
    """The names of variables can't be confused with those of the models' fields."""
    _, problems = parse(step(env={"env": 1, "count": 2, "entries": 3}))
    assert [problem.path for problem in problems] == [
        f"manifest.steps[0].env.{name}" for name in ("env", "count", "entries")
    ]


@pytest.mark.parametrize("extra", [0, 1])
def test_inline_content_may_have_4_mb_and_no_more(extra):
    """The limit applies to the bytes of a file, and to the sum of all files of a directory."""
    half = "x" * (MAX_INLINE_BYTES // 2)
    entries = [{"relativePath": "a", "content": half}, {"relativePath": "b", "content": half + "x" * extra}]
    alone = parse(file(content=half * 2 + "x" * extra))[1]
    coded = parse(file(content=base64.b64encode(bytes(MAX_INLINE_BYTES + extra)).decode(), encoding="base64"))[1]
    together = parse(directory(files=entries))[1]
    assert [len(problems) for problems in (alone, coded, together)] == [extra] * 3


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["path", "content", "source", "files", "encoding", "A", "\ud800"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
WILD = st.fixed_dictionaries(
    {"steps": st.lists(st.dictionaries(st.sampled_from([*KINDS, "type", "args"]), VALUES, max_size=2), max_size=4)},
    optional={"base": VALUES, "rebuild": VALUES, "builderMemoryMB": VALUES, "other": VALUES},
)


@given(VALUES | WILD)
def test_any_value_gives_a_model_or_problems_with_paths(declared):
    """Validation never crashes; each problem has a path in the manifest and a sentence."""
    model, problems = parse(declared)
    assert (model is None) == bool(problems)
    for problem in problems:
        assert problem.path == "manifest" or problem.path.startswith(("manifest.", "manifest["))
        assert problem.reason.endswith(".")
        str(problem).encode()
