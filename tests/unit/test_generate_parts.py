"""Parts of `pulumi-opencomputer generate`: names, recognising secrets, and string literals in each language."""

from __future__ import annotations

import ast
import keyword
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer.generate.local_files import _fit_together
from pulumi_opencomputer.generate.names import Names, config_key, identifier
from pulumi_opencomputer.generate.python_program import python_program
from pulumi_opencomputer.generate.resource import Resource
from pulumi_opencomputer.generate.sensitive import find
from pulumi_opencomputer.generate.yaml_program import yaml_program

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ODD = st.text(st.sampled_from("\\'\"a\n${}é\x7f\u2028 \r:#-&*!|>1.e\t"), max_size=12)


@given(st.lists(st.one_of(TEXTS, st.sampled_from(["a-b", "a_b", "A-B", "class", "pulumi", "1", ""])), max_size=12))
def test_each_snapshot_has_a_name_and_a_variable_of_its_own(names: list[str]) -> None:
    """Each variable is a valid Python name, and they differ in more than case."""
    made = Names()
    found = [made.of(name) for name in names]
    variables = [identifier(name) for name in found]
    assert all(each.isidentifier() and each.isascii() and not keyword.iskeyword(each) for each in variables)
    assert len({each.lower() for each in variables}) == len(names)


def test_a_plain_name_is_kept() -> None:
    """Its variable and its configuration key are derived from it in the usual spelling."""
    assert Names().of("agents-v2") == "agents-v2"
    assert identifier("agents-v2") == "agents_v2"
    assert config_key("agents-v2", "API_TOKEN") == "agentsV2ApiToken"


@pytest.mark.parametrize(
    "name",
    [
        "API_TOKEN",
        "token",
        "GITHUB_PAT",
        "DB_PASSWORD",
        "PGPASSWORD",
        "AWS_SECRET_ACCESS_KEY",
        "OPENAI_API_KEY",
        "apikey",
        "AUTHORIZATION",
        "JWT",
        "ENCRYPTION_KEYS",
        "signingKey",
    ],
)
def test_a_variable_of_such_a_name_looks_like_a_secret(name: str) -> None:
    """The value makes no difference."""
    (found,) = find({"steps": [{"env": {"REGION": "eu", name: "x"}}]})
    assert found.path == ("steps", 0, "env", name)
    assert found.what == f"step 1, env {name}"


@pytest.mark.parametrize(
    "name",
    [
        "PWD",
        "KEYBOARD",
        "AWS_ACCESS_KEY_ID",
        "AUTHOR",
        "TOKENIZERS_PARALLELISM",
        "PATH",
        "MONKEY_",
        "MONKEY",
        "CODE_MONKEY",
        "TURKEY",
        "JWT_ALGORITHM",
        "AUTHORIZED_KEYS",
    ],
)
def test_other_variables_do_not_look_like_secrets(name: str) -> None:
    """Their names only resemble those of secrets."""
    assert find({"steps": [{"env": {name: "x"}}]}) == []


@pytest.mark.parametrize(
    "step",
    [
        {"env": {"URL": "postgres://me:hunter2@db/x"}},
        {"pipInstall": ["-i", "https://me:hunter2@pypi.example/simple"]},
        {"run": ["true", "git clone https://x:ghp_0123456789012345678901234567890123456@github.com/a/b"]},
        {"addFile": {"path": "/srv/.netrc", "content": "machine a"}},
        {"addFile": {"path": "/k", "content": "-----BEGIN OPENSSH PRIVATE KEY-----\n"}},
        {"addDir": {"path": "/app", "files": [{"relativePath": "a/.env", "content": "A=b"}]}},
        {"addFile": {"path": "/srv/.kube/config", "content": "token: x"}},
        {"addFile": {"path": "/srv/.docker/config.json", "content": "{}"}},
        {"addFile": {"path": "/app/.envrc", "content": "export A=b"}},
        {"addDir": {"path": "/srv/.kube", "files": [{"relativePath": "config", "content": "token: x"}]}},
        {"addDir": {"path": "/srv/", "files": [{"relativePath": ".docker/config.json", "content": "{}"}]}},
        {"addDir": {"path": "/app", "files": [{"relativePath": ".env.prod", "content": "A=b"}]}},
    ],
    ids=lambda step: next(iter(step)),
)
def test_values_and_files_may_look_like_secrets(step: dict[str, Any]) -> None:
    """They are recognised by a password in a URL, by the form of a key, or by the file's name."""
    assert len(find({"steps": [step]})) == 1


