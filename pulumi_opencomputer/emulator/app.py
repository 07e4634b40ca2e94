"""An emulator as an ASGI app. A request passes the request log, the faults, the edge and the control plane in order."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from .access import Keys, header
from .builder import Builder
from .clock import Clock
from .control import PREFIX, Control
from .control_plane import ControlPlane
from .edge.app import Edge
from .edge.index import Index
from .faults.exchange import TRANSPORT_SEND
from .faults.middleware import Faults
from .guard import HEALTH, Guard
from .middleware import RequestLog
from .options import Options
from .seed import plant, read_seed
from .store import Store


def create_app(options: Options) -> ASGIApp:
    """Return an emulator as an ASGI app. It opens its databases immediately and closes them when the lifespan ends."""
    return _Emulator(options)


class _Emulator:
    def __init__(self, options: Options) -> None:
        keys = Keys(options.api_keys)
        clock = Clock(options.clock_skew_seconds)
        faults = Faults(options.faults, clock)
        self._guard = Guard(keys, options.allowed_hosts)
        self._seed = read_seed(options.seed) if options.seed else ()
        self._organisation = keys.organisation(options.api_keys[0].encode()) or ""
        self._store = Store(options.data, clock, ideal=options.ideal)
        builder = Builder(options, self._store, clock, faults.of_build)
        server: ASGIApp = ControlPlane(options, self._store, builder, clock, keys)
        self._index = Index(options.data, options.edge, clock) if options.edge else None
        edge = None
        if options.edge and self._index:
            self._store.listener = self._index.hear
            server = edge = Edge(server, self._index, keys, strict=options.edge.strict)
        faults.app = server
        self._log = RequestLog(faults, clock)
        self._control = Control(
            self._store,
            builder,
            clock,
            faults,
            self._log,
            edge=(edge, self._index) if edge and self._index else None,
            guard=self._guard,
            replant=self._plant,
        )
        self._plant()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        own = scope["path"].startswith(PREFIX) or scope["path"] == HEALTH or self._is_for_page(scope)
        await (self._control if own else self._log)({**scope, TRANSPORT_SEND: send}, receive, send)

    def _is_for_page(self, scope: Scope) -> bool:
        # Clients that don't ask for HTML get the same response as from the real server.
        asks = scope["path"] == "/" and scope["method"] == "GET" and b"text/html" in header(scope, b"accept")
        return asks and self._guard.knows_name(scope)

    def _plant(self) -> None:
        # Suspend the lag, so that the edge shows these snapshots from the start.
        if self._index:
            self._index.lag, lag = (0.0, 0.0), self._index.lag
        plant(self._store, self._organisation, self._seed)
        if self._index:
            self._index.lag = lag

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        self._store.close()
        if self._index:
            self._index.close()
        await send({"type": "lifespan.shutdown.complete"})
