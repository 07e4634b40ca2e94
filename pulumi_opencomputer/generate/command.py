"""The commands ``generate`` and ``value``: help texts, arguments and implementation."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OpenComputerError
from ..sanitize import clean, excerpt

if TYPE_CHECKING:
    from ..lifecycle import Lifecycle
    from .folder import Folder
    from .moving_in import MovingIn
    from .resource import Resource, Wanted
    from .sensitive import Sensitive

_DONE, _FAILED, _REFUSED, _INCOMPLETE, _INTERRUPTED = 0, 1, 2, 3, 130
_PROGRAMS = {"python": "__main__.py", "yaml": "Pulumi.yaml"}

_ABOUT = """\
Write a Pulumi program that declares the snapshots of an account, and the file with which `pulumi import` takes them
into a stack. Nothing is built, and nothing at the server is changed: the first `pulumi up` has no changes.

The key and the address come from OPENCOMPUTER_API_KEY and OPENCOMPUTER_API_URL."""
_AFTER = """\
written into the folder:
  __main__.py, or Pulumi.yaml   the program; a Python program uses pulumi_opencomputer.native, so both need the plugin
  import.json                   for `pulumi import --file import.json`
  files/<resource>/             larger files, binary files, and directories

exit codes:
  0    everything is written
  1    nothing is written: the server can't be reached or refuses the request, or a pattern matches nothing
  2    nothing is written: a file exists already, or the command line has a mistake
  3    written, but some records are left out; standard error says which, and why
  130  interrupted; nothing is written

examples:
  pulumi-opencomputer generate --out sandboxes
  pulumi-opencomputer generate 'agents-*' base-tools --language yaml --out sandboxes"""
_VALUE_ABOUT = """\
Print one value of a snapshot's manifest and nothing else. Pipe it into `pulumi config set --secret`, so that it appears
neither on the screen nor in a file."""

#: Keyword arguments for the `generate` command's parser.
TEXTS: dict[str, Any] = {
    "description": _ABOUT,
    "epilog": _AFTER,
    "formatter_class": argparse.RawDescriptionHelpFormatter,
}
#: Keyword arguments for the `value` command's parser.
VALUE_TEXTS: dict[str, Any] = {"description": _VALUE_ABOUT}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``generate``."""
    parser.add_argument(
        "patterns",
        nargs="*",
        metavar="NAME",
        help="snapshots to take, by name or by a pattern with *, ? and [...] (default: all not made by Pulumi)",
    )
    parser.add_argument(
        "--language", choices=sorted(_PROGRAMS), default="python", help="the program's language (default: %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="FOLDER", help="where to write (default: the working directory)"
    )
    parser.add_argument("--images", action="store_true", help="also take images that have no named snapshot")
    parser.add_argument(
        "--inline-bytes",
        type=_number,
        default=1000,
        metavar="N",
        help="the largest text file that stays in the program (default: %(default)s)",
    )
    parser.add_argument(
        "--secrets",
        choices=("ask", "config", "clear"),
        help="what to do with values that look like secrets: ask about each, put all into the stack's configuration, "
        "or write all as plain text (default: ask on a terminal, else config)",
    )
    parser.add_argument("--force", action="store_true", help="replace the files of an earlier run")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors on standard error")


def add_value_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``value``."""
    parser.add_argument("name", metavar="NAME", help="the snapshot's name")
    parser.add_argument("path", metavar="PATH", help="the value's path, such as manifest.steps[2].env.TOKEN")
    parser.add_argument("--image", action="store_true", help="NAME is the content hash of an image")


def run(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Write a program, then exit the process with an exit code."""
    from .account import NothingMatchesError  # noqa: PLC0415 - not needed for --help
    from .folder import ExistsError, Folder  # noqa: PLC0415 - as above

    try:
        parser.exit(_generate(given, Folder(given.out, _PROGRAMS[given.language], force=given.force)))
    except ExistsError as error:
        parser.exit(_REFUSED, f"{error}\n")
    except (OpenComputerError, NothingMatchesError, OSError) as error:
        parser.exit(_FAILED, f"{clean(str(error))}\n")
    except KeyboardInterrupt:
        parser.exit(_INTERRUPTED, "Interrupted; nothing is written.\n")


