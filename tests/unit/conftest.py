"""Settings of the unit tests, and a mock of the engine that runs programs."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pulumi
import pytest
from hypothesis import settings
from pulumi.runtime import mocks as pulumi_mocks

from amounts import EXAMPLES, SOAKING
from server_shell import Shell

# A test must not fail because the machine is busy.
settings.register_profile("unit", deadline=None, max_examples=EXAMPLES, derandomize=not SOAKING)
settings.load_profile("unit")


class Engine(pulumi_mocks.Mocks):
    """Records the inputs each resource is registered with, and returns them as its outputs."""

    def __init__(self):
        self.types, self.inputs, self.hidden = {}, {}, {}

    def new_resource(self, args):
        self.types[args.name] = args.typ
        # Keys that begin with two underscores are not properties of the resource: one holds the pickled provider.
        self.inputs[args.name] = {key: value for key, value in args.inputs.items() if not key.startswith("__")}
        self.hidden[args.name] = {key: value for key, value in args.inputs.items() if key.startswith("__")}
        return args.name, {**args.inputs, "contentHash": "0" * 64}

    def call(self, args):
        return {}


@pytest.fixture
def loops():
    """An event loop for the program, and one for each thread in which the mock responds; all are closed at the end."""
    made = []

    def new_loop():
        made.append(asyncio.new_event_loop())
        asyncio.set_event_loop(made[-1])

    new_loop()
    with ThreadPoolExecutor(4, initializer=new_loop) as pool:
        made[0].set_default_executor(pool)
        yield
    for loop in made:
        loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def run(loops):
    """A function that runs a program against the mock, and returns the engine with what the program registered."""

    def run(program) -> Engine:
        engine = Engine()
        pulumi.runtime.set_mocks(engine, project="project", stack="dev", preview=False)
        pulumi.runtime.test(program)()
        return engine

    return run


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> Shell:
    """The server's shell, with stand-ins for its tools."""
    return Shell(tmp_path_factory.mktemp("shell"))
