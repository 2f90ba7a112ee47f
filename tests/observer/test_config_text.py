import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observer.config.problems import ConfigError, Problem
from observer.config.yaml_text import DEEPEST, MOST_CHARACTERS, Block, read


def read_well(text: str) -> Block:
    problems: list[Problem] = []
    block = read(text, problems)
    assert problems == []
    return block


def problems_of(text: str) -> list[Problem]:
    """What is wrong, whether it ended the reading or not."""
    problems: list[Problem] = []
    try:
        read(text, problems)
    except ConfigError as error:
        return [*problems, *error.problems]
    return problems


def test_a_character_in_two_halves_as_json_writes_it_is_one() -> None:
    assert read_well(r'"\ud83d\ude00": "a\ud83d\ude00é"') == {"😀": "a😀é"}


@pytest.mark.parametrize("text", [r'a: "\ud83d"', r'"\udc00": b', r'a: ["\ude00\ud83d"]'])
def test_half_a_character_is_a_problem(text: str) -> None:
    assert [problem.text for problem in problems_of(text)] == ["an escape stands for half a character"]


def test_a_scalar_is_the_text_that_is_written() -> None:
    block = read_well("a: 0123\nb: no\nc: 2026-01-01\nd: '7'\ne: 12:30:45")

    assert block == {"a": "0123", "b": "no", "c": "2026-01-01", "d": "7", "e": "12:30:45"}


def test_nothing_and_null_are_none_and_a_quoted_null_is_text() -> None:
    assert read_well("a:\nb: null\nc: ~\nd: 'null'") == {"a": None, "b": None, "c": None, "d": "null"}


def test_lists_and_mappings_nest() -> None:
    assert read_well("a: [1, {b: [c]}]") == {"a": ["1", {"b": ["c"]}]}


@pytest.mark.parametrize("text", ["", "# nothing", "---\n", "~"])
def test_a_text_that_holds_nothing_is_empty(text: str) -> None:
    assert read_well(text) == {}


def test_every_key_knows_its_line() -> None:
    assert read_well("a: 1\n\n# comment\nb: 2\n").lines == {"a": 1, "b": 4}


def test_merged_keys_come_before_ones_own() -> None:
    block = read_well("base: &base {a: 1, b: 2}\nmine:\n  b: 3\n  <<: *base\n")

    assert block["mine"] == {"a": "1", "b": "3"}


def test_the_first_of_merged_mappings_wins() -> None:
    block = read_well("x: &x {a: 1}\ny: &y {a: 2, b: 2}\nmine:\n  <<: [*x, *y]\n")

    assert block["mine"] == {"a": "1", "b": "2"}


def test_a_key_that_stands_twice_is_told_with_both_lines() -> None:
    assert problems_of("a:\n  b: 1\n  b: 2\n") == [Problem("a.b", "the key stands here twice, first on line 2", 3)]


@pytest.mark.parametrize("text", ["- a", "text", "12"])
def test_the_top_must_be_a_mapping(text: str) -> None:
    assert problems_of(text) == [Problem("", "the configuration must be a mapping of keys to values", 1)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\n b: 2", 2),
        ("a: [1, 2", 1),
        ("a: 'open", 1),
        ("a: 1\n--- \nb: 2", 2),
        ("a: *unknown", 1),
        ("\ta: 1", 1),
        ("a: \x01", None),
        ('a: "\\UFFFFFFFF"', None),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str, line: int | None) -> None:
    (problem,) = problems_of(text)

    assert problem.text.startswith("not YAML: ")
    assert problem.line == line


def test_a_wrong_indentation_is_told_in_plain_words() -> None:
    (problem,) = problems_of("a:\n   b: 1\n  c: 2\n")

    assert str(problem) == "line 3: not YAML: this line is not indented like the lines above that it belongs to"


@pytest.mark.parametrize(
    "text", ["a: *hunter2", "a: !hunter2!x y", 'a: "hunter2\\q"', "a: {hunter2: [}", "a: `hunter2", "a: hunter2: x"]
)
def test_a_syntax_error_repeats_nothing_of_the_text(text: str) -> None:
    assert "hunter2" not in "".join(map(str, problems_of(text)))


def test_a_syntax_error_names_the_signs_that_are_missing() -> None:
    assert "expected ',' or ']', but got '<stream end>'" in str(problems_of("a: [b")[0])


@pytest.mark.parametrize("tag", ["!mine", "!!python/object/apply:os.system", "!!binary", "!!set"])
def test_tags_are_refused(tag: str) -> None:
    assert problems_of(f"a: {tag} {{}}") == [Problem("a", "tags (!) are not understood here", 1)]


def test_a_key_must_be_text() -> None:
    assert [problem.text for problem in problems_of("? [a]\n: b\n")] == ["a key must be text"]


def test_a_billion_laughs_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]

    (problem,) = problems_of("\n".join(lines))

    assert problem.text == "more than 20000 values, aliases counted where they are used"


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}", "a: &a\n  <<: *a"])
def test_what_contains_itself_is_refused(text: str) -> None:
    assert [problem.text for problem in problems_of(text)] == [f"nested deeper than {DEEPEST}"]


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 30_000, "- " * 30_000, "? " * 30_000])
def test_deep_nesting_is_refused(text: str) -> None:
    assert [problem.text for problem in problems_of(text)] == [f"nested deeper than {DEEPEST}"]


def test_a_long_text_is_refused() -> None:
    (problem,) = problems_of("a: " + "x" * MOST_CHARACTERS)

    assert problem.text == f"the text is longer than {MOST_CHARACTERS} characters"


yaml_like = st.text(alphabet="ab:-[]{}&*!|>'\"%@`#?,\n\t ~<=0\\\u2028\x00é", max_size=60)


@given(st.one_of(st.text(max_size=80), yaml_like))
@settings(max_examples=500)
def test_any_text_is_read_or_refused(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    block = None
    try:
        block = read(text, [])
    except ConfigError as error:
        problems = error.problems

    assert bool(problems) != isinstance(block, Block)
