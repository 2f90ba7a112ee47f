"""What real clients of 2.1 and 2.2 send as JSON is as their schema says, so that it is read by the short way."""

import json
from pathlib import Path

import pytest

from schemas.clean_json import Sender, clean_samples
from schemas.samples import Budget
from tests.recordings.recording import load

DATA = Path(__file__).parent / "data"
NAMES = ("oc2-2party-rest", "oc2-kills3-json", "oc2-reconnect-default", "oc2x-2party-3.11.1")


@pytest.mark.parametrize("name", NAMES)
def test_every_message_is_clean(name: str) -> None:
    messages = [json.dumps(message).encode() for message in load(DATA / f"{name}.jsonl.gz").samples()]
    read = [clean_samples(message, Sender(None, "room"), None, Budget()) for message in messages]

    assert len(read) > 5
    assert None not in read
