"""Run the README's quickstart without an account, like a new user, in an empty folder: python tools/quickstart.py.

It runs the README's own code blocks in order. It changes what a reader would change by hand: the wheel is built here
instead of installed from the index, `--yes` is added, and the port is a free one. Pulumi's state and settings are also
kept in that folder, because `pulumi login --local` would write into the user's home, whatever HOME is.

It needs pulumi and python3 on PATH.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r"```(sh|python)\n(.*?)```", re.DOTALL)
_PUBLISHED = "pip install 'pulumi-opencomputer[emulator]'"
_LOGIN = "pulumi login --local"
_PORT = "8700"


def main() -> int:
    """Run the quickstart in a temporary folder; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="opencomputer-quickstart-") as folder:
        return run(Path(folder))


def run(folder: Path) -> int:
    """Run the quickstart in an empty folder; return the exit code."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "dist"), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    script = folder / "quickstart.sh"
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    script.write_text(script_of(text, folder / "dist", free_port()), encoding="utf-8")
    kept = ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY")
    environment = {name: value for name, value in os.environ.items() if name in kept or name.startswith("PIP_")}
    environment |= {"HOME": str(folder), "PULUMI_HOME": str(folder / "pulumi"), "CI": "true"}
    started = time.monotonic()
    code = subprocess.run(["bash", str(script)], cwd=folder, env=environment, check=False).returncode
    print(f"The quickstart {'failed' if code else 'reached its end'} after {time.monotonic() - started:.0f} s.")
    return code


def script_of(readme: str, wheels: Path, port: int) -> str:
    """Join the README's blocks up to the first deployment, and add commands that check the deployment."""
    section = readme.partition("## Quickstart")[2].partition("**With an account**")[0]
    (_, install), (_, program), (_, deploy) = _BLOCK.findall(section)
    wheel = re.search(r"pip install \"\$\(ls /path/to/[^`]*", section)
    assert wheel is not None
    assert _PUBLISHED in install
    install = install.replace(_PUBLISHED, wheel[0].replace("/path/to", shlex.quote(str(wheels))))
    deploy = deploy.replace("emulator >", f"emulator --port {port} >").replace(_PORT, str(port))
    assert deploy.rstrip().endswith("pulumi up")
    assert _LOGIN in deploy
    deploy = deploy.replace(_LOGIN, 'mkdir "$HOME/state"\npulumi login "file://$HOME/state"')
    return "\n".join(
        [
            "set -euo pipefail",
            "trap 'kill $(jobs -p) 2>/dev/null' EXIT",
            "export PULUMI_SKIP_UPDATE_CHECK=true",
            install,
            f"cat > __main__.py <<'END'\n{program}END",
            deploy.rstrip() + " --yes",
            '[ "$(pulumi stack output snapshot)" = toolchain ]',
            "pulumi up --yes --expect-no-changes",
            "pulumi destroy --yes",
        ]
    )


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
