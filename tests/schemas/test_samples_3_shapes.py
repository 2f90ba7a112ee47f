"""Whatever a client of 3.x sends: nothing fails, and what it sent stays as it is."""

import orjson
from hypothesis import given, settings

from schemas.client_samples import client_sample
from schemas.samples import Budget, Item, Tally
from schemas.samples_3 import as_2_2, is_3, says_left
from tests.schemas.any_json import CLIENT_SAMPLES


@settings(max_examples=200, deadline=None)
@given(CLIENT_SAMPLES)
def test_no_shape_makes_it_fail(entry: Item) -> None:
    before = orjson.dumps(entry)

    sample = as_2_2(entry)

    assert is_3(entry) in (True, False)
    assert says_left(entry) in (True, False)
    client_sample({**sample, "clientId": "a", "roomId": "r", "timestamp": 1}, Budget(), Tally())
    assert orjson.dumps(entry) == before
