"""A checked manifest with its local files: the API's form, variants, warnings, counts, and unknown values."""

import json
import os
import re

import pytest

from pulumi_opencomputer.content.hashing import content_hash, embed_blobs
from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.manifest.prepared import PreparedManifest, examine, prepare
from pulumi_opencomputer.manifest.sizes import INLINE_WARNING_BYTES, LARGE_BYTES, human_size

SECRET = "hunter2-hunter2"
UNKNOWN = object()


def examined(declared):
    return examine(declared, lambda value: value is UNKNOWN)


def run(*commands):
    return {"base": "base", "steps": [{"run": [command]} for command in commands]}


def warnings(*steps) -> list[tuple[str, ...]]:
    return [tuple(warning) for warning in prepare({"base": "base", "steps": list(steps)}).warnings]


def places(*steps) -> list[str]:
    return [path for path, _ in warnings(*steps)]


def test_the_content_of_a_local_file_is_a_blob(tmp_path):
    """Preparing a manifest does not read the file."""
    (tmp_path / "f").write_bytes(b"12345")
    made = prepare({"base": "base", "steps": [{"addFile": {"path": "/f", "source": str(tmp_path / "f")}}]})
    content = made.image()["steps"][0]["args"]["content"]
    assert (content.size, b"".join(content.chunks())) == (5, b"12345")


def test_inline_entries_are_sorted_as_local_ones():
    """A directory given inline has the same hash as the same directory on disk."""
    entries = [{"relativePath": name, "content": name} for name in ("b", "a/é", "a-b", "A")]
    made = prepare({"base": "base", "steps": [{"addDir": {"path": "/d", "files": entries}}]})
    names = [file["relativePath"] for file in made.image()["steps"][0]["args"]["files"]]
    assert names == ["A", "a-b", "a/é", "b"]


def test_the_same_files_inline_and_local_have_the_same_hash(tmp_path):
    """It makes no difference how the bytes got into the manifest."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_bytes(b"text")
    inline = {"path": "/d", "files": [{"relativePath": "a/f", "content": "text"}]}
    local = {"path": "/d", "source": str(tmp_path)}
    hashes = {content_hash(prepare({"base": "b", "steps": [{"addDir": body}]}).image()) for body in (inline, local)}
    assert len(hashes) == 1


def test_memory_sizes_are_sent_but_not_hashed():
    """They have the API's keys if they are set."""
    made = prepare({**run("true"), "builderMemoryMB": 1024.0, "runtimeMemoryMB": 512})
    image = made.image()
    assert (image["builderMemoryMB"], image["runtimeMemoryMB"]) == (1024, 512)
    assert content_hash(image) == content_hash(prepare(run("true")).image())
    assert set(prepare(run("true")).image()) == {"base", "steps"}


def test_a_variant_is_other_content_with_the_same_steps():
    """The arguments of the last step get a key that the server ignores."""
    made = prepare(run("a", "b"))
    assert made.image(2)["steps"][1]["args"] == {"commands": ["b"], "rebuild": 2}
    assert made.image(2)["steps"][0] == made.image()["steps"][0]
    assert len({content_hash(made.image(variant)) for variant in range(4)}) == 4


def test_variants_of_a_rebuild_contain_the_programs_token():
    """The program's token and the variant's number are joined."""
    made = prepare({**run("a"), "rebuild": "x"})
    assert [made.image(variant)["steps"][0]["args"]["rebuild"] for variant in (0, 1, 2)] == ["x", "x/1", "x/2"]


def test_a_manifest_without_steps_has_no_variants():
    """There is no step for the key."""
    made = prepare({"base": "base", "steps": []})
    assert made.image(1) == made.image() == {"base": "base", "steps": []}


def test_image_returns_a_new_manifest_each_time():
    """Changing a returned one does not affect the next."""
    made = prepare(run("a"))
    made.image()["steps"].clear()
    assert len(made.image(1)["steps"]) == len(made.image()["steps"]) == 1


def test_manifests_of_the_same_content_have_the_same_key(tmp_path):
    """Hashes are remembered under the key: it covers the version of each local file, but no memory sizes."""
    path = tmp_path / "f"
    path.write_bytes(b"1")
    declared = {"base": "base", "steps": [{"addFile": {"path": "/f", "source": str(path)}}]}
    first = prepare(declared).key
    assert first == prepare({**declared, "builderMemoryMB": 1024}).key
    assert first != prepare({**declared, "rebuild": "x"}).key
    os.utime(path, (1, 1))
    assert first != prepare(declared).key


@pytest.mark.parametrize("name", ["size", "digest", "bytes", "files"])
def test_a_variable_with_the_name_of_a_count_is_content(name):
    """Only the counts and digests of local files are left out of the key."""
    keys = {prepare({"base": "base", "steps": [{"env": {name: value}}]}).key for value in "12"}
    assert len(keys) == 2


