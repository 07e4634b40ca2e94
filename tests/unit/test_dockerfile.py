"""Converting a Dockerfile to steps."""

from __future__ import annotations

import shlex
import tarfile
from pathlib import Path
from typing import Any

import pulumi
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.manifest.builder import Manifest
from pulumi_opencomputer.manifest.prepared import prepare
from server_shell import Shell

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def read(root: Path, text: str, **more: Any) -> Manifest:
    (root / "Dockerfile").write_text(text, newline="")
    return Manifest.from_dockerfile(root / "Dockerfile", **more)


def steps(root: Path, text: str, **more: Any) -> list[Any]:
    """The steps of these lines after FROM."""
    return list(read(root, f"FROM ubuntu:22.04\n{text}", **more).steps)


def refused(root: Path, text: str, **more: Any) -> list[tuple[int, str]]:
    """The line and the reason of each problem; line 0 if it is about the whole file."""
    with pytest.raises(InvalidInputError) as caught:
        read(root, text, **more)
    found = []
    for path, reason in caught.value.problems:
        assert path.startswith(str(root / "Dockerfile"))
        found.append((int(path[len(str(root / "Dockerfile")) + 1 :] or 0), reason))
    return found


def run(command: str, workdir: str = "/", **variables: str) -> Any:
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    script = "\n".join([*exports, f"cd {workdir} || exit", command])
    return {"run": [f"sudo sh -c {shlex.quote(script)}"]}


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    return Shell(tmp_path_factory.mktemp("shell"))


INSTRUCTIONS = [
    ("RUN apt-get update", [run("apt-get update")]),
    ("run echo a", [run("echo a")]),
    ("RUN a && \\\n  # why\n\n  b", [run("a &&   b")]),
    ("RUN a \\  \n b\r\nRUN c\r\n", [run("a  b"), run("c")]),
    ('RUN ["printf", "%s", "$A b"]', [run("exec printf %s '$A b'")]),
    ("RUN [ -f /x ] || a", [run("[ -f /x ] || a")]),
    ("RUN echo $((1 << 2))", [run("echo $((1 << 2))")]),
    ("ENV A=1 B='x y' C=\"p q\" D=e\\ f", [{"env": {"A": "1", "B": "x y", "C": "p q", "D": "e f"}}]),
    ("ENV A b  c", [{"env": {"A": "b  c"}}]),
    ("ENV A=1\nENV A=2 B=$A C=${A}x", [{"env": {"A": "1"}}, {"env": {"A": "2", "B": "1", "C": "1x"}}]),
    ("ENV A=${B:-x} C=${B:+y} D=${A-z}", [{"env": {"A": "x", "C": "", "D": "z"}}]),
    ("ENV A=\nENV B=${A:-x} C=${A-y} D=${A+z}", [{"env": {"A": ""}}, {"env": {"B": "x", "C": "", "D": "z"}}]),
    ("ARG A=x\nARG B='$A'\nARG C=\"\\$A$A\"\nRUN a", [run("a", A="x", B="$A", C="$Ax")]),
    ("ENV A=x B=$Aé. C=${A:-${B:-'p q'}}", [{"env": {"A": "x", "B": ".", "C": "p q"}}]),
    ("ENV PATH=/opt/bin:$PATH", [{"env": {"PATH": f"/opt/bin:{PATH}"}}]),
    ("ARG A=1\nRUN b", [run("b", A="1")]),
    ("ARG A\nRUN b", [run("b")]),
    ("ARG A=1\nENV A=2\nRUN b", [{"env": {"A": "2"}}, run("b", A="2")]),
    ("ENV A=x\nRUN b", [{"env": {"A": "x"}}, run("b", A="x")]),
    ("WORKDIR /a\nWORKDIR b/../c\nRUN d", [{"workdir": "/a"}, {"workdir": "/a/c"}, run("d", "/a/c")]),
    ("ARG D=/x\nWORKDIR $D/y/", [{"workdir": "/x/y"}]),
    ('LABEL a="b"\nEXPOSE 80\nCMD ["x"]\nENTRYPOINT x\nMAINTAINER x\nSTOPSIGNAL 9', []),
    ("USER root\n# RUN x\n  # RUN y", []),
]


@pytest.mark.parametrize(("text", "expected"), INSTRUCTIONS)
def test_an_instruction_becomes_steps(tmp_path, text, expected):
    """They have Docker's order, working directory and variables; instructions without effect in a sandbox add none."""
    assert steps(tmp_path, text) == expected


