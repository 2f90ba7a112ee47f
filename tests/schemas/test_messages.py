"""What of a message was not taken is its own."""

import pytest

from schemas.messages import Samples
from schemas.samples import Reason


def test_what_is_not_taken_of_one_message_is_not_tallied_for_another() -> None:
    one, other = Samples("svc", "unit", []), Samples("svc", "unit", [])
    one.reject(Reason.NOT_AUTHORIZED, 2)
    one.reject(Reason.NOT_AUTHORIZED, 1)

    assert (dict(one.rejected), dict(other.rejected)) == ({Reason.NOT_AUTHORIZED: 3}, {})


def test_the_tally_that_messages_share_stays_empty() -> None:
    with pytest.raises(TypeError, match="shared"):
        Samples("svc", "unit", []).rejected[Reason.FAILED] += 1

    assert not Samples("svc", "unit", []).rejected
