"""A topic of the test's own: it seals messages as Amazon SNS does, with a certificate on a port of this machine.

In the sandbox the product believes whatever is sealed on this machine: so a test can say what it likes in Amazon's
name, and keep the certificate back for a while.
"""

import json
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.journeys.catalog import TOPIC
from tests.sandbox.signatures import amazon, forger

HELD_AT_MOST = 60.0


class Seals:
    """Seals messages, properly or with a key that is not the certificate's."""

    def __init__(self) -> None:
        signer, given = amazon(), threading.Event()
        given.set()
        self._signer, self._given = signer, given
        self.asked = 0
        """How often somebody came for the certificate."""
        seals = self

        class Certificate(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seals.asked += 1
                given.wait(HELD_AT_MOST)
                self.send_response(200)
                self.send_header("Content-Length", str(len(signer.certificate)))
                self.end_headers()
                self.wfile.write(signer.certificate)

            def log_message(self, *_: object) -> None:
                """Nothing is told."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Certificate)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def keep_back(self) -> None:
        """From now on whoever comes for the certificate has to wait."""
        self._given.clear()

    def give(self) -> None:
        self._given.set()

    def notification(self, ingestion_id: str, status: str, link: str = "", **changes: str) -> str:
        told = {"ingestionId": ingestion_id, "processingStatus": status, "reportDownloadLink": link}
        return self._sealed({"Type": "Notification", "Message": json.dumps(told), **changes})

    def confirmation(self, subscribe_url: str, token: str, *, is_forged: bool = False, **changes: str) -> str:
        return self._sealed(
            {
                "Type": "SubscriptionConfirmation",
                "Message": "You have chosen to subscribe.",
                "Token": token,
                "SubscribeURL": subscribe_url,
                **changes,
            },
            is_forged=is_forged,
        )

    def _sealed(self, message: dict[str, str], *, is_forged: bool = False) -> str:
        envelope: dict[str, Any] = {
            "MessageId": str(uuid.uuid4()),
            "TopicArn": TOPIC,
            "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "SignatureVersion": "2",
            "SigningCertURL": f"http://127.0.0.1:{self._server.server_port}{self._signer.certificate_path}",
            **message,
        }
        signer = forger() if is_forged else self._signer
        return json.dumps(envelope | {"Signature": signer.sign(envelope)})

    def close(self) -> None:
        self.give()
        self._server.shutdown()
        self._server.server_close()