@pytest.mark.parametrize("image", ["ubuntu:22.04", "docker.io/library/ubuntu:jammy", "ubuntu:22.04 AS x", "ubuntu:$V"])
def test_ubuntu_22_04_is_the_base(tmp_path, image):
    """It is recognised under each of its names."""
    assert read(tmp_path, f"ARG V=22.04\nFROM {image}\nRUN a") == Manifest(steps=(run("a"),))


def test_a_given_base_replaces_any_image(tmp_path):
    """Options of FROM are dropped with the image."""
    assert read(tmp_path, "FROM --platform=linux/amd64 python:3.12\n", base="mine") == Manifest.base("mine")


def test_a_backtick_continues_lines_if_the_directive_says_so(tmp_path):
    """A backslash is then an ordinary character."""
    text = "# syntax=docker/dockerfile:1\n# escape=`\nFROM ubuntu:22.04\nRUN a `\n b\\\nENV C=d` e\n"
    assert read(tmp_path, text).steps == (run("a  b\\"), {"env": {"C": "d e"}})


def test_a_directive_after_a_comment_is_a_comment(tmp_path):
    """So it is in Docker."""
    assert read(tmp_path, "# x\n# escape=`\nFROM ubuntu:22.04\nRUN a \\\n b").steps == (run("a  b"),)


def test_values_for_arguments_override_their_defaults(tmp_path):
    """An argument declared before FROM is only visible after it if it is declared again."""
    text = "ARG A=1\nARG B=2\nFROM ubuntu:22.04\nARG A\nARG C=3\nRUN x"
    assert read(tmp_path, text, args={"A": "7", "C": "a'b"}).steps == (run("x", A="7", C="a'b"),)


U = "FROM ubuntu:22.04\n"
REFUSALS = [
    ("", 1, "FROM ubuntu:22.04"),
    ("FROM python:3.12", 1, 'base="base"'),
    ("FROM scratch", 1, "ubuntu:22.04"),
    ("FROM --platform=x ubuntu:22.04", 1, "--platform"),
    ("FROM ubuntu:22.04 x", 1, "AS"),
    ("RUN a\n" + U, 1, "before FROM"),
    (U + "FROM ubuntu:22.04\nUSER x", 2, "another stage"),
    (U + "RUN --mount=type=cache,target=/secret a", 2, "--mount"),
    (U + "RUN cat <<EOF\nUSER x\nEOF", 2, "here-document"),
    (U + "COPY <<EOF /x\nUSER x\nEOF", 2, "here-document"),
    (U + "RUN []", 2, "empty list"),
    (U + 'RUN ["a", 1]', 2, "double quotes"),
    (U + 'RUN ["a"] && b', 2, "after its list"),
    (U + "RUN", 2, "has no arguments"),
    (U + "USER nobody", 2, "su"),
    (U + "SHELL ['bash']", 2, "bash -c"),
    (U + "HEALTHCHECK CMD x", 2, "remove it"),
    (U + "ONBUILD RUN x", 2, "without ONBUILD"),
    (U + "VOLUME /data", 2, "mkdir"),
    (U + "\n# c\nRUM x", 4, "spelling"),
    (U + "ENV A", 2, "A=value"),
    (U + "ENV A=1 B", 2, "B=value"),
    (U + "ENV A-B=1", 2, "letters"),
    (U + "ENV A='#secret'", 2, "sets A"),
    (U + "ENV A='secret", 2, "closed"),
    (U + "ENV A=${B", 2, "${A}"),
    (U + "ENV A=${B:-secret", 2, "closed"),
    (U + "ENV A=${B%secret}", 2, "${A:-other}"),
    (U + "ENV A=$1", 2, "escape the $"),
    (U + "ARG A=1\nARG A=2", 3, "again"),
    (U + "ARG A=1 A=2", 2, "again"),
    (U + "ARG TARGETARCH", 2, "args"),
    (U + "WORKDIR /a b", 2, "blank"),
    (U + "COPY a", 2, "source"),
    (U + "COPY none /x", 2, "none"),
    (U + "COPY left /x", 2, ".dockerignore"),
    (U + "COPY a b /x", 2, "end it with /."),
    (U + "COPY *.none /x/", 2, "*.none"),
    (U + "COPY [a /x/", 2, "brackets"),
    (U + "COPY out /x", 2, "leads out of the context"),
    (U + "COPY links /x", 2, ".dockerignore may leave it out. nowhere"),
    (U + "COPY --from=x a b", 2, "one stage"),
    (U + "COPY --chown=x a b", 2, "RUN chown"),
    (U + "COPY --chmod=755 a b", 2, "RUN chmod"),
    (U + "ADD https://x.example/secret /x", 2, "curl"),
    (U + "ADD a.tar.gz /x", 2, "tar -xf"),
    (U + "ADD packed /x/", 2, "tar -xf"),
]