def test_plain_steps_contain_no_secrets() -> None:
    """URLs without a password, placeholders and example files are not reported."""
    steps = [
        {"run": ["git clone https://github.com/a/b", "curl http://user@host:80/x", "echo https://$U:$P@host"]},
        {"addDir": {"path": "/app", "files": [{"relativePath": ".env.example", "content": "A="}]}},
        {"workdir": "/token"},
    ]
    assert find({"steps": steps}) == []


@given(st.one_of(TEXTS, ODD), st.one_of(TEXTS, ODD))
def test_a_python_program_has_each_text_unchanged(command: str, content: str) -> None:
    """The literal may be on one line or on several."""
    manifest = {"base": "base", "steps": [{"run": [command, "x"]}, {"addFile": {"path": "/f", "content": content}}]}
    tree = ast.parse(python_program([Resource("Snapshot", "x", "x", manifest)]))
    found = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert command in found
    assert content in found


@given(st.one_of(TEXTS, ODD))
def test_a_yaml_program_has_each_text_unchanged(text: str) -> None:
    """`${` begins a reference in Pulumi's YAML, so dollar signs are doubled."""
    manifest = {"base": "base", "steps": [{"run": [text]}]}
    program = yaml.safe_load(yaml_program([Resource("Snapshot", "x", "x", manifest)], "p"))
    (command,) = program["resources"]["x"]["properties"]["manifest"]["steps"][0]["run"]
    assert _evaluated(command) == text


def _evaluated(value: Any) -> str:
    """Evaluate a text without references as Pulumi's YAML host does."""
    if isinstance(value, dict):
        ((function, (separator, parts)),) = value.items()
        assert (function, separator) == ("fn::join", "")
        return "".join(_evaluated(part) for part in parts)
    made, text = "", value
    while text:
        assert not text.startswith("${")
        length = 2 if text.startswith("$$") else 1
        made, text = made + text[0], text[length:]
    return made


@pytest.mark.parametrize("text", ["\tx\ny", "\t\n", "\t\t${x}\n"])
def test_no_text_of_a_yaml_program_starts_with_a_tab_and_has_several_lines(text: str) -> None:
    """Pulumi rewrites the file before it runs it, and could not read such a text again. It is joined from parts."""
    program = yaml.safe_load(yaml_program([Resource("Snapshot", "x", "x", {"steps": [{"run": [text]}]})], "p"))
    (command,) = program["resources"]["x"]["properties"]["manifest"]["steps"][0]["run"]
    assert all(not ("\n" in part and part.startswith("\t")) for part in command["fn::join"][1])
    assert _evaluated(command) == text


def test_a_resource_and_a_configuration_key_never_share_a_name() -> None:
    """Whichever comes first keeps it."""
    made = Names()
    assert [made.of("agents"), made.key("agentsToken"), made.of("agentsToken")] == [
        "agents",
        "agentsToken",
        "agentsToken-2",
    ]
    assert made.key("agents") == "agents2"


@pytest.mark.parametrize(
    ("names", "fit"),
    [
        (["a", "b/c"], True),
        (["README", "readme"], False),
        (["a", "A/b"], False),
        (["a:b"], False),
        (["a\nb"], False),
        (["trailing."], False),
        (["é" * 120], False),
        (["A/x", "a/y"], False),
        (["A/b/x", "A/B/y"], False),
        (["A/b/x", "A/b/y", "A/c"], True),
        (["con"], False),
        (["lib/AUX.txt"], False),
        (["com1"], False),
        (["nul .x"], False),
        (["console.py", "auxiliary", "com", "com10"], True),
        (["\u00e9", "e\u0301"], False),
        (["e\u0301"], False),
        (["\u00e9"], True),
    ],
)
def test_files_are_written_beside_the_program_if_any_system_can_store_them(names: list[str], fit: bool) -> None:
    """Otherwise they stay in the program: a changed file name would give another image."""
    assert _fit_together(names) is fit
