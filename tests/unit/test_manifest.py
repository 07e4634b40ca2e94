"""The manifest builder: its methods, the two forms, and what it refuses."""

import base64
import dataclasses
import hashlib
import os
import shlex
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import opencomputer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer.content.hashing import content_hash
from pulumi_opencomputer.errors import InvalidInputError, UnresolvedOutputError
from pulumi_opencomputer.manifest.builder import Manifest
from pulumi_opencomputer.manifest.forms import to_declared


class Unresolved:
    """Has the methods of a Pulumi Output."""

    def apply(self, func):
        return Unresolved()

    def is_secret(self):
        raise AssertionError("a manifest never asks")

    def __str__(self):
        raise AssertionError("an Output has no text")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def problems(call) -> list[tuple[str, ...]]:
    with pytest.raises(InvalidInputError) as caught:
        call()
    return [tuple(problem) for problem in caught.value.problems]


def test_every_method_adds_its_step_in_the_api_form(tmp_path):
    """Each documented method of the builder adds the step that the API documents."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_bytes(b"print(1)")
    manifest = (
        Manifest.base()
        .apt_install(["jq"])
        .pip_install(["pandas==2.2.3"])
        .run_commands("true", "false")
        .env({"A": "1"})
        .workdir("/workspace")
        .add_file("/a.txt", "text")
        .add_file("/b.bin", b"\xff\x00")
        .add_local_file(tmp_path / "app" / "main.py", "/main.py")
        .add_local_dir(str(tmp_path / "app"), "/app")
        .builder_memory(8192)
        .runtime_memory(2048)
    )
    assert manifest.to_dict() == {
        "base": "base",
        "steps": [
            {"type": "apt_install", "args": {"packages": ["jq"]}},
            {"type": "pip_install", "args": {"packages": ["pandas==2.2.3"]}},
            {"type": "run", "args": {"commands": ["true", "false"]}},
            {"type": "env", "args": {"vars": {"A": "1"}}},
            {"type": "workdir", "args": {"path": "/workspace"}},
            {"type": "add_file", "args": {"path": "/a.txt", "content": b64(b"text"), "encoding": "base64"}},
            {"type": "add_file", "args": {"path": "/b.bin", "content": b64(b"\xff\0"), "encoding": "base64"}},
            {"type": "add_file", "args": {"path": "/main.py", "content": b64(b"print(1)"), "encoding": "base64"}},
            {
                "type": "add_dir",
                "args": {"path": "/app", "files": [{"relativePath": "main.py", "content": b64(b"print(1)")}]},
            },
        ],
        "builderMemoryMB": 8192,
        "runtimeMemoryMB": 2048,
    }


def test_a_method_returns_another_manifest():
    """A manifest is immutable."""
    first = Manifest.base()
    second = first.run_commands("true")
    assert (first.steps, len(second.steps)) == ((), 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.base_image = "other"  # type: ignore[misc]


def test_a_later_change_of_an_argument_does_not_reach_the_manifest():
    """Lists and mappings are copied by the methods."""
    packages, variables = ["jq"], {"A": "1"}
    manifest = Manifest.base().apt_install(packages).env(variables)
    packages.append("curl")
    variables["B"] = "2"
    assert manifest == Manifest.base().apt_install(["jq"]).env({"A": "1"})


def test_declared_returns_a_copy():
    """Changing the returned form does not change the manifest."""
    manifest = Manifest.base().apt_install(["jq"])
    manifest.declared()["steps"][0]["aptInstall"].append("curl")
    assert manifest.declared()["steps"] == [{"aptInstall": ["jq"]}]


@pytest.mark.parametrize("method", ["apt_install", "pip_install"])
def test_a_string_in_place_of_a_list_is_refused_at_once(method):
    """It would count as a list of letters. The error names the step and says what to write, without the value."""
    found = problems(lambda: getattr(Manifest.base().run_commands("true"), method)("hunter2"))
    key = {"apt_install": "aptInstall", "pip_install": "pipInstall"}[method]
    assert found == [(f"manifest.steps[1].{key}", "must be a list of strings; put the string in [ ].")]


def test_a_string_as_ignore_is_refused_at_once():
    """The reason is the same as for packages."""
    found = problems(lambda: Manifest.base().add_local_dir(".", "/app", ignore="*.log"))
    assert [path for path, _ in found] == ["manifest.steps[0].addDir.ignore"]


def test_a_source_is_relative_to_the_programs_working_directory(tmp_path, monkeypatch):
    """The provider may run elsewhere, so the methods make sources absolute."""
    monkeypatch.chdir(tmp_path)
    steps = Manifest.base().add_local_file("a", "/a").add_local_dir("./b/../c", "/c").steps
    assert [next(iter(step.values()))["source"] for step in steps] == [f"{tmp_path}{os.sep}a", f"{tmp_path}{os.sep}c"]


def test_a_source_may_begin_with_the_users_home(tmp_path, monkeypatch):
    """`~` is expanded in the program, in both forms; elsewhere in a path it is an ordinary character."""
    monkeypatch.setenv("HOME", str(tmp_path))
    steps = Manifest.base().add_local_file("~/a", "/a").add_local_dir(Path("~/b~"), "/c").steps
    steps += Manifest.from_dict({"steps": [{"addDir": {"path": "/d", "source": "~/d"}}]}).steps
    assert [next(iter(step.values()))["source"] for step in steps] == [
        str(tmp_path / name) for name in ("a", "b~", "d")
    ]


def test_an_empty_source_is_not_taken_for_the_working_directory():
    """It stays empty, and the check refuses it."""
    manifest = Manifest.base().add_local_dir("", "/app")
    assert problems(manifest.to_dict) == [("manifest.steps[0].addDir.source", "must not be empty.")]


def test_memory_sizes_are_not_content():
    """They don't change the content hash."""
    plain = Manifest.base().run_commands("true")
    assert plain.builder_memory(1024).runtime_memory(512).cache_key() == plain.cache_key()


