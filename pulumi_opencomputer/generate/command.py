"""The commands ``generate`` and ``value``: help texts, arguments and implementation."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import in_environment_words, resolve, resolve_url
from ..errors import OpenComputerError
from ..sanitize import clean, excerpt
from .signals import EndedError, ended_by_signals

if TYPE_CHECKING:
    from ..lifecycle import Lifecycle
    from .folder import Folder
    from .moving_in import MovingIn
    from .resource import Resource, Wanted
    from .sensitive import Sensitive

_DONE, _FAILED, _REFUSED, _INCOMPLETE = 0, 1, 2, 3
_SIGNALLED = 128
_PROGRAMS = {"python": "__main__.py", "yaml": "Pulumi.yaml"}
_ABOUT = """\
Write a Pulumi program that declares the snapshots of an account, and the file with which `pulumi import` takes them
into a stack. Nothing is built, and nothing at the server is changed: the first `pulumi up` has no changes.

The key and the address come from the environment variables OPENCOMPUTER_API_KEY and OPENCOMPUTER_API_URL."""
_AFTER = """\
written into the folder:
  __main__.py, or Pulumi.yaml   the program; a Python program uses pulumi_opencomputer.native, so both need the plugin
  import.json                   for `pulumi import --file import.json`
  files/<resource>/             larger files, binary files, and directories

exit codes:
  0    everything is written
  1    nothing is written: the server can't be reached or refuses the request, nothing matches, or all is left out
  2    nothing is written: a file exists already, or the command line has a mistake
  3    written, but some records are left out, or the server does not list all; standard error says which, and why
  130  interrupted (129 and 143: by SIGHUP and SIGTERM); standard error says what is written

examples:
  pulumi-opencomputer generate --out sandboxes
  pulumi-opencomputer generate 'agents-*' base-tools --language yaml --out sandboxes"""
_VALUE_ABOUT = """\
Print one value of a snapshot's manifest and nothing else. `pulumi-opencomputer generate` prints commands that pass it
on to `pulumi config set --secret`, so that it appears neither on the screen nor in a file.

The key and the address come from the environment variables OPENCOMPUTER_API_KEY and OPENCOMPUTER_API_URL."""

#: Keyword arguments for the `generate` command's parser.
TEXTS: dict[str, Any] = {
    "description": _ABOUT,
    "epilog": _AFTER,
    "formatter_class": argparse.RawDescriptionHelpFormatter,
}
#: Keyword arguments for the `value` command's parser.
VALUE_TEXTS: dict[str, Any] = {
    "description": _VALUE_ABOUT,
    "formatter_class": argparse.RawDescriptionHelpFormatter,
}


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
    _add_allow_http(parser)
    parser.add_argument("--force", action="store_true", help="replace the files of an earlier run")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors on standard error")


def add_value_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``value``."""
    parser.add_argument("name", metavar="NAME", help="the snapshot's name")
    parser.add_argument("path", metavar="PATH", help="the value's path, such as manifest.steps[2].env.TOKEN")
    parser.add_argument("--image", action="store_true", help="NAME is the content hash of an image")
    _add_allow_http(parser)


def _add_allow_http(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-http",
        action="store_true",
        help="send the key unencrypted if the address begins with http: (for a server in a network that you trust)",
    )


def run(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Write a program, then exit the process with an exit code."""
    from .account import NothingMatchesError  # noqa: PLC0415 - not needed for --help
    from .folder import ExistsError, Folder  # noqa: PLC0415 - as above

    try:
        folder = Folder(given.out, _PROGRAMS[given.language], force=given.force)
    except ExistsError as error:
        parser.exit(_REFUSED, f"{clean(str(error))}\n")
    try:
        with ended_by_signals():
            code = _generate(given, folder)
    except (OpenComputerError, NothingMatchesError, OSError) as error:
        part = f" {folder.outcome}" if folder.placed else ""
        parser.exit(_FAILED, f"{clean(_worded(error))}{part}\n")
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, EndedError) else signal.SIGINT
        parser.exit(_SIGNALLED + number, f"Interrupted. {folder.outcome}\n")
    parser.exit(code)


def run_value(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Print one value of a manifest; exit the process if it fails."""
    from .value import value_of  # noqa: PLC0415 - as above

    lifecycle = _lifecycle(allow_http=given.allow_http)
    try:
        found = value_of(lifecycle, "Image" if given.image else "Snapshot", given.name, given.path)
        # As bytes, because the terminal's encoding may lack a letter.
        sys.stdout.buffer.write(f"{found}\n".encode())
        sys.stdout.flush()
    except (OpenComputerError, OSError) as error:
        parser.exit(_FAILED, f"{clean(_worded(error))}\n")
    except KeyboardInterrupt:
        parser.exit(_SIGNALLED + signal.SIGINT, "Interrupted.\n")
    finally:
        lifecycle.close()


def _worded(error: Exception) -> str:
    return in_environment_words(str(error)) if isinstance(error, OpenComputerError) else str(error)


def _generate(given: argparse.Namespace, folder: Folder) -> int:
    from .account import choose  # noqa: PLC0415 - as above
    from .moving_in import MovingIn  # noqa: PLC0415 - as above
    from .next_steps import next_steps  # noqa: PLC0415 - as above

    lifecycle = _lifecycle(allow_http=given.allow_http)
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
    for line in [*moving.notes, *left_out, *choice.unlisted]:
        _say(line)
    if not resources:
        _say(f"Nothing is written: {'all is left out' if left_out else 'the account has nothing to take over'}.")
        return _FAILED
    _warn_of_plugin(folder)
    is_bare = given.language == "python" and not _is_environment_active()
    program = _PROGRAMS[given.language]
    print(next_steps(resources, folder, program, is_bare=is_bare, allow_http=given.allow_http))  # noqa: T201
    return _INCOMPLETE if left_out or choice.unlisted else _DONE


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


def _is_environment_active() -> bool:
    """Tell whether Pulumi would run a Python program in the environment of this command; not so after pipx install."""
    active = os.environ.get("VIRTUAL_ENV")
    return bool(active) and Path(active or "").resolve() == Path(sys.prefix).resolve()


def _warn_of_plugin(folder: Folder) -> None:
    """Warn if the plugin is missing, before the user copies the commands that need it."""
    from ..program.plugin_check import plugin_advice  # noqa: PLC0415 - as above

    advice = plugin_advice(os.environ, folder.path.resolve(), Path(sysconfig.get_path("scripts")))
    if advice:
        _say(advice)


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


def _lifecycle(*, allow_http: bool) -> Lifecycle:
    from ..lifecycle import Lifecycle  # noqa: PLC0415 - as above

    settings = {"allowHttp": "true" if allow_http else None}
    return Lifecycle(lambda: resolve(settings, os.environ), lambda: resolve_url(settings, os.environ))


def _say(line: str) -> None:
    print(" ".join(clean(line).split("\n")), file=sys.stderr)  # noqa: T201 - the command's messages


def _number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number
