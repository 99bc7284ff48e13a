"""What a retailer's back office does with the catalog: signed calls, the queue by boto3, signatures by the book."""

import base64
import json
from typing import Any

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.sandbox.server import Sandbox
from tests.sandbox_checks.fake_product import ACCESS_KEY, REGION, SECRET_KEY, Answer, call, control, signed_headers

STORES = ["ARENA-1", "PIECES-2"]
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=25)


def item(sku: str = "COLA", store_id: str | None = "ARENA-1", **changes: Any) -> dict[str, Any]:
    """A proper item of an Upload Catalog body; None leaves a field out."""
    proper = {
        "item_sku": sku,
        "external_product_id": "012345678905",
        "external_product_id_type": "UPC",
        "item_name": "Example Cola Zero 20oz",
        "store_id": store_id,
        "standard_price": "2.49",
    }
    return {name: value for name, value in (proper | changes).items() if value is not None}


def post(sandbox: Sandbox, name: str, document: Any, timeout: float = 5.0, **how: Any) -> Answer:
    """A signed call to the Catalog API; `document` may be bytes, sent as they are."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    target = f"/v1/catalog/{name}"
    return call(sandbox.url, "POST", target, body, signed_headers(f"{sandbox.url}{target}", body, **how), timeout)


def upload(sandbox: Sandbox, *items: dict[str, Any], **how: Any) -> Answer:
    return post(sandbox, "upload", {"catalogItems": list(items)}, **how)


def archive(sandbox: Sandbox, *skus: str, stores: list[str] = STORES) -> Answer:
    return post(sandbox, "archive", {"itemSkus": list(skus), "allApplicableStores": stores})


def status(sandbox: Sandbox, ingestion_id: str) -> Answer:
    return post(sandbox, "getCatalogUploadStatus", {"ingestionId": ingestion_id})


def ingestion_id(answer: Answer) -> str:
    assert answer.status == 201, answer.text
    return str(answer.json["ingestionId"])


def read_link(sandbox: Sandbox, link: str, headers: dict[str, str] | None = None) -> Answer:
    """A plain GET of a report link, which must lead to the sandbox."""
    assert link.startswith(f"{sandbox.url}/reports/"), link
    return call(sandbox.url, "GET", link.removeprefix(sandbox.url), headers=headers)


def report(sandbox: Sandbox, answer: Answer) -> list[dict[str, str]]:
    """The rows of the report of an upload or archive that is done."""
    told = status(sandbox, ingestion_id(answer)).json
    assert told["processingStatus"] == "DONE"
    rows: list[dict[str, str]] = read_link(sandbox, told["reportDownloadLink"]).json["items"]
    return rows


def failures(sandbox: Sandbox, answer: Answer) -> list[tuple[str, str, str]]:
    """SKU, store and code of each row that failed."""
    rows = report(sandbox, answer)
    return [(row["item_sku"], row["store_id"], row["errorCode"]) for row in rows if row["status"] == "FAILED"]


def known(sandbox: Sandbox, **query: str) -> list[tuple[str, str, str]]:
    """SKU, store and state of the items that Amazon holds."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    items = control(sandbox.url, "GET", f"items?{asked}")["items"]
    return [(one["sku"], one["store_id"], one["state"]) for one in items]


def sqs(sandbox: Sandbox, **changes: str) -> Any:
    return _client("sqs", sandbox, changes)


def sns(sandbox: Sandbox, **changes: str) -> Any:
    return _client("sns", sandbox, changes)


def _client(service: str, sandbox: Sandbox, changes: dict[str, str]) -> Any:
    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY, "region_name": REGION}
    return boto3.client(service, endpoint_url=sandbox.url, config=ONCE, **(keys | changes))


def receive(sandbox: Sandbox, wait: int = 0) -> list[str]:
    """The bodies of all messages on the queue, which are deleted from it."""
    client, queue_url = sqs(sandbox), sandbox.catalog.door.queue_url
    bodies: list[str] = []
    while messages := client.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0 if bodies else wait
    ).get("Messages"):
        bodies += [message["Body"] for message in messages]
        for message in messages:
            client.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def subscribe(sandbox: Sandbox) -> None:
    """Answer the confirmation that lies on the queue, and leave the queue empty."""
    if control(sandbox.url, "GET", "catalog")["subscription"]["status"] != "Complete":
        control(sandbox.url, "POST", "subscription", {})
        asked = json.loads(receive(sandbox)[-1])
        sns(sandbox).confirm_subscription(TopicArn=asked["TopicArn"], Token=asked["Token"])
    receive(sandbox)


def is_signed(sandbox: Sandbox, envelope: dict[str, str]) -> bool:
    """Whether the signature of an envelope is that of the certificate it names, checked by Amazon's description."""
    url = envelope["SigningCertURL"]
    assert url.startswith(f"{sandbox.url}/SimpleNotificationService-"), url
    certificate = x509.load_pem_x509_certificate(call(sandbox.url, "GET", url.removeprefix(sandbox.url)).text.encode())
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    lines = []
    for name in ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"):
        if name in envelope:
            lines += [name, envelope[name]]
    digest = {"1": hashes.SHA1(), "2": hashes.SHA256()}[envelope["SignatureVersion"]]  # noqa: S303 -- Amazon's version 1
    text = "".join(f"{line}\n" for line in lines).encode()
    try:
        key.verify(base64.b64decode(envelope["Signature"]), text, padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return True
