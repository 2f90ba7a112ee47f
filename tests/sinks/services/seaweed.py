"""A real server of S3, which checks signatures: SeaweedFS."""

import json
from pathlib import Path
from typing import Any

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.services import tool
from tests.sinks.services.process import Service

REGION = "us-east-1"


def s3_client(endpoint: str, access_key: str, secret_key: str) -> Any:
    """A client of a server of S3 that answers at a port of loopback."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(
            s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=10
        ),
    )


def objects_of(client: Any, bucket: str, prefix: str = "") -> dict[str, bytes]:
    """The objects of a bucket, by their keys in the order of S3."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


class SeaweedFS(Service):
    """It has one bucket. Its data stand in `folder` and outlast `kill`."""

    access_key = "observer"
    secret_key = "of-a-test/+="
    bucket = "reports"
    region = REGION

    def __init__(self, folder: Path) -> None:
        ports = free_ports(8)
        master, volume, filer, s3 = ports[:4]
        self.endpoint = f"http://{LOOPBACK}:{s3}"
        data, access = folder / "data", folder / "access.json"
        data.mkdir()
        who = {
            "name": "observer",
            "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        access.write_text(json.dumps({"identities": [who]}))
        parts = {"master": master, "volume": volume, "filer": filer, "s3": s3}
        super().__init__(
            folder,
            [
                *(str(tool("weed")), "-logtostderr=true", "server", "-filer", "-s3"),
                *(f"-dir={data}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", f"-s3.config={access}"),
                *(f"-{part}.port={port}" for part, port in parts.items()),
                *(f"-{part}.port.grpc={port}" for part, port in zip(parts, ports[4:], strict=True)),
                *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock", "-s3.port.iceberg=0", "-s3.port.lance=0"),
                *("-master.telemetry=false", "-master.electionTimeout=1s", "-master.volumeSizeLimitMB=64"),
                *("-master.volumePreallocate=false", "-volume.max=20"),
            ],
            self._stores,
        )
        self._sockets = [
            Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock") for part, port in zip(parts, ports[4:], strict=True)
        ]
        self.client = s3_client(self.endpoint, self.access_key, self.secret_key)

    def arrived(self, prefix: str = "") -> dict[str, bytes]:
        """The objects of its bucket, by their keys in the order of S3."""
        return objects_of(self.client, self.bucket, prefix)

    def kill(self) -> None:
        """Ends it with SIGKILL; it leaves sockets behind, which are removed."""
        super().kill()
        for path in self._sockets:
            path.unlink(missing_ok=True)

    def _stores(self) -> bool:
        """Whether it takes objects: it listens well before it does."""
        try:
            self.client.create_bucket(Bucket=self.bucket)
        except BotoCoreError:
            return False
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("BucketAlreadyExists", "BucketAlreadyOwnedByYou"):
                return False
        try:
            self.client.put_object(Bucket=self.bucket, Key="ready", Body=b"ready")
            self.client.get_object(Bucket=self.bucket, Key="ready")
            self.client.delete_object(Bucket=self.bucket, Key="ready")
        except (BotoCoreError, ClientError):
            return False
        return True
