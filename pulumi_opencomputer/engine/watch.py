"""Notice that the engine is gone: an engine that is killed does not tell its providers."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .log import ENGINE_OPTIONS


def when_gone(address: str, then: Callable[[], object]) -> None:
    """Call a function in a separate thread once the engine can't be reached any more.

    Args:
        address: The engine's gRPC address. If it is never reached, nothing is called.
        then: The function.
    """
    threading.Thread(target=_watch, args=(address, then), name="engine-watch", daemon=True).start()


def _watch(address: str, then: Callable[[], object]) -> None:
    import grpc  # noqa: PLC0415 - a program that only declares resources never loads it

    changed = threading.Condition()
    states: list[grpc.ChannelConnectivity] = []

    def note(state: grpc.ChannelConnectivity) -> None:
        with changed:
            states.append(state)
            changed.notify_all()

    def wait_for(*wanted: grpc.ChannelConnectivity) -> grpc.ChannelConnectivity:
        with changed:
            changed.wait_for(lambda: states and states[-1] in wanted)
            return states[-1]

    kinds = grpc.ChannelConnectivity
    with grpc.insecure_channel(address, options=ENGINE_OPTIONS) as channel:
        channel.subscribe(note, try_to_connect=True)
        wait_for(kinds.READY)
        while wait_for(kinds.IDLE, kinds.TRANSIENT_FAILURE) is kinds.IDLE:
            # The connection was closed: the engine has ended, or nothing was sent for a long time. Reconnect to see.
            states.clear()
            channel.unsubscribe(note)
            channel.subscribe(note, try_to_connect=True)
    then()
