import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import LazySettings


class ReportHost:
    """A host of reports on this machine: what is put there under a path is served, with its status."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        files, asked = self.files, self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                status, content = files.get(self.path.partition("?")[0], (404, b"no such report"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nothing is told."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def put(self, content: bytes, *, name: str = "report", status: int = 200) -> str:
        """The link to it, presigned as Amazon's are."""
        self.files[f"/{name}.json"] = (status, content)
        return f"{self.url}/{name}.json?X-Amz-Expires=3600&X-Amz-Signature=secret"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def report_host(settings: LazySettings) -> Iterator[ReportHost]:
    settings.CATALOG_REPORT_HOSTS = ["127.0.0.1"]
    host = ReportHost()
    yield host
    host.close()
