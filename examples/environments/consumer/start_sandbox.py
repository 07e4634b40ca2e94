"""Start a sandbox from a snapshot, with OpenComputer's own SDK: python start_sandbox.py NAME."""

import asyncio
import sys

from opencomputer import Sandbox


async def main(name: str) -> None:
    sandbox = await Sandbox.create(snapshot=name)
    print(f"sandbox {sandbox.sandbox_id} runs from {name}")
    await sandbox.kill()
    await sandbox.close()


asyncio.run(main(sys.argv[1]))
