"""The content hash compared to that of Go's encoding/json, over many generated manifests."""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from amounts import MANIFESTS
from pulumi_opencomputer.content.hashing import ManifestEncodingError, content_hash
from pulumi_opencomputer.emulator.go_decoding import decoded, parse_json

pytestmark = pytest.mark.tools

TESTS = Path(__file__).parents[1]

CHARACTERS = [
    *map(chr, range(0x20)),
    *" \"\\/<>&'`$abkKsSzZ019_-.\x7f\x80\x85\x9f\xa0éßÄ\u017f\u212a\u0130\u0131",
    *"\u2027\u2028\u2029\u202a\ud7ff\ue000\ufb05\ufeff\ufffd\ufffe\uffff",
    *"\U00010000\U0001f40d\U0010ffff\u0301日本",
]
STRINGS = [
    "",
    "null",
    "-0",
    "\ud800",
    "\udfff",
    "a\ud83d",
    "\udc0d\ud83d",
    "\ud83d\ud83d\udc0d",
    "\u0000",
    "x" * 5000,
]
NUMBERS = [
    *["0", "-0", "1", "-1", "1.0", "-0.0", "0e5", "-0E-5", "1e2", "1E+2", "1.50", "100", "123456789e13"],
    *["1e20", "1e21", "999999999999999999999", "1.5e21", "1e-5", "1e-6", "9.999999999999999e-7", "1e-7"],
    *["1e-10", "5e-324", "2e-324", "1e-400", "-1e-400", "2.2250738585072011e-308", "1e-99", "1e-100", "1e99"],
    *["1.7976931348623157e308", "1.7976931348623158e308", "9007199254740993", "9007199254740992.5"],
    *[
        "123456789012345678901234567890",
        "0.1",
        "0.30000000000000004",
        "33.333333333333336",
        "1e15",
        "1e16",
        "1e17",
    ],
    *["18446744073709551615", "9223372036854775807", "179769313486231570" + "0" * 291, "5" * 200],
]
REFUSED_NUMBERS = ["1e309", "-1e400", "1.8e308", "9" * 400, "-" + "9" * 5000]
FIELDS = {
    "base": ["base", "Base", "BASE", "ba\u017fe", "basé", "base "],
    "steps": ["steps", "Steps", "STEPS", "\u017ftep\u017f", "\ufb05eps", "step"],
    "type": ["type", "Type", "tYPE", "typ\u0435"],
    "args": ["args", "Args", "ARGS", "arg\u017f", "arg"],
}


