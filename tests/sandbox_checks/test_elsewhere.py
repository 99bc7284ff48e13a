"""Notices and reports through SNS and S3 of another stand-in."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from urllib3 import request

from tests.sandbox.catalog_side import Elsewhere
from tests.sandbox.server import Sandbox, Settings
from tests.sandbox_checks.fake_product import ACCESS_KEY, REGION, SECRET_KEY, control
from tests.sandbox_checks.retailer import ingestion_id, item, status, upload

KEYS = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY, "region_name": REGION}


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


class World:
    """A topic, a queue that listens to it, and a bucket."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqs = boto3.client("sqs", endpoint_url=url, **KEYS)
        sns = boto3.client("sns", endpoint_url=url, **KEYS)
        self.topic_arn = sns.create_topic(Name="ingestions")["TopicArn"]
        self.queue_url = self.sqs.create_queue(QueueName="results")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=arn)
        boto3.client("s3", endpoint_url=url, **KEYS).create_bucket(Bucket="reports")

    @property
    def elsewhere(self) -> Elsewhere:
        return Elsewhere(self.topic_arn, self.url, "reports", self.url)

    def receive(self, count: int) -> list[str]:
        """So many bodies, once they are there."""
        bodies: list[str] = []
        until = time.monotonic() + 10
        while len(bodies) < count and time.monotonic() < until:
            told = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            bodies += [message["Body"] for message in told.get("Messages", ())]
        return bodies


@pytest.fixture
def world(moto_url: str) -> World:
    request("POST", f"{moto_url}/moto-api/reset")
    return World(moto_url)


def test_notices_and_reports_go_where_they_are_told(world: World, make_settings: Callable[..., Settings]) -> None:
    with Sandbox(make_settings(elsewhere=world.elsewhere)) as sandbox:
        number = ingestion_id(upload(sandbox, item(), item("CHIPS", external_product_id="1")))
        (body,) = world.receive(1)
        envelope = json.loads(body)
        told: dict[str, Any] = json.loads(envelope["Message"])
        assert (envelope["Type"], envelope["TopicArn"]) == ("Notification", world.topic_arn)
        assert (told["ingestionId"], told["processingStatus"]) == (number, "DONE")
        for link in (told["reportDownloadLink"], status(sandbox, number).json["reportDownloadLink"]):
            assert link.startswith(f"{world.url}/reports/")
            rows = request("GET", link).json()["items"]
            assert [(row["item_sku"], row["status"]) for row in rows] == [("COLA", "SUCCESS"), ("CHIPS", "FAILED")]
        assert control(sandbox.url, "GET", "catalog")["queue"]["visible"] == 0


def test_they_may_go_wrong_there_too(world: World, make_settings: Callable[..., Settings]) -> None:
    with Sandbox(make_settings(elsewhere=world.elsewhere)) as sandbox:
        for document in (
            {"mode": "notice_twice", "times": 1},
            {"mode": "notice_malformed", "times": 1},
            {"mode": "report_not_json", "times": 1},
        ):
            control(sandbox.url, "POST", "misbehaviour", document)
        upload(sandbox, item())
        upload(sandbox, item())
        first, second, third = (json.loads(body)["Message"] for body in world.receive(3))
        assert first == second
        assert request("GET", json.loads(first)["reportDownloadLink"]).data.startswith(b"<html>")
        with pytest.raises(json.JSONDecodeError):
            json.loads(third)
