"""Tables in pages of the documentation that are made of figures."""

from collections.abc import Iterable


def with_tables(page: str, tables: Iterable[Iterable[str]]) -> str:
    """The page with each of its tables as these are, line by line; a table is known by its head, which is its first.

    Raises ValueError when one is not there.
    """
    for head, *rest in tables:
        before, found, after = page.partition(f"{head}\n")
        if not found:
            raise ValueError(f"the page has no table with the head {head}")
        behind = after.splitlines(keepends=True)
        old = next((at for at, line in enumerate(behind) if not line.startswith("|")), len(behind))
        page = before + found + "".join(f"{line}\n" for line in rest) + "".join(behind[old:])
    return page
