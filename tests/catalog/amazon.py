"""Stand-ins for Amazon's catalog: a client that answers each of its calls from a script."""

import json
from typing import Any

from jwo_store.amazon import AmazonMisconfigured, AmazonRefused, AmazonUnavailable, Answer, Client
from tests.orders.stand_ins import Step, answer

UPLOAD, ARCHIVE, STATUS = "/v1/catalog/upload", "/v1/catalog/archive", "/v1/catalog/getCatalogUploadStatus"


def taken_in(ingestion_id: str = "ing-1") -> Answer:
    return answer(201, {"ingestionId": ingestion_id})


def state(word: str, link: str = "") -> Answer:
    return answer(200, {"processingStatus": word, "reportDownloadLink": link})


def bad_request(words: str) -> AmazonRefused:
    return AmazonRefused("Amazon refused the request (400).", answer=answer(400, {"errorMsg": words}, words=words))


def forbidden() -> AmazonMisconfigured:
    said = answer(403, {"message": "Forbidden"}, words="Forbidden")
    return AmazonMisconfigured("Amazon does not let us in (403).", answer=said)


def server_error(words: str = "Internal error: retry recommended") -> AmazonUnavailable:
    return AmazonUnavailable("Amazon failed (500).", answer=answer(500, {"errorMsg": words}, words=words))


class CatalogClient(Client):
    """Answers the calls of a path with one step after the other, the last for all further ones; notes what was sent."""

    def __init__(self, **steps: list[Step]) -> None:
        paths = {"upload": UPLOAD, "archive": ARCHIVE, "status": STATUS}
        self._steps = {paths[name]: list(given) for name, given in steps.items()}
        self.sent: list[tuple[str, Any]] = []

    @property
    def host(self) -> str:
        return "catalog.example"

    def get_ready(self, within: float) -> None:
        """It needs no keys."""

    def post(self, path: str, body: bytes) -> Answer:
        steps = self._steps.get(path)
        assert steps, f"no call of {path} was expected"
        self.sent.append((path, json.loads(body)))
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, Answer) else step()
