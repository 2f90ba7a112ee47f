"""The block of dumps in the configuration."""

from pathlib import Path
from typing import Any

import pytest

from dumps.settings import Dumps, Keep
from dumps.storage_disk import DiskStorage
from dumps.storage_s3 import S3Storage
from observer.config.binding import bind
from observer.config.problems import ConfigError


def refused(**block: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        bind(Dumps, {"path": "dumps", **block})
    return str(raised.value)


def test_a_path_is_all_that_is_needed() -> None:
    bound = bind(Dumps, {"path": "dumps"})

    assert bound.obfuscate_addresses
    assert bound.keep == Keep(30, None)
    assert bound.work == Path("dumps/work")
    assert bound.chosen_storage() == DiskStorage("dumps/stored")


def test_dumps_on_disk_may_stand_elsewhere() -> None:
    bound = bind(Dumps, {"path": "dumps", "storage": {"type": "disk", "config": {"path": "/shared"}}})

    assert bound.chosen_storage() == DiskStorage("/shared")


def test_a_bucket_is_chosen_by_its_type() -> None:
    config = {"bucketName": "dumps", "regionId": "eu-west-1", "prefix": "a/"}

    bound = bind(Dumps, {"path": "dumps", "storage": {"type": "S3", "config": config}})

    assert bound.chosen_storage() == S3Storage("dumps", "eu-west-1", "a/")


def test_how_long_dumps_are_kept_can_be_said() -> None:
    bound = bind(Dumps, {"path": "dumps", "keep": {"maxAgeInDays": 0.5, "maxBytes": 1000}})

    assert bound.keep == Keep(0.5, 1000)


def test_without_a_path_there_are_no_dumps() -> None:
    assert "path must name a folder" in refused(path="")


def test_a_type_that_there_is_not_is_told_with_the_nearest() -> None:
    assert "storage: type: there is no such type of storage; did you mean disk?" in refused(storage={"type": "disc"})


def test_a_bucket_needs_a_name() -> None:
    assert "storage.config: bucketName is required" in refused(storage={"type": "s3", "config": {"regionId": "a"}})