def test_a_new_file_in_a_directory_changes_the_key(tmp_path):
    """This holds for an empty file too."""
    declared = {"base": "base", "steps": [{"addDir": {"path": "/d", "source": str(tmp_path)}}]}
    before = prepare(declared).key
    (tmp_path / "f").write_bytes(b"")
    assert prepare(declared).key != before


def test_counts_of_local_files_are_filled_in(tmp_path):
    """The declared form then has each source's number of files and bytes; nothing else is added."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"123")
    steps = [
        {"addDir": {"path": "/d", "source": str(tmp_path)}},
        {"addFile": {"path": "/f", "source": str(tmp_path / "a")}},
        {"addFile": {"path": "/g", "content": "text"}},
    ]
    declared = {"base": "base", "steps": steps}
    assert examined(declared).checked["steps"] == [
        {"addDir": {"path": "/d", "source": str(tmp_path), "files": 2, "bytes": 6}},
        {"addFile": {"path": "/f", "source": str(tmp_path / "a"), "bytes": 3}},
        {"addFile": {"path": "/g", "content": "text"}},
    ]
    assert "bytes" not in steps[0]["addDir"]


def test_a_checked_manifest_can_be_checked_again(tmp_path):
    """The state has the checked form; a new check overwrites old counts."""
    (tmp_path / "a").write_bytes(b"123")
    checked = examined({"base": "base", "steps": [{"addDir": {"path": "/d", "source": str(tmp_path)}}]}).checked
    (tmp_path / "b").write_bytes(b"4")
    body = examined(checked).checked["steps"][0]["addDir"]
    assert (body["files"], body["bytes"]) == (2, 4)


def test_mistakes_of_files_and_of_the_form_are_reported_together_in_order(tmp_path):
    """A missing file is reported with the path that was tried, even if another step is wrong too."""
    missing = str(tmp_path / "missing")
    steps = [
        {"addFile": {"path": "/f", "source": missing}},
        {"run": []},
        {"addDir": {"path": "/d", "source": missing}},
    ]
    found = examined({"base": "base", "steps": steps}).problems
    assert [problem.path for problem in found] == [
        "manifest.steps[0].addFile.source",
        "manifest.steps[1].run",
        "manifest.steps[2].addDir.source",
    ]
    assert [missing in problem.reason for problem in found] == [True, False, True]


def test_preparing_a_wrong_manifest_is_an_error_with_every_mistake():
    """`prepare` raises the problems that `examine` returns."""
    with pytest.raises(InvalidInputError, match=r"^manifest\.base: .*; manifest\.steps\[0\]\.run: "):
        prepare({"base": "", "steps": [{"run": []}]})


@pytest.mark.parametrize(
    "declared",
    [
        UNKNOWN,
        {"base": UNKNOWN, "steps": []},
        {"base": "base", "steps": UNKNOWN},
        {"base": "base", "steps": [UNKNOWN]},
        {"base": "base", "steps": [{"run": UNKNOWN}]},
        {"base": "base", "steps": [{"run": [UNKNOWN]}]},
        {"base": "base", "steps": [{"env": {"A": UNKNOWN}}]},
        {"base": "base", "steps": [{"addFile": {"path": UNKNOWN, "content": UNKNOWN}}]},
        {"base": "base", "steps": [{"addFile": {"path": "/f", "source": UNKNOWN}}]},
        {"base": "base", "steps": [{"addDir": {"path": "/d", "source": "/d", "ignore": [UNKNOWN]}}]},
        {"base": "base", "steps": [{"addDir": {"path": "/d", "files": [{"relativePath": "a", "content": UNKNOWN}]}}]},
        {"base": "base", "steps": [], "builderMemoryMB": UNKNOWN, "rebuild": UNKNOWN},
    ],
)
def test_an_unknown_value_is_no_problem(declared):
    """A manifest with an unknown value is returned unchanged, and can't be prepared yet."""
    found = examined(declared)
    assert (found.problems, found.prepared) == ((), None)
    assert found.checked is declared


def test_a_mistake_beside_an_unknown_value_is_reported(tmp_path):
    """A preview reports it at once. A variable whose name begins with that of an unknown one is not unknown."""
    steps = [
        {"env": {"TOKEN": UNKNOWN, "TOKENS": 5}},
        {"run": [UNKNOWN, ""]},
        {"addFile": {"path": "f", "content": UNKNOWN}},
        {"addFile": {"path": "/f", "source": str(tmp_path / "missing")}},
    ]
    assert [problem.path for problem in examined({"base": "base", "steps": steps}).problems] == [
        "manifest.steps[0].env.TOKENS",
        "manifest.steps[1].run[1]",
        "manifest.steps[2].addFile.path",
        "manifest.steps[3].addFile.source",
    ]


def test_a_command_with_shell_syntax_is_no_warning():
    """Commands are meant for the shell."""
    assert warnings({"run": ["echo \"$HOME\" > '/a b'; true"]}) == []