def test_another_rebuild_token_is_other_content():
    """`rebuild` changes the hash; the token is only in the last step."""
    plain = Manifest.base().run_commands("true").workdir("/w")
    once, twice = plain.rebuild("1"), plain.rebuild("2")
    assert len({plain.cache_key(), once.cache_key(), twice.cache_key()}) == 3
    assert [step["args"].get("rebuild") for step in once.to_dict()["steps"]] == [None, "1"]


def test_rebuild_without_a_step_is_refused():
    """There is no step to put the token into."""
    reason = "rebuild needs a step: an image without steps is the base itself."
    assert problems(Manifest.base().rebuild("1").cache_key) == [("manifest", reason)]


@pytest.mark.parametrize("method", [Manifest.to_dict, Manifest.cache_key])
def test_an_output_is_an_error_with_its_path(method):
    """Its value is known only during a deployment, so neither form nor hash can be computed."""
    manifest = Manifest.base().run_commands("true").env({"TOKEN": cast("Any", Unresolved())})
    with pytest.raises(UnresolvedOutputError, match=r"^manifest\.steps\[1\]\.env\.TOKEN holds a Pulumi Output"):
        method(manifest)


def test_outputs_are_accepted_anywhere():
    """The methods don't look at the values they get."""
    out: Any = Unresolved()
    manifest = (
        Manifest.base(out)
        .apt_install(out)
        .pip_install([out])
        .run_commands(out)
        .env(out)
        .workdir(out)
        .add_file(out, out)
        .add_local_file(out, out)
        .add_local_dir(out, out, ignore=[out])
        .builder_memory(out)
        .rebuild(out)
    )
    assert len(manifest.declared()["steps"]) == 8


def test_an_image_of_the_sdk_is_accepted():
    """An image of `opencomputer-sdk` gives the same manifest as our own methods."""
    theirs = opencomputer.Image.base().apt_install(["jq"]).add_file("/a", "text").env({"A": "1"}).builder_memory(8192)
    ours = Manifest.base().apt_install(["jq"]).add_file("/a", "text").env({"A": "1"}).builder_memory(8192)
    assert Manifest.from_dict(theirs.to_dict()) == ours


def test_the_order_of_a_directorys_entries_does_not_matter():
    """The SDK lists the entries of `add_dir` in the file system's order; here they are sorted."""

    def image(names):
        files = [{"relativePath": name, "content": b64(name.encode())} for name in names]
        return {"base": "base", "steps": [{"type": "add_dir", "args": {"path": "/d", "files": files}}]}

    one, other = (Manifest.from_dict(image(names)) for names in (["a", "b/c", "é"], ["é", "b/c", "a"]))
    assert one == other
    assert one.cache_key() == other.cache_key()


