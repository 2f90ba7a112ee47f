"""What of a message was not taken is its own."""

from collections.abc import Callable

import pytest

from schemas.messages import Samples
from schemas.samples import Reason, Tally


def test_what_is_not_taken_of_one_message_is_not_tallied_for_another() -> None:
    one, other = Samples("svc", "unit", []), Samples("svc", "unit", [])
    one.reject(Reason.NOT_AUTHORIZED, 2)
    one.reject(Reason.NOT_AUTHORIZED, 1)

    assert (dict(one.rejected), dict(other.rejected)) == ({Reason.NOT_AUTHORIZED: 3}, {})


CHANGES: list[Callable[[Tally], object]] = [
    lambda tally: tally.__setitem__(Reason.FAILED, 1),
    lambda tally: tally.update({Reason.FAILED: 1}),
    lambda tally: tally.update([Reason.FAILED]),
    lambda tally: tally.setdefault(Reason.FAILED, 1),
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_tally_that_messages_share_stays_empty(change: Callable[[Tally], object]) -> None:
    with pytest.raises(TypeError, match="shared"):
        change(Samples("svc", "unit", []).rejected)

    assert not Samples("svc", "unit", []).rejected
