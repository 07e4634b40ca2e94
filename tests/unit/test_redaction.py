"""A secret is found in a text in whatever encoding it comes back, in time that is linear in both sizes."""

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
    """However a server or a tool shows it, complete or cut, nothing of it is left."""
    values = [SECRET] if size == "small" else ["x" * 200_000 + SECRET + "y" * 200_000]
    shown = FORMS[form](SECRET)
    (text,) = Redactor(values).redact([f"E: ... {shown} ... failed"])
    before, hidden, after = re.split(r"(\[secret\].*\[secret\]|\[secret\])", text)
    # Other text around it may stay: a quotation mark, padding, words.
    assert (before[:3], after[-7:]) == ("E: ", " failed")
    assert not set(before) - set("E: .'\"b\\dXNlcj"), text
    assert hidden == "[secret]"
    assert not set(after) - set(" failed.'\"\\=%3D"), text
    cut = shown[len(shown) // 5 : -len(shown) // 5]
    assert "[secret]" in Redactor(values).redact([f"E: {cut}"])[0]


def test_the_decoded_content_of_a_base64_file_is_hidden() -> None:
    """A manifest may have it in base64, and a command may print the decoded content."""
    (text,) = Redactor([base64.b64encode(b"hunter2-content").decode()]).redact(["cat: hunter2-content"])
    assert text == "cat: [secret]"


@pytest.mark.parametrize(
    "text", ["pip install pandas==2.2.3 failed: https://index.example/simple/pandas/", "a" * 50, "%41 \\n"]
)
def test_text_without_a_secret_is_unchanged(text: str) -> None:
    """The text does not contain the secret in any decoding."""
    assert Redactor([SECRET]).redact([text]) == [text]


def test_texts_that_are_searched_together_stay_separate() -> None:
    """Each is returned in its place, and no secret is found across two of them."""
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
    """This holds even if the bytes are not UTF-8."""
    value = base64.b64encode(raw).decode()
    for encoded in (value, raw.hex()):
        (text,) = Redactor([value]).redact([f"{before} {encoded.rstrip('=')} {after}"])
        assert encoded.rstrip("=") not in text or not raw.strip()


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    """Something that looks like an escape sequence, but is invalid, is no error."""
    Redactor(["hunter2-hunter2"]).redact([text, text[::-1]])


def test_the_time_grows_with_the_sizes_and_not_with_their_product() -> None:
    """Four times the secrets and four times the text take about four times as long, far from sixteen times."""

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


def test_warnings_about_many_secrets_are_fast() -> None:
    """A check of 600 secret values, each with a warning, takes less than two seconds."""
    steps = [{"env": {f"NAME_{number}": f"hunter2 $value-{number}-{'x' * 50}"}} for number in range(600)]
    inputs = {"manifest": {"base": "base", "steps": steps}, "secretPaths": ["manifest"]}

    began = time.process_time()
    checked = check(IMAGE, "", {}, inputs, HashMemory())
    assert time.process_time() - began < 2
    assert checked.problems == ()
    assert not [warning for warning in checked.warnings if "hunter2" in str(warning)]


def test_secrets_of_a_manifest_are_hidden_in_several_texts_at_once() -> None:
    """The result is the same as for one text at a time."""
    secrets = Secrets({"steps": [{"run": [SECRET, "open"]}]}, ["steps[0].run[0]"])
    texts = [form(SECRET) for form in FORMS.values()]
    assert secrets.scrub_all(texts) == [secrets.scrub(text) for text in texts]
    assert Secrets({"steps": [{"run": [SECRET]}]}, ()).scrub_all(texts) == texts


def test_many_lines_are_searched_fast() -> None:
    """Each of the thousands of lines of a build is searched by itself for a large secret."""
    secret = "".join(f"{number:x}-hunter2-" for number in range(60_000))
    redactor = Redactor([secret])
    began = time.process_time()
    for number in range(300):
        assert redactor.redact([f"line {number}: {secret[number * 40 : number * 40 + 60]}"])[0].endswith("[secret]")
        assert redactor.redact([f"line {number}"]) == [f"line {number}"]
    assert time.process_time() - began < 5