def test_a_directory_with_an_output_as_a_name_is_kept():
    """A name that is not known yet can't be sorted."""
    files = [{"relativePath": Unresolved(), "content": ""}, {"relativePath": "a", "content": ""}]
    form = {"steps": [{"type": "add_dir", "args": {"path": "/d", "files": files}}]}
    assert len(to_declared(form)["steps"][0]["addDir"]["files"]) == 2


def test_text_in_base64_is_read_as_text():
    """A preview can show it then. Bytes that are not UTF-8, or that contain NUL, stay in base64."""
    contents = [b64(b"text"), b64(b"\xff"), b64(b"a\0b")]
    steps = [{"type": "add_file", "args": {"path": "/a", "content": content}} for content in contents]
    bodies = [step["addFile"] for step in to_declared({"steps": steps})["steps"]]
    assert [body.get("encoding") for body in bodies] == [None, "base64", "base64"]
    assert bodies[0]["content"] == "text"


@pytest.mark.parametrize(
    ("step", "path"),
    [
        ({"type": "explode", "args": {}}, "manifest.steps[0].type"),
        ({"type": ["run"], "args": {}}, "manifest.steps[0].type"),
        ({"type": None, "args": {}}, "manifest.steps[0].type"),
        ({"type": "run"}, "manifest.steps[0].args"),
        ({"type": "run", "args": ["hunter2"]}, "manifest.steps[0].args"),
        ({"type": "run", "args": {"command": "hunter2"}}, "manifest.steps[0].args"),
        ({"type": "run", "args": {"commands": [], "hunter2": 1}}, "manifest.steps[0].args"),
        ({"type": "add_file", "args": {"path": "/a"}}, "manifest.steps[0].args"),
        ({"type": "add_file", "args": {"path": "/a", "content": "", "mode": 1}}, "manifest.steps[0].args"),
        (
            {"type": "add_file", "args": {"path": "/a", "content": "", "encoding": "hunter2"}},
            "manifest.steps[0].args.encoding",
        ),
        ({"type": "add_dir", "args": {"path": "/a"}}, "manifest.steps[0].args"),
        ({"type": "add_dir", "args": {"path": "/a", "files": "hunter2"}}, "manifest.steps[0].args"),
        ({"type": "add_dir", "args": {"path": "/a", "files": ["hunter2"]}}, "manifest.steps[0].args"),
        ({"type": "add_dir", "args": {"path": "/a", "files": [5]}}, "manifest.steps[0].args"),
        ({"type": "add_dir", "args": {"path": "/a", "files": [{"content": ""}]}}, "manifest.steps[0].args"),
    ],
)
def test_a_step_of_the_api_form_that_cant_be_expressed_is_refused_with_its_path(step, path):
    """The reason never quotes the value."""
    ((found, reason),) = problems(lambda: Manifest.from_dict({"base": "base", "steps": [step]}))
    assert found == path
    assert "hunter2" not in reason


@pytest.mark.parametrize("form", [None, 5, "hunter2", ["hunter2"], object()])
def test_a_manifest_must_be_a_mapping(form):
    """The error names the type that was given, not the value."""
    reason = f"must be a manifest, not a value of type {type(form).__name__}."
    assert problems(lambda: Manifest.from_dict(form)) == [("manifest", reason)]


@pytest.mark.parametrize("steps", [None, 5, "run", {"run": []}])
def test_steps_must_be_a_list(steps):
    """from_dict never drops a value silently."""
    assert problems(lambda: Manifest.from_dict({"steps": steps})) == [("manifest.steps", "must be a list.")]


def test_an_unknown_key_is_refused():
    """Otherwise a misspelt key would be dropped silently."""
    found = problems(lambda: Manifest.from_dict({"base": "base", "stesp": []}))
    assert found == [("manifest.stesp", "is not known here; check the spelling.")]


def test_an_invalid_step_is_reported_by_the_validation():
    """from_dict accepts it, and the validation reports it with all other mistakes."""
    manifest = Manifest.from_dict({"steps": ["hunter2", {"run": []}]})
    assert [path for path, _ in problems(manifest.to_dict)] == ["manifest.steps[0]", "manifest.steps[1].run"]