def run_value(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Print one value of a manifest; exit the process if it fails."""
    from .value import value_of  # noqa: PLC0415 - as above

    lifecycle = _lifecycle()
    try:
        print(value_of(lifecycle, "Image" if given.image else "Snapshot", given.name, given.path))  # noqa: T201
    except OpenComputerError as error:
        parser.exit(_FAILED, f"{clean(str(error))}\n")
    finally:
        lifecycle.close()


def _generate(given: argparse.Namespace, folder: Folder) -> int:
    from .account import choose  # noqa: PLC0415 - as above
    from .moving_in import MovingIn  # noqa: PLC0415 - as above

    lifecycle = _lifecycle()
    try:
        choice = choose(lifecycle, given.patterns, images=given.images)
        left_out = list(choice.left_out)
        with folder.staging() as staging:
            moving = MovingIn(lifecycle, staging, given.inline_bytes, _chooser(given))
            resources = _resources(moving, choice.wanted, left_out, quiet=given.quiet)
            if resources:
                _write(resources, staging, folder, given.language)
    finally:
        lifecycle.close()
    for line in [*moving.notes, *left_out]:
        _say(line)
    if choice.is_cut:
        _say("The server lists only its 200 newest snapshots. To take older ones too, give their names.")
    if not resources:
        _say("Nothing is written: there is nothing to take over.")
        return _INCOMPLETE if left_out else _DONE
    _warn_of_plugin(folder)
    _tell_what_is_next(resources, folder, given.language)
    return _INCOMPLETE if left_out or choice.is_cut else _DONE


def _resources(moving: MovingIn, wanted: Sequence[Wanted], left_out: list[str], *, quiet: bool) -> list[Resource]:
    from .account import LeftOutError, fetch  # noqa: PLC0415 - as above

    resources = []
    for number, each in enumerate(wanted, 1):
        if not quiet:
            _say(f"[{number}/{len(wanted)}] {each.id}")
        try:
            resources.append(moving.add(each, fetch(moving.lifecycle, each)))
        except LeftOutError as error:
            left_out.append(f"{each.id}: left out: {error}")
    return resources


def _write(resources: Sequence[Resource], staging: Path, folder: Folder, language: str) -> None:
    from .folder import IMPORT_FILE  # noqa: PLC0415 - as above
    from .python_program import python_program  # noqa: PLC0415 - as above
    from .yaml_program import yaml_program  # noqa: PLC0415 - as above

    if language == "yaml":
        texts = {"Pulumi.yaml": yaml_program(resources, folder.project)}
    else:
        texts = {"__main__.py": python_program(resources)}
        around = {
            "Pulumi.yaml": f"name: {folder.project}\nruntime: python\n",
            "requirements.txt": "pulumi>=3.259,<4\npulumi-opencomputer\n",
        }
        texts |= {name: around[name] for name in folder.missing(list(around))}
    provider = _provider() if language == "python" else {}
    entries = [{**resource.import_entry, **provider} for resource in resources if resource.is_imported]
    texts[IMPORT_FILE] = json.dumps({"resources": entries}, indent=2, ensure_ascii=False) + "\n"
    for name, text in texts.items():
        (staging / name).write_text(text, encoding="utf-8", newline="\n")


def _provider() -> dict[str, str]:
    """Return the plugin's version and address for the import file: the same as the package's classes ask for."""
    from ..about import plugin_download_url, version  # noqa: PLC0415 - as above

    return {"version": version(), **({"pluginDownloadURL": plugin_download_url()} if plugin_download_url() else {})}


def _tell_what_is_next(resources: Sequence[Resource], folder: Folder, language: str) -> None:
    files = sum(1 for file in (folder.path / "files").rglob("*") if file.is_file())
    beside = f" and {files} files beside it" if files else ""
    lines = [
        f"{len(resources)} resources are in {folder.path / _PROGRAMS[language]}{beside}. Next:",
        "",
        f"  cd {shlex.quote(str(folder.path))}",
        "  pulumi stack init dev",
        *(f"  {command}" for resource in resources for command in _secret_commands(resource)),
        "  pulumi import --file import.json --generate-code=false --protect=false",
        "  pulumi up",
    ]
    print("\n".join(lines))  # noqa: T201 - the command's output


def _warn_of_plugin(folder: Folder) -> None:
    """Warn if the plugin is missing, before the user copies the commands that need it."""
    from ..program.plugin_check import plugin_advice  # noqa: PLC0415 - as above

    advice = plugin_advice(os.environ, folder.path.resolve(), Path(sysconfig.get_path("scripts")))
    if advice:
        _say(advice)


def _secret_commands(resource: Resource) -> list[str]:
    """Return the commands that put each secret into the stack's configuration without showing it."""
    flag = " --image" if resource.kind == "Image" else ""
    name = shlex.quote(resource.id)
    return [
        f"pulumi-opencomputer value{flag} -- {name} {shlex.quote(secret.path)} | "
        f"pulumi config set --secret {secret.key}"
        for secret in resource.secrets
    ]


def _chooser(given: argparse.Namespace) -> Any:
    way = given.secrets or ("ask" if sys.stdin.isatty() and sys.stderr.isatty() else "config")

    def choose(name: str, found: Sequence[Sensitive]) -> Sequence[Sensitive]:
        if way == "clear":
            return ()
        return [each for each in found if way == "config" or _is_secret(name, each)]

    return choose


def _is_secret(name: str, found: Sensitive) -> bool:
    question = f"{name}: {excerpt(found.what)} looks like a secret. Keep it in the stack's configuration? [Y/n] "
    sys.stderr.write(question)
    sys.stderr.flush()
    answer = sys.stdin.readline()
    # Only an explicit no writes the value as plain text. At the end of the input the answer is empty, which means yes.
    return answer.strip().lower() not in ("n", "no")


def _lifecycle() -> Lifecycle:
    from ..config import resolve, resolve_url  # noqa: PLC0415 - as above
    from ..lifecycle import Lifecycle  # noqa: PLC0415 - as above

    return Lifecycle(lambda: resolve({}, os.environ), lambda: resolve_url({}, os.environ))


def _say(line: str) -> None:
    print(" ".join(clean(line).split("\n")), file=sys.stderr)  # noqa: T201 - the command's messages


def _number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number
