"""What a receiver says of how many reports it has stored: each time one number, on a line of its own."""

_MOST_DIGITS = 18


class Counts:
    """How many lines of one connection were sent, and how many of them its receiver has stored, as it says."""

    def __init__(self) -> None:
        self.sent = 0
        self.stored = 0
        self._line = bytearray()

    def complete(self) -> bool:
        """Whether all that was sent is stored."""
        return self.stored >= self.sent

    def hear(self, text: bytes | bytearray) -> None:
        """Understand what the receiver says; a line may come in parts.

        Raises ConnectionError for what is no number, and for one that is more than was sent.
        """
        *whole, rest = bytes(self._line + text).split(b"\n")
        self._line[:] = rest
        numbers = [line.strip() for line in whole if line.strip()]
        if len(rest) > _MOST_DIGITS or not all(_is_number(number) for number in numbers):
            raise ConnectionError("the receiver says something that is no number of stored reports")
        stored = max([self.stored, *map(int, numbers)])
        if stored > self.sent:
            raise ConnectionError("the receiver says that it has stored more reports than it was sent")
        self.stored = stored


def _is_number(text: bytes) -> bool:
    return text.isdigit() and len(text) <= _MOST_DIGITS
