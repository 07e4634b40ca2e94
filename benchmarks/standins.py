"""Stand-in processes for the engine and the API: ``python -m benchmarks.standins engine`` or ``server COUNT``.

Each prints its port, serves until its standard input is closed, then prints what it saw, with times, as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .work.log_lines import PERIOD, messages


def engine() -> None:
    """Receive log lines; record the text of each and its time of arrival."""
    import grpc  # noqa: PLC0415 - the other one does without
    from google.protobuf import empty_pb2  # noqa: PLC0415
    from pulumi.runtime.proto import engine_pb2_grpc  # noqa: PLC0415

    seen: list[tuple[str, float]] = []

    class Engine(engine_pb2_grpc.EngineServicer):
        def Log(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - named by gRPC
            seen.append((request.message, time.monotonic()))
            return empty_pb2.Empty()

    server = grpc.server(ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(None).wait()
    print(json.dumps(seen))


def server(count: int) -> None:
    """Respond to a build with a stream of that many events, one every 20 ms; record when each was sent."""
    times: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for message in messages(count // 2):
                times.append(time.monotonic())
                self._send("build_log", {"step": 1, "type": "apt_install", "message": message})
                time.sleep(max(0.0, times[0] + PERIOD * len(times) - time.monotonic()))
            self._send("error", {"error": "image build failed: image build failed: the end"})

        def _send(self, event: str, data: dict[str, Any]) -> None:
            self.wfile.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever).start()
        print(http.server_port, flush=True)
        sys.stdin.read()
        http.shutdown()
    print(json.dumps(times))


if __name__ == "__main__":
    engine() if sys.argv[1] == "engine" else server(int(sys.argv[2]))
