"""Each `pulumi` command on a page exists in the CLI, with its options."""

from __future__ import annotations

import os
import re
import subprocess
from functools import lru_cache

from snippets import snippets


@lru_cache
def _help(path: str, *command: str) -> str:
    """Return the CLI's help for a command, or "" if there is no such command."""
    ran = subprocess.run(
        ["pulumi", *command, "--help"],
        env={**os.environ, "PATH": path, "PULUMI_SKIP_UPDATE_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.stdout if ran.returncode == 0 and f"pulumi {' '.join(command)}" in ran.stdout else ""


def _commands() -> set[tuple[str, ...]]:
    """Return the words of each command line, up to a comment or to shell syntax such as a pipe."""
    text = "\n".join(snippet.text for snippet in snippets("sh"))
    return {tuple(found[1].split()) for found in re.finditer(r"(?<![\w./-])pulumi +([^|;&#)\n]+)", text)}


def test_documented_pulumi_commands_are_there_with_their_options(tools: str) -> None:
    """The longest prefix known to the CLI is the command; words that begin with two dashes must be in its help."""
    path = tools + os.pathsep + os.environ["PATH"]
    commands = _commands()
    assert len(commands) > 15
    wrong = []
    for words in sorted(commands):
        depth = next((size for size in (3, 2, 1) if len(words) >= size and _is_command(path, words[:size])), 0)
        text = _help(path, *words[:depth])
        options = [word.partition("=")[0] for word in words if word.startswith("--")]
        if not depth or [option for option in options if not re.search(rf"{re.escape(option)}\b", text)]:
            wrong.append(" ".join(words))
    assert wrong == []


def _is_command(path: str, words: tuple[str, ...]) -> bool:
    # If a word is not a subcommand, the CLI prints the help of the command before it.
    return all(re.fullmatch(r"[a-z-]+", word) for word in words) and bool(
        re.search(rf"^  pulumi {' '.join(words)}( |$)", _help(path, *words), re.MULTILINE)
    )
