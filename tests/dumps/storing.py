"""What tests of storages share."""

from hashlib import sha256
from pathlib import Path

import trio

from dumps.packing import Packed
from dumps.storage import Storage, Stored


def packed(folder: Path, content: bytes) -> Packed:
    """A dump that is packed."""
    path = folder / f"{sha256(content).hexdigest()}.gz"
    path.write_bytes(content)
    return Packed(path, len(content), len(content), 1, 0, sha256(content).hexdigest())


async def put_at_once(storages: list[Storage], base_id: str, files: list[Packed]) -> list[Stored]:
    """Put a file with each of the storages, all at once."""
    stored = list[Stored]()

    async def put(number: int) -> None:
        stored.append(await storages[number].put(base_id, f"name{number}", files[number]))

    async with trio.open_nursery() as nursery:
        for number in range(len(files)):
            nursery.start_soon(put, number)
    return stored
