"""YAML text as plain mappings, lists and text, with the line of every key.

A scalar stays the text it is written as: what it means is decided by the field it is bound to, so a salt ``0123`` keeps
its zero, and a room ``no`` is no truth value. Nothing is ever constructed from a tag. Depth and number of nodes
are bounded, aliases counted as often as they are used.
"""

import re
from collections.abc import Iterator

import yaml
from yaml.error import MarkedYAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from observer.config.problems import ConfigError, Problem, shown

MOST_CHARACTERS = 262_144
MOST_NODES = 20_000
DEEPEST = 40

_CORE_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("null", "bool", "int", "float", "str", "timestamp", "value", "merge", "seq", "map")
)
_LEXICAL = re.compile(r"<[a-z ]*>|.?", re.DOTALL)
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")


class Block(dict[str, object]):
    """A mapping that knows on which line each of its keys stands."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}

    def without(self, key: str) -> "Block":
        """The same, but for a key."""
        rest = Block()
        rest.update((other, value) for other, value in self.items() if other != key)
        rest.lines = self.lines
        return rest


def read(text: str, problems: list[Problem]) -> Block:
    """The mapping that the text holds; empty when the text holds nothing.

    Values are `Block`, list, str, or None where nothing (or ``null``) is written. What is wrong but leaves the rest
    readable (a key that stands twice, a tag) is added to the problems.

    Raises:
        ConfigError: The text is no YAML, not one mapping, too large or too deep.
    """
    if len(text) > MOST_CHARACTERS:
        raise ConfigError([Problem("", f"the text is longer than {MOST_CHARACTERS} characters")])
    tree = _Tree(problems)
    try:
        _refuse_depth(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = tree.value(node, "", DEEPEST) if node is not None else None
    except yaml.YAMLError as error:
        raise ConfigError([_syntax_problem(error)]) from None
    except (ValueError, OverflowError):  # the scanner turns an escape such as \UFFFFFFFF into a character unchecked
        raise ConfigError([Problem("", "not YAML: an escape or a number is out of range")]) from None
    if value is None:
        return Block()
    if not isinstance(value, Block):
        raise ConfigError([Problem("", "the configuration must be a mapping of keys to values", 1)])
    return value


class _Tree:
    """One walk over the nodes of a text; collects problems, counts nodes."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self._nodes_left = MOST_NODES

    def value(self, node: Node, path: str, depth_left: int) -> object:
        """What the node stands for."""
        self._nodes_left -= 1
        if self._nodes_left < 0:
            raise _refusal(f"more than {MOST_NODES} values, aliases counted where they are used", _line(node))
        if depth_left <= 0:
            raise _refusal(f"nested deeper than {DEEPEST}", _line(node))
        if node.tag not in _CORE_TAGS:
            self._problem(path, "tags (!) are not understood here", node)
            return None
        if isinstance(node, MappingNode):
            return self._block(node, path, depth_left)
        if isinstance(node, SequenceNode):
            return [self.value(item, f"{path}[{i}]", depth_left - 1) for i, item in enumerate(node.value)]
        return None if node.tag.endswith(":null") else self._text(node, path)

    def _text(self, node: Node, path: str) -> str:
        """A text; an escape of JSON for a character beyond 16 bits is in two halves."""
        text = str(node.value)
        if text.isascii():
            return text
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._problem(path, "an escape stands for half a character", node)
            return ""

    def _block(self, node: MappingNode, path: str, depth_left: int) -> Block:
        block = Block()
        own: set[str] = set()
        for key_node, value_node in _own_pairs_last(node):
            if key_node.tag.endswith(":merge"):
                self._merge(block, value_node, path, depth_left - 1)
            elif not isinstance(key_node, ScalarNode):
                self._problem(path, "a key must be text", key_node)
            else:
                key = self._text(key_node, path)
                here = f"{path}.{shown(key)}" if path else shown(key)
                if key in own:
                    self._problem(here, f"the key stands here twice, first on line {block.lines[key]}", key_node)
                own.add(key)
                block.lines[key] = _line(key_node)
                block[key] = self.value(value_node, here, depth_left - 1)
        return block

    def _merge(self, block: Block, node: Node, path: str, depth_left: int) -> None:
        """YAML's ``<<``: the keys of other mappings, the earlier mapping wins, and one's own keys win over all."""
        parts = node.value if isinstance(node, SequenceNode) else [node]
        for part in parts:
            merged = self.value(part, path, depth_left)
            if not isinstance(merged, Block):
                self._problem(path, "<< must name mappings", node)
                continue
            for key in merged.keys() - block.keys():
                block[key] = merged[key]
                block.lines[key] = merged.lines[key]

    def _problem(self, path: str, text: str, node: Node) -> None:
        self.problems.append(Problem(path, text, _line(node)))


def _own_pairs_last(node: MappingNode) -> Iterator[tuple[Node, Node]]:
    """The pairs, merges first, so that a mapping's own keys overwrite what it merges in."""
    yield from sorted(node.value, key=lambda pair: not pair[0].tag.endswith(":merge"))


def _refuse_depth(text: str) -> None:
    """Raises before the composer, which recurses, meets a depth that it could not survive."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise _refusal(f"nested deeper than {DEEPEST}", event.start_mark.line + 1 if event.start_mark else None)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _refusal(text: str, line: int | None) -> ConfigError:
    return ConfigError([Problem("", text, line)])


def _syntax_problem(error: yaml.YAMLError) -> Problem:
    if isinstance(error, MarkedYAMLError) and error.problem:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        return Problem("", f"not YAML: {_told(error.problem)}", line)
    return Problem("", "not YAML: the text holds a character that YAML does not allow")


def _told(problem: str) -> str:
    if problem.startswith("expected <block end>"):
        return "this line is not indented like the lines above that it belongs to"
    # What stands in quotes in the parser's message is a piece of the text: perhaps of a secret.
    return _QUOTED.sub(lambda match: match[0] if _LEXICAL.fullmatch(match[0][1:-1]) else "(...)", problem)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
