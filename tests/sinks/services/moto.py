"""AWS in memory: S3, Firehose, STS and IAM of moto. It checks neither signatures nor the limits of Firehose."""

from pathlib import Path
from typing import Any

import boto3

from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.services import tool
from tests.sinks.services.process import Service, accepts
from tests.sinks.services.seaweed import REGION, objects_of, s3_client

_ROLE = "arn:aws:iam::123456789012:role/firehose"


class Moto(Service):
    """What it holds is lost with `kill`. A stream delivers into the bucket, below its name."""

    access_key = "observer"
    secret_key = "of-a-test"
    bucket = "reports"
    region = REGION

    def __init__(self, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self.endpoint = f"http://{LOOPBACK}:{self.port}"
        command = [str(tool("moto_server")), "-H", LOOPBACK, "-p", str(self.port)]
        super().__init__(folder, command, lambda: accepts(self.port))

    def start(self) -> None:
        """Starts it with an empty bucket and no stream."""
        super().start()
        s3_client(self.endpoint, self.access_key, self.secret_key).create_bucket(Bucket=self.bucket)

    def client(self, service: str) -> Any:
        """A client of one of its services, such as `firehose`."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )

    def create_stream(self, name: str, url: str | None = None) -> None:
        """Makes a delivery stream: into the bucket, where each call becomes an object, or to an address of HTTP."""
        bucket = {"RoleARN": _ROLE, "BucketARN": f"arn:aws:s3:::{self.bucket}", "Prefix": f"{name}/"}
        into: dict[str, Any] = {"ExtendedS3DestinationConfiguration": bucket}
        if url:
            into = {
                "HttpEndpointDestinationConfiguration": {
                    "EndpointConfiguration": {"Url": url},
                    "S3Configuration": bucket,
                }
            }
        self.client("firehose").create_delivery_stream(DeliveryStreamName=name, DeliveryStreamType="DirectPut", **into)

    def arrived(self, prefix: str = "") -> dict[str, bytes]:
        """The objects of its bucket, by their keys in the order of S3; what a stream took stands below its name."""
        return objects_of(self.client("s3"), self.bucket, prefix)
