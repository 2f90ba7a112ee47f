"""What real clients sent, in whatever version and format, through one decoder for each of their sessions."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from ingest.decoder import Decoder
from ingest.incoming import incoming
from schemas.samples import Budget
from tests.recordings.recording import load

RECORDINGS = sorted((Path(__file__).parent.parent / "recordings" / "data").glob("*.jsonl.gz"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
def test_messages_of_real_clients_are_taken_whole(path: Path) -> None:
    decoders: dict[int, Decoder] = {}
    taken = 0
    for step in load(path).steps:
        if step.act in ("open", "request"):
            query = dict(parse_qsl(urlsplit(step.target).query))
            of = incoming({"serviceId": "svc", "mediaUnitId": "unit"}, query, 255)
            decoders[step.connection] = Decoder(of, most_clients=10)
        if step.body:
            body = step.body.encode() if isinstance(step.body, str) else step.body
            samples = decoders[step.connection].decode(body, Budget())
            assert not samples.rejected
            taken += len(samples.clients) + len(samples.sfus)

    assert taken > 5
