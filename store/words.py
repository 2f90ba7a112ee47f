"""Words that many rows share are held once: what a command tells is read anew for each of them."""

_MOST = 4096
_words: dict[str, str] = {}


def held_once(word: str) -> str:
    """The same word, and the same object for all who ask; nothing depends on which. Of too many, all are forgotten."""
    if len(_words) >= _MOST:
        _words.clear()
    return _words.setdefault(word, word)