@pytest.mark.parametrize(("text", "line", "words"), REFUSALS)
def test_instructions_that_steps_cannot_express_are_refused_by_line(tmp_path, text, line, words):
    """The reason says what to write instead, and quotes no value."""
    for name in ("a", "b", "left", "a.tar.gz"):
        (tmp_path / name).write_text(name)
    with tarfile.open(tmp_path / "packed", "w") as packed:
        packed.add(tmp_path / "a", "a")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "nowhere").symlink_to("secret")
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / ".dockerignore").write_text("left\n")
    ((found, reason),) = refused(tmp_path, text)
    assert found == line
    assert words in reason
    assert "secret" not in reason


def test_all_refused_lines_are_reported_at_once(tmp_path):
    """One run shows every problem."""
    assert [line for line, _ in refused(tmp_path, U + "USER a\nRUN b\nVOLUME /c\nCOPY d e\n")] == [2, 4, 5]


def test_a_variable_of_an_unknown_image_does_not_count_as_empty(tmp_path):
    """If a base replaces the image, nobody knows which variables the image sets."""
    ((line, reason),) = refused(tmp_path, "FROM python\nENV A=$PYTHON_VERSION", base="base")
    assert line == 2
    assert "PYTHON_VERSION" in reason


@pytest.mark.parametrize("value_of", [lambda: pulumi.Output.from_input("x"), lambda: 1], ids=["Output", "number"])
@pytest.mark.usefixtures("loops")
def test_a_value_for_an_argument_is_a_string(tmp_path, value_of):
    """The value of an Output is not known when the file is read."""
    ((line, reason),) = refused(tmp_path, U + "ARG A", args={"A": value_of()})
    assert line == 0
    assert "args['A']" in reason


def test_values_for_arguments_have_names(tmp_path):
    """A list of arguments is refused."""
    assert "mapping" in refused(tmp_path, U + "ARG A", args=["A=1"])[0][1]


def test_a_value_for_an_undeclared_argument_is_refused(tmp_path):
    """Its name is probably misspelt."""
    assert "B" in refused(tmp_path, U + "ARG A", args={"B": "secret"})[0][1]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    """So is a file that is not UTF-8."""
    with pytest.raises(InvalidInputError, match="No such file"):
        Manifest.from_dockerfile(tmp_path / "Dockerfile")
    (tmp_path / "Dockerfile").write_bytes(b"\xff")
    with pytest.raises(InvalidInputError, match="UTF-8"):
        Manifest.from_dockerfile(tmp_path / "Dockerfile")


# Commands for the shell

# No /, . or ~, which would lead out of the directory; nothing that runs in the background or prints a process id.
_CHARS = st.sampled_from([*"aaa b'\"\\$#;|<>*?()`!{}=-0\t", " a ", "&&", "é", "$("])


@settings(max_examples=150, deadline=None)
@given(text=st.lists(_CHARS, max_size=14).map("".join))
@example("a 'b' \"c\" \\d `a e` $(a f) # g")
@example("a '\\'\\''")
@example("a b; exit 3")
@example("a b > c")
def test_a_run_does_the_same_in_the_servers_shell_as_in_dockers(shell, tmp_path_factory, text):
    """The output, exit code and files are those of /bin/sh -c with the text itself, in the working directory."""
    text = text.strip()
    if not text or text.endswith("\\") or text.startswith(("[", "-", "#")) or "<<" in text or "$$" in text:
        return
    root = tmp_path_factory.mktemp("docker")
    _, step = steps(root, f"WORKDIR {shell.place}\nRUN {text}\n")
    (command,) = step["run"]
    assert shell.run(command) == shell.run(text)


@settings(max_examples=80, deadline=None)
@given(arg=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), env=st.text("ab =;&|<>*?(){}~é"))
@example(arg="a'b\"c$d`e\\f\n\ng", env="a b")
def test_values_reach_a_run_byte_for_byte(shell, tmp_path_factory, arg, env):
    """This holds for any value of an ARG, and for an ENV value without the characters that a Dockerfile interprets."""
    root = tmp_path_factory.mktemp("docker")
    text = f'ARG A\nENV B="{env}"\nWORKDIR {shell.place}\nRUN printf %s "$A|$B"'
    made = steps(root, text, args={"A": arg})
    assert made[0] == {"env": {"B": env}}
    assert shell.run(made[-1]["run"][0])[0] == f"{arg}|{env}".encode()


