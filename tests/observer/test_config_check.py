import os
from io import StringIO
from pathlib import Path

import pytest

from observer.config import Configuration
from observer.config.check import check
from observer.config.effective import effective


def checked(path: Path | None, environ: dict[str, str] | None = None) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    return check(path, environ or {}, out, err), out.getvalue(), err.getvalue()


def test_what_is_in_force_is_printed_as_yaml() -> None:
    code, out, err = checked(None)

    assert (code, err) == (0, "")
    assert out == effective(Configuration())


def test_keys_that_do_nothing_follow_as_comments(tmp_path: Path) -> None:
    file = tmp_path / "observer.yaml"
    file.write_text("observer: {repository: {useBackups: true}, sinks: {ü: {type: SinkType}}}")

    code, out, _ = checked(file)

    assert code == 0
    assert "\n# observer.repository.useBackups: means nothing here: " in out
    assert "\n# observer.sinks.\\xfc: not yet obeyed: " in out


def test_every_problem_stands_on_a_line_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "observer.yaml"
    file.write_text("a: 1\nb: 2\n")

    assert checked(file) == (2, "", "line 1: a: unknown key\nline 2: b: unknown key\n")


def test_a_variable_that_is_not_set_is_told_where_something_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "observer.yaml"
    file.write_text(
        "observer:\n  sources:\n    allowedServiceIds: ${SERVICES}\n    security:\n      accessTokens:\n"
        "        algorithm: HS256\n        secret: ${TOKEN_SECRET}\n"
    )

    nothing = "the variable TOKEN_SECRET is not set and has no default, so it stands for nothing"
    assert checked(file) == (
        2,
        "",
        "line 5: observer.sources.security.accessTokens: HS256 needs secret\n"
        f"line 7: observer.sources.security.accessTokens.secret: {nothing}\n",
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    code, out, err = checked(tmp_path)

    assert (code, out) == (2, "")
    assert err == f"cannot read the configuration file '{tmp_path}': Is a directory\n"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    code, _, err = checked(tmp_path / "none.yaml")

    assert code == 2
    assert err.endswith("none.yaml': No such file or directory\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "observer.yaml"
    file.touch(mode=0)

    code, _, err = checked(file)

    assert code == 2
    assert err.endswith(": Permission denied\n")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe\x00binary", "it is not UTF-8 text"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "not YAML: the text holds a character that YAML does not allow"),
        (b"a" * 2_000_000, "the text is longer than 262144 characters"),
    ],
)
def test_a_file_that_is_no_text_is_told(content: bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "observer.yaml"
    file.write_bytes(content)

    code, out, err = checked(file)

    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_an_endless_file_is_not_read_to_its_end() -> None:
    code, _, err = checked(Path("/dev/zero"))

    assert code == 2
    assert "longer than" in err


def test_a_name_that_no_file_can_have_is_told() -> None:
    code, _, err = checked(Path("a\0b"))

    assert code == 2
    assert "cannot read the configuration file" in err
