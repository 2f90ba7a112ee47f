"""The gauges of all participants as Prometheus reads them: text format 0.0.4."""

from schemas.client_metrics import FAMILIES, Participant, Series

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class Exposition:
    """Participants are added one by one, so that whoever adds many can let others run meanwhile."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._lines: dict[str, list[str]] = {name: [] for name in FAMILIES}

    def add(self, participant: Participant) -> None:
        """Adds all series of a participant."""
        labels = (
            _written("client_id", participant.client_id) + "," + _written("participant_id", participant.participant_id)
        )
        if participant.room is not None:
            labels += "," + _written("roomname", participant.room)
        for name, series in participant.families.items():
            lines = self._lines.get(name)
            if lines is not None:
                lines.extend(f"{self._prefix}{name}{{{labels}{_more(one)}}} {_number(one.value)}" for one in series)

    def text(self) -> bytes:
        """Every family with its help and type, whether or not it has series, and an empty line after each."""
        families = (
            "\n".join([f"# HELP {self._prefix}{name} {text}", f"# TYPE {self._prefix}{name} gauge", *self._lines[name]])
            for name, text in FAMILIES.items()
        )
        return ("\n\n".join(families) + "\n").encode("utf-8", "replace")


def _more(series: Series) -> str:
    return "".join("," + _written(name, value) for name, value in series.labels)


def _written(name: str, value: str) -> str:
    return f'{name}="{value.translate(_ESCAPED)}"'


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
