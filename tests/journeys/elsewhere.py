"""Other people's stand-ins for Amazon's SQS, SNS and S3: moto's, on a port of this machine."""

from typing import Any

import boto3
from moto.server import ThreadedMotoServer
from urllib3 import request

from tests.journeys.amazon import ACCESS_KEY, REGION, SECRET_KEY
from tests.journeys.processes import free_port

KEYS = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY, "region_name": REGION}


class Elsewhere:
    """moto's server with a topic, a queue that gets its messages raw, and a bucket.

    `hides` are the seconds after which a message that was received and not deleted is seen again.
    """

    def __init__(self, hides: int = 30) -> None:
        port = free_port()
        self._server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
        self._server.start()
        self.url = f"http://127.0.0.1:{port}"
        request("POST", f"{self.url}/moto-api/reset")  # all of moto's servers in a process share what they keep
        self.sqs, self.sns, self.s3 = (self._client(service) for service in ("sqs", "sns", "s3"))
        self.topic = str(self.sns.create_topic(Name="ingestions")["TopicArn"])
        self.queue = str(
            self.sqs.create_queue(QueueName="results", Attributes={"VisibilityTimeout": f"{hides}"})["QueueUrl"]
        )
        asked = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        self.sns.subscribe(
            TopicArn=self.topic,
            Protocol="sqs",
            Endpoint=asked["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )
        self.s3.create_bucket(Bucket="reports")

    def _client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.url, **KEYS)

    def put(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)

    def reports(self) -> list[str]:
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket="reports").get("Contents", ())]

    def close(self) -> None:
        self._server.stop()