def test_an_executable_bit_that_gets_lost_is_a_warning(tmp_path):
    """It names a file, the number of the others, and what to do."""
    for name in ("a.sh", "b.sh", "c.txt"):
        (tmp_path / name).write_bytes(b"")
        (tmp_path / name).chmod(0o755 if name.endswith("sh") else 0o644)
    ((path, reason), (other_path, other)) = warnings(
        {"addDir": {"path": "/d", "source": str(tmp_path)}},
        {"addFile": {"path": "/b", "source": str(tmp_path / "b.sh")}},
    )
    assert (path, other_path) == ("manifest.steps[0].addDir.source", "manifest.steps[1].addFile.source")
    assert reason.startswith("a.sh is executable here and 1 more, but the API carries no modes: ")
    assert "chmod" in reason
    assert other.startswith("b.sh is executable here, but")


def test_a_directory_without_files_is_a_warning(tmp_path):
    """It probably comes from a mistake in a path or a pattern."""
    (tmp_path / "a.log").write_bytes(b"")
    step = {"addDir": {"path": "/d", "source": str(tmp_path), "ignore": ["*"]}}
    assert warnings(step) == [
        (
            "manifest.steps[0].addDir.source",
            "has no files, or only ignored ones, so the directory in the image will be empty.",
        )
    ]


def test_files_embedded_by_mistake_are_one_warning(tmp_path):
    """It lists what was probably not intended, with sizes, secrets first, and the patterns that exclude it."""
    for name in (
        ".git/objects/a",
        ".git/HEAD",
        "app/node_modules/x/y.js",
        ".env",
        ".env.local",
        ".env.example",
        "keys/a.pem",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 600)
    ((path, reason),) = warnings({"addDir": {"path": "/d", "source": str(tmp_path)}})
    assert path == "manifest.steps[0].addDir.source"
    assert "*.pem (1 file, 600 bytes), .env (1 file, 600 bytes), .env.local (1 file, 600 bytes), " in reason
    assert ".git/ (2 files, 1.2 kB), node_modules/ (1 file, 600 bytes)" in reason
    assert ".env.example" not in reason
    ignore = re.search(r"ignore: (\[.*\])", reason)
    assert ignore is not None
    body = {"path": "/d", "source": str(tmp_path), "ignore": json.loads(ignore[1])}
    assert prepare({"base": "base", "steps": [{"addDir": body}]}).size_of(0) == "1 file, 600 bytes"
    assert warnings({"addDir": body}) == []


def test_a_single_secret_file_is_no_warning(tmp_path):
    """A program that names a single file wants it."""
    (tmp_path / ".env").write_bytes(b"A=1")
    assert warnings({"addFile": {"path": "/w/.env", "source": str(tmp_path / ".env")}}) == []


@pytest.mark.parametrize("extra", [0, 1])
def test_much_local_content_is_a_warning(tmp_path, extra):
    """The files of all steps are added up, without reading them."""
    for name, size in (("a", LARGE_BYTES // 2), ("b", LARGE_BYTES // 2 + extra)):
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, size)
    found = warnings(*({"addFile": {"path": f"/{name}", "source": str(tmp_path / name)}} for name in "ab"))
    assert [path for path, _ in found] == ["manifest"] * extra
    assert all("50.0 MB" in reason for _, reason in found)


@pytest.mark.parametrize("extra", [0, 1])
def test_much_inline_content_is_a_warning(extra):
    """It is stored in the state; the files of a directory are added up."""
    half = "x" * (INLINE_WARNING_BYTES // 2)
    entries = [{"relativePath": "a", "content": half}, {"relativePath": "b", "content": half + "x" * extra}]
    found = places(
        {"addFile": {"path": "/f", "content": half * 2 + "x" * extra}}, {"addDir": {"path": "/d", "files": entries}}
    )
    assert found == ["manifest.steps[0].addFile", "manifest.steps[1].addDir"][: 2 * extra]


def test_values_stay_out_of_the_repr():
    """A repr may be written to a log."""
    declared = {"base": "base", "steps": [{"env": {"A": SECRET}}]}
    found = examined(declared)
    assert isinstance(found.prepared, PreparedManifest)
    assert SECRET not in repr(found)
    assert SECRET not in repr(found.prepared)


def test_the_api_form_with_blobs_embeds_as_base64(tmp_path):
    """The embedded form has the hash of the streamed one."""
    (tmp_path / "f").write_bytes(b"\xff" * 1000)
    image = prepare({"base": "base", "steps": [{"addDir": {"path": "/d", "source": str(tmp_path)}}]}).image()
    assert content_hash(embed_blobs(image)) == content_hash(image)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (3_400_000, "3.4 MB"),
        (999_950_000, "1.0 GB"),
        (12_345_678_900, "12.3 GB"),
    ],
)
def test_sizes_are_readable(count, text):
    """Units are powers of 1000, with one decimal."""
    assert human_size(count) == text
