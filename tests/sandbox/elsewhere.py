"""Publishing elsewhere: through another stand-in's SNS and S3, or Amazon's own, instead of our queue and pages.

What a switch does to an envelope or on the wire can't be done there: sealing and serving are then others' work.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

from tests.sandbox.catalog import Ingestion
from tests.sandbox.reports import reply_of
from tests.sandbox.sigv4 import Credentials
from tests.sandbox.switches import Switchboard
from tests.sandbox.topic import SUBJECT, cut

PATH_STYLE = Config(s3={"addressing_style": "path"}, signature_version="s3v4")


def client(service: str, endpoint: str, credentials: Credentials) -> Any:
    """A client of boto3 for an endpoint, Amazon's own when none is named."""
    return boto3.client(
        service,
        endpoint_url=endpoint or None,
        region_name=credentials.region,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=PATH_STYLE,
    )


@dataclass(frozen=True, slots=True)
class TopicElsewhere:
    """A topic that others subscribe to and seal the messages of."""

    sns: Any
    topic_arn: str

    def notify(self, message: str, mode: str = "", copies: int = 1) -> None:
        text = cut(message) if mode == "notice_malformed" else message
        for _ in range(copies):
            self.sns.publish(TopicArn=self.topic_arn, Message=text, Subject=SUBJECT)

    def ask(self, mode: str = "", copies: int = 1) -> None:
        """Nothing: who subscribes there is asked there."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket for the reports, with links that boto3 presigns."""

    s3: Any
    name: str
    switchboard: Switchboard

    def link(self, ingestion: Ingestion, given_at: datetime, seconds: float) -> str:
        where = {"Bucket": self.name, "Key": f"{ingestion.key}.json"}
        reply = reply_of(ingestion, self.switchboard)
        self.s3.put_object(**where, Body=reply.body, ContentType=reply.content_type)
        left = given_at + timedelta(seconds=seconds) - datetime.now(UTC)
        return str(self.s3.generate_presigned_url("get_object", where, ExpiresIn=max(1, int(left.total_seconds()))))
