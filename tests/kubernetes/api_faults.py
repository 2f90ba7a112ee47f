"""What can be wrong with the answers of an API server: `ApiDouble.fails` takes these."""

from tests.kubernetes.api_double import Answering, Fault, event


def refusal(code: int, message: str = "") -> Fault:
    """Answers with a status."""
    return lambda answering: answering.status(code, message)


def page_of(code: int, body: bytes) -> Fault:
    """Answers with whatever."""
    return lambda answering: answering.whole(code, body)


def silence(answering: Answering) -> None:
    """Takes the question, and says nothing."""
    answering.double.stopped.wait()
    answering.hang_up()


def silent_stream(answering: Answering) -> None:
    """Begins to answer, and then says nothing: so does a connection of which one half is broken."""
    answering.head_of_stream()
    silence(answering)


def dribble(answering: Answering) -> None:
    """Answers one character after the other, and never comes to an end."""
    answering.head_of_stream()
    while not answering.double.stopped.wait(0.02):
        answering.chunk(b" ")
    answering.hang_up()


def hang_up(answering: Answering) -> None:
    """Closes the connection, without a word."""
    answering.hang_up()


def half_a_line(answering: Answering) -> None:
    """Breaks off in the middle of an event."""
    answering.head_of_stream()
    answering.chunk(b'{"type":"ADDED","object":{"metadata":{"name":"obs')
    answering.hang_up()


def short_line(answering: Answering) -> None:
    """Ends properly, after a whole event, but in the middle of the next."""
    answering.head_of_stream()
    version = str(answering.double.store.version)
    answering.chunk(event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": version}}))
    answering.chunk(b'{"type":"ADDED","object":{"metadata":{"name":"obs')
    answering.chunk(b"")


def line(text: bytes) -> Fault:
    """A watch that says one thing, and ends."""

    def answer(answering: Answering) -> None:
        answering.head_of_stream()
        answering.chunk(text + b"\n")
        answering.chunk(b"")

    return answer