def test_any_mapping_and_sequence_is_accepted():
    """Other mappings than dict, and tuples, are accepted too."""
    form = MappingProxyType({"base": "base", "steps": ({"env": MappingProxyType({"A": "1"})}, {"run": ("true",)})})
    assert Manifest.from_dict(form) == Manifest.base().env({"A": "1"}).run_commands("true")


def test_both_forms_give_the_same_manifest():
    """The declared form and the API's form contain the same."""
    manifest = Manifest.base("other").run_commands("a && b").rebuild("x").builder_memory(1024)
    declared, api = Manifest.from_dict(manifest.declared()), Manifest.from_dict(manifest.to_dict())
    assert declared == api == manifest


def test_a_memory_size_of_none_is_ignored():
    """JSON may have null for an option that is not set."""
    form = {"steps": [{"run": ["true"]}], "builderMemoryMB": None}
    assert Manifest.from_dict(form).to_dict() == Manifest.base().run_commands("true").to_dict()


def test_the_key_is_the_hash_of_the_canonical_bytes():
    """The bytes of one manifest are written out here."""
    text = b'{"base":"base","steps":[{"type":"run","args":{"commands":["echo \\u003c"]}}]}'
    assert Manifest.base().run_commands("echo <").cache_key() == hashlib.sha256(text).hexdigest()


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
FILLED = TEXTS.filter(lambda text: text.strip())
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
PARTS = FILLED.filter(lambda text: "/" not in text and text not in (".", ".."))
ENTRIES = st.dictionaries(st.lists(PARTS, min_size=1, max_size=3).map("/".join), st.binary(max_size=30), max_size=4)
# Only quoted words, because others are refused: the server's shell would change them.
QUOTED = FILLED.map(shlex.quote)
BOUND = st.from_regex(r"[a-z]{1,3}(>=|<|~=|==)1\.[0-9](,<9)?", fullmatch=True)
REMOTE = TEXTS.map(lambda text: "/" + text)


def entries_of(files):
    return [{"relativePath": name, "content": b64(content), "encoding": "base64"} for name, content in files.items()]


STEPS = st.one_of(
    st.builds(lambda packages: {"aptInstall": packages}, st.lists(QUOTED, min_size=1, max_size=3)),
    st.builds(lambda packages: {"pipInstall": packages}, st.lists(QUOTED | BOUND, min_size=1, max_size=3)),
    st.builds(lambda command: {"run": [command]}, FILLED),
    st.builds(lambda words: {"run": [f"echo {word}" for word in words]}, st.lists(QUOTED, min_size=1, max_size=3)),
    st.builds(lambda variables: {"env": variables}, st.dictionaries(NAMES, TEXTS, min_size=1, max_size=3)),
    st.builds(lambda path: {"workdir": path}, st.from_regex(r"/[A-Za-z0-9/_.é-]{0,12}", fullmatch=True)),
    st.builds(lambda path, text: {"addFile": {"path": f"{path}/f", "content": text}}, REMOTE, TEXTS),
    st.builds(lambda path, files: {"addDir": {"path": path, "files": entries_of(files)}}, REMOTE, ENTRIES),
)
MANIFESTS = st.builds(
    lambda base, steps, token: {"base": base, "steps": steps} | ({"rebuild": token} if steps and token else {}),
    FILLED,
    st.lists(STEPS, max_size=5),
    st.none() | FILLED,
).map(Manifest.from_dict)


@given(MANIFESTS)
def test_the_api_form_keeps_the_key(manifest):
    """For any valid manifest, from_dict(to_dict()) has the same cache key."""
    assert Manifest.from_dict(manifest.to_dict()).cache_key() == manifest.cache_key()


@given(MANIFESTS)
def test_the_key_is_the_content_hash_of_the_api_form(manifest):
    """The announced key is the hash of the manifest that is sent."""
    assert manifest.cache_key() == content_hash(manifest.to_dict())


@given(st.dictionaries(st.lists(PARTS, min_size=1, max_size=3).map("/".join), st.binary(max_size=9), max_size=6))
def test_the_order_of_files_given_inline_does_not_matter(files):
    """A directory is a set of files."""

    def key(items):
        return Manifest.from_dict({"steps": [{"addDir": {"path": "/d", "files": entries_of(dict(items))}}]}).cache_key()

    assert key(files.items()) == key(reversed(files.items()))