def test_a_list_is_run_without_a_shell(shell, tmp_path):
    """Its words arrive unchanged."""
    _, step = steps(tmp_path, f'WORKDIR {shell.place}\nRUN ["a", "$B", "c d", "\'*"]')
    assert shell.run(step["run"][0])[0] == b"a<$B><c d><'*>"


# Files


def files(root: Path, text: str) -> list[str]:
    """The path in the image of each file of the steps."""
    found = []
    for step in read(root, U + text).to_dict()["steps"]:
        args = step["args"]
        if step["type"] == "add_file":
            found.append(args["path"])
        elif step["type"] == "add_dir":
            found += [f"{args['path'].rstrip('/')}/{each['relativePath']}" for each in args["files"]]
    return sorted(found)


COPIES = [
    ("COPY a /x", ["/x"]),
    ("COPY a /x/", ["/x/a"]),
    ("COPY /a ./", ["/a"]),
    ("COPY ../a /etc", ["/etc/a"]),
    ("WORKDIR /w\nCOPY a .", ["/w/a"]),
    ("WORKDIR /w\nCOPY a b", ["/w/b"]),
    ("WORKDIR /w/v\nCOPY a /w", ["/w/a"]),
    ("COPY a d/b /x/", ["/x/a", "/x/b"]),
    ("COPY d /x", ["/x/b", "/x/e/c"]),
    ("COPY d/ e/ /x/", ["/x/b", "/x/e/c", "/x/f"]),
    ("COPY d/* /x/", ["/x/b", "/x/c"]),
    ("COPY [ad] /x/", ["/x/a", "/x/b", "/x/e/c"]),
    ("COPY ?/e/c /x", ["/x"]),
    ('COPY ["with blank", "/x y"]', ["/x y"]),
    ("ADD a /x", ["/x"]),
    ("ARG S=a\nCOPY $S /x/$S", ["/x/a"]),
    ("COPY d /x\nCOPY a /x", ["/x/a", "/x/b", "/x/e/c"]),
]


@pytest.mark.parametrize(("text", "expected"), COPIES)
def test_files_go_where_docker_puts_them(tmp_path, text, expected):
    """A directory's files are copied, not the directory itself; a file goes into a directory, or to the given path."""
    for name in ("a", "d/b", "d/e/c", "e/f", "with blank"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert files(tmp_path, text) == expected


def test_files_that_dockerignore_includes_again_are_copied(tmp_path):
    """Their directory may itself be ignored. A directory in which no file is included again counts as missing."""
    for name in ("d/b", "d/c", "e/f"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text("*\n!d/b\n")
    assert files(tmp_path, "COPY d /x") == ["/x/b"]
    assert files(tmp_path, "COPY . /x") == ["/x/d/b"]
    assert refused(tmp_path, U + "COPY e /x")[0][0] == 2


def test_a_context_is_where_files_are_copied_from(tmp_path):
    """It is the directory of the Dockerfile unless another one is given."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("a")
    made = read(tmp_path, U + "COPY a /x", context=tmp_path / "sub")
    assert made.steps == ({"addFile": {"path": "/x", "source": str(tmp_path / "sub" / "a")}},)


def test_executable_files_stay_executable_without_a_warning(tmp_path):
    """Files are sent without modes, so a step of its own sets them."""
    (tmp_path / "bin").mkdir()
    for name in ("run.sh", "bin/it's"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o755)
    made = read(tmp_path, U + "COPY run.sh /x/\nCOPY bin /y")
    assert [step["run"] for step in made.steps if "run" in step] == [
        ["sudo chmod a+x /x/run.sh"],
        ["sudo chmod a+x '/y/it'\"'\"'s'"],
    ]
    assert list(prepare(made.declared()).warnings) == []


def test_a_lost_executable_bit_is_a_warning(tmp_path):
    """A chmod in an earlier step, or for other files, does not restore it."""
    (tmp_path / "run.sh").touch()
    (tmp_path / "run.sh").chmod(0o755)
    made = Manifest.base().run_commands("chmod +x /x/run.sh").add_local_file(tmp_path / "run.sh", "/x/run.sh")
    assert len(prepare(made.run_commands("chmod +x /y").declared()).warnings) == 1
    assert len(prepare(made.run_commands("sudo chmod +x /x/run.sh").declared()).warnings) == 0
