"""A secret is found in a text in whatever form it comes back, and in time that grows with the sizes alone."""

from __future__ import annotations

import base64
import html
import json
import re
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer.lifecycle.check import HashMemory, check
from pulumi_opencomputer.lifecycle.kinds import IMAGE
from pulumi_opencomputer.manifest.redaction import Redactor
from pulumi_opencomputer.manifest.secrets import Secrets

SECRET = "hunter2 'ü' <&\"\\/>\nCorrect+Horse=="

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "on one line": lambda text: " ".join(text.split()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 of more than it": lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
    "base64 in an address": lambda text: quote(base64.b64encode(text.encode())),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
    "hex of a dump": lambda text: text.encode().hex(" ", 2),
    "hex with colons": lambda text: text.encode().hex(":"),
    "percent": quote,
    "percent of a form": quote_plus,
    "percent of every byte": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent of percent": lambda text: quote(quote(text)),
    "HTML": html.escape,
    "HTML by numbers": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "HTML by hex numbers": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "JSON": json.dumps,
    "JSON as it is": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON as Go writes it": lambda text: json.dumps(text).replace("<", "\\u003c").replace("&", "\\u0026"),
    "Python": repr,
    "Python's bytes": lambda text: repr(text.encode()),
    "Python in ASCII": ascii,
    "bytes of a shell": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "octal bytes of a shell": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_secret_is_hidden_in_every_form(form: str, size: str) -> None:
    """However a server or a tool shows it, whole or cut, nothing of it is left."""
    values = [SECRET] if size == "small" else ["x" * 200_000 + SECRET + "y" * 200_000]
    shown = FORMS[form](SECRET)
    (text,) = Redactor(values).redact([f"E: ... {shown} ... failed"])
    before, hidden, after = re.split(r"(\[secret\].*\[secret\]|\[secret\])", text)
    # What stands around it may stay: a quotation mark, padding, other words.
    assert (before[:3], after[-7:]) == ("E: ", " failed")
    assert not set(before) - set("E: .'\"b\\dXNlcj"), text
    assert hidden == "[secret]"
    assert not set(after) - set(" failed.'\"\\=%3D"), text
    cut = shown[len(shown) // 5 : -len(shown) // 5]
    assert "[secret]" in Redactor(values).redact([f"E: {cut}"])[0]


def test_the_content_of_a_file_in_base64_is_hidden_as_what_it_is() -> None:
    """A manifest may carry it encoded, and a command prints it decoded."""
    (text,) = Redactor([base64.b64encode(b"hunter2-content").decode()]).redact(["cat: hunter2-content"])
    assert text == "cat: [secret]"


@pytest.mark.parametrize(
    "text", ["pip install pandas==2.2.3 failed: https://index.example/simple/pandas/", "a" * 50, "%41 \\n"]
)
def test_what_is_not_secret_stays(text: str) -> None:
    """In none of its readings does the text hold the secret."""
    assert Redactor([SECRET]).redact([text]) == [text]


def test_texts_that_are_searched_together_stay_apart() -> None:
    """Each keeps its place, and a secret does not reach from one into the next."""
    assert Redactor(["hunter2-hunter2", "q"]).redact(
        ["hunter2-hunter2", "", "x hunter2-h y", "q", "hunte", "r2-hu"]
    ) == [
        "[secret]",
        "",
        "x [secret] y",
        "[secret]",
        "hunte",
        "r2-hu",
    ]


@given(st.binary(min_size=6, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_long_piece_is_left_in_base64_or_hex(raw: bytes, before: str, after: str) -> None:
    """Also where the bytes are no text."""
    value = base64.b64encode(raw).decode()
    for encoded in (value, raw.hex()):
        (text,) = Redactor([value]).redact([f"{before} {encoded.rstrip('=')} {after}"])
        assert encoded.rstrip("=") not in text or not raw.strip()


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    """What looks like an escape, and is none, does no harm."""
    Redactor(["hunter2-hunter2"]).redact([text, text[::-1]])


def test_the_time_grows_with_the_sizes_and_not_with_their_product() -> None:
    """Four times the secrets and four times the text take about four times as long, and nowhere near sixteen."""

    def seconds(factor: int) -> float:
        values = [f"{number:x}" * 300 + str(number) for number in range(1000, 1000 + 300 * factor)]
        text = "step 1 (run) failed: no such file or directory; " * (50 * factor)
        best = 9.0
        for _ in range(3):
            began = time.process_time()
            Redactor(values).redact([text])
            best = min(best, time.process_time() - began)
        return best

    assert seconds(4) < seconds(1) * 8


def test_warnings_about_many_secrets_take_no_time() -> None:
    """A check of 600 secret values, each with a warning, is done at once."""
    steps = [{"env": {f"NAME_{number}": f"hunter2 $value-{number}-{'x' * 50}"}} for number in range(600)]
    inputs = {"manifest": {"base": "base", "steps": steps}, "secretPaths": ["manifest"]}

    began = time.process_time()
    checked = check(IMAGE, "", {}, inputs, HashMemory())
    assert time.process_time() - began < 2
    assert checked.problems == ()
    assert not [warning for warning in checked.warnings if "hunter2" in str(warning)]


def test_secrets_of_a_manifest_are_hidden_in_several_texts_at_once() -> None:
    """One text at a time gives the same."""
    secrets = Secrets({"steps": [{"run": [SECRET, "open"]}]}, ["steps[0].run[0]"])
    texts = [form(SECRET) for form in FORMS.values()]
    assert secrets.scrub_all(texts) == [secrets.scrub(text) for text in texts]
    assert Secrets({"steps": [{"run": [SECRET]}]}, ()).scrub_all(texts) == texts


def test_line_after_line_takes_no_time() -> None:
    """A build that prints thousands of lines has them searched for a large secret, each for itself."""
    secret = "".join(f"{number:x}-hunter2-" for number in range(60_000))
    redactor = Redactor([secret])
    began = time.process_time()
    for number in range(300):
        assert redactor.redact([f"line {number}: {secret[number * 40 : number * 40 + 60]}"])[0].endswith("[secret]")
        assert redactor.redact([f"line {number}"]) == [f"line {number}"]
    assert time.process_time() - began < 5