class Generator:
    """Generates manifests as JSON text, most of them valid, from a seeded random source."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def space(self) -> str:
        return self.random.choice([" ", "\t", "\r", "  "]) if self.chance(0.05) else ""

    def text(self) -> str:
        if self.chance(0.1):
            return self.random.choice(STRINGS)
        some = self.random.choices(CHARACTERS, k=self.random.randrange(8))
        some += [chr(self.random.randrange(0x20, 0xD800)) for _ in range(self.random.randrange(3))]
        self.random.shuffle(some)
        return "".join(some)

    def string(self, text: str | None = None) -> str:
        """Write a string as JSON, with all non-ASCII characters escaped, or only the required ones."""
        text = self.text() if text is None else text
        raw = self.chance(0.5) and text.isprintable() and text.encode(errors="replace").decode() == text
        quoted = json.dumps(text, ensure_ascii=not raw)
        return quoted.replace("/", "\\/") if self.chance(0.1) else quoted

    def number(self) -> str:
        kind = self.random.randrange(5)
        if kind == 0:
            return str(self.random.randint(-(10**25), 10**25) // 10 ** self.random.randrange(26))
        if kind == 1:
            return repr(self.random.uniform(-1, 1) * 10.0 ** self.random.randrange(-320, 308))
        if kind == 2:
            return f"{self.random.uniform(-1e6, 1e6):.{self.random.randrange(20)}e}"
        if self.chance(0.004):
            return self.random.choice(REFUSED_NUMBERS)
        return self.random.choice(NUMBERS)

    def value(self, depth: int = 0) -> str:
        kind = self.random.randrange(10 if depth < 4 else 7)
        if kind < 4:
            return self.string()
        if kind < 6:
            return self.number()
        if kind == 6:
            return self.random.choice(["null", "true", "false"])
        if kind == 7:
            return self.array([self.value(depth + 1) for _ in range(self.random.randrange(4))])
        return self.map(depth + 1)

    def map(self, depth: int = 0) -> str:
        keys = [self.random.choice(["a", "b", "args", "\ud800", self.text()]) for _ in range(self.random.randrange(6))]
        return self.members([(key, self.value(depth)) for key in keys])

    def array(self, values: list[str]) -> str:
        return "[" + self.space() + ("," + self.space()).join(values) + self.space() + "]"

    def members(self, members: list[tuple[str, str]]) -> str:
        spelled = (f"{self.string(key)}{self.space()}:{self.space()}{value}" for key, value in members)
        return "{" + self.space() + ("," + self.space()).join(spelled) + self.space() + "}"

    def struct(self, fields: dict[str, Callable[[], str]]) -> str:
        """Write an object whose known keys may be missing, repeated, null, or in different case."""
        members = []
        for field, value in fields.items():
            for _ in range(self.random.choice([0, 2, 2, 3]) if self.chance(0.15) else 1):
                key = self.random.choice(FIELDS[field]) if self.chance(0.15) else field
                members.append((key, self.odd() if self.chance(0.03) else value()))
        if self.chance(0.1):
            members.append((self.text(), self.value()))
        if self.chance(0.3):
            self.random.shuffle(members)
        return self.members(members)

    def odd(self) -> str:
        return self.random.choice(["null", "null", "null", "null", "{}", "[]", self.value()])

    def step(self) -> str:
        return self.odd() if self.chance(0.02) else self.struct({"type": self.string, "args": self.map})

    def steps(self) -> str:
        return self.array([self.step() for _ in range(self.random.randrange(5))])

    def manifest(self) -> bytes:
        text = self.odd() if self.chance(0.005) else self.struct({"base": self.string, "steps": self.steps})
        raw = bytearray(text.encode())
        while self.chance(0.03):
            # The result is no longer UTF-8, and often no longer JSON.
            raw[self.random.randrange(len(raw))] = self.random.randrange(0x80, 0x100)
        return bytes(raw)


@pytest.fixture(scope="module")
def go_hashes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[bytes]], list[str]]:
    """Return a function that asks the Go program for the hashes of many manifests."""
    go = shutil.which("go")
    if go is None and not os.environ.get("CI"):
        pytest.skip("Go is not installed; the content hash is not compared to encoding/json's")
    assert go is not None, "on CI the content hash must be compared to Go's: install Go"
    program = tmp_path_factory.mktemp("go") / "contenthash"
    subprocess.run(
        [go, "build", "-buildvcs=false", "-o", program, "."], cwd=TESTS / "golang" / "contenthash", check=True
    )

    def ask(lines: list[bytes]) -> list[str]:
        done = subprocess.run(
            [program], input=b"".join(line + b"\n" for line in lines), capture_output=True, check=True
        )
        return done.stdout.decode().split()

    return ask


def our_hash(line: bytes) -> str:
    try:
        return content_hash(decoded(parse_json(line)))
    except ValueError:
        return "error"


def short_integer(digits: str) -> int:
    # Python refuses to convert more than 4,300 digits to an int.
    return int(digits[:400])


def test_generated_manifests_hash_as_in_go(go_hashes):
    """Every generated manifest has the hash that Go computes, or is refused if Go refuses it."""
    generator = Generator(seed=20_260_801)
    lines = [generator.manifest() for _ in range(MANIFESTS)]
    expected = go_hashes(lines)
    wrong = [line for line, answer in zip(lines, expected, strict=True) if our_hash(line) != answer]
    assert wrong == []
    refused = expected.count("error")
    assert MANIFESTS / 50 < refused < MANIFESTS / 4
    assert len(set(expected)) > MANIFESTS * 0.7


def test_values_of_a_program_hash_as_in_go(go_hashes):
    """A manifest that a program holds as values, not as text, has the hash that Go computes for its JSON."""
    generator = Generator(seed=7)
    steps = [
        {"type": generator.text(), "args": json.loads(generator.map(), parse_int=short_integer)} for _ in range(2_000)
    ]
    manifests = [{"base": "base", "steps": [step, step]} for step in steps]
    expected = go_hashes([json.dumps(manifest).encode() for manifest in manifests])
    for manifest, answer in zip(manifests, expected, strict=True):
        try:
            found = content_hash(manifest)
        except ManifestEncodingError:
            found = "error"
        assert found == answer, manifest


def test_random_floats_are_written_as_in_go(go_hashes):
    """Floats of all magnitudes are written in the same digits as in Go."""
    chance = random.Random(1)
    numbers = [chance.choice((1, -1)) * chance.uniform(1, 10) * 10.0**e for e in range(-307, 308) for _ in range(40)]
    numbers += [2.0**e for e in range(-1074, 1024)] + [10.0**e for e in range(-323, 309)]
    lines = [json.dumps({"steps": [{"args": {"n": numbers[i : i + 50]}}]}).encode() for i in range(0, len(numbers), 50)]
    assert [our_hash(line) for line in lines] == go_hashes(lines)


def test_go_computes_the_servers_hash_for_each_vector(go_hashes):
    """The Go program computes the server's hash for each vector, so the other comparisons with it are meaningful."""
    cases = json.loads((TESTS / "vectors" / "content_hash.json").read_text())["cases"]
    lines = [case["json"].replace("\n", " ").encode() for case in cases]
    assert go_hashes(lines) == [case["hash"] for case in cases]
