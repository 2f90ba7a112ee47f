"""Single values of the configuration of what speaks to AWS."""

import pytest

from sinks.aws_values import bucket, filled, http_url, region


@pytest.mark.parametrize("text", ["eu-west-1", "us-gov-west-1", "garage", "eu-isoe-west-1"])
def test_a_region_is_taken_as_it_is(text: str) -> None:
    assert region(text) == text


@pytest.mark.parametrize("text", ["", "eu-west-1.evil.example", "eu west", "eu/west", "-eu", "eu-", "x" * 200])
def test_what_could_become_another_host_is_no_region(text: str) -> None:
    with pytest.raises(ValueError, match="the name of a region"):
        region(text)


@pytest.mark.parametrize(
    "text", ["reports", "my.Old_bucket-1", "arn:aws:s3:eu-west-1:123456789012:accesspoint/reports"]
)
def test_a_bucket_is_taken_as_it_is(text: str) -> None:
    assert bucket(text) == text


@pytest.mark.parametrize("text", ["", " ", "a/b/c", "../other", "a b c", "reports\n", "s3://reports", "x" * 256])
def test_what_is_no_name_of_a_bucket_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the name of a bucket"):
        bucket(text)


@pytest.mark.parametrize("text", ["http://127.0.0.1:9000", "https://s3.example.com", "https://[::1]:9000/path"])
def test_a_url_is_taken_as_it_is(text: str) -> None:
    assert http_url(text) == text


@pytest.mark.parametrize(
    "text", ["", "s3.example.com", "ftp://s3.example.com", "http://", "http://host:port", "http://[::1", "http://a?b"]
)
def test_anything_else_is_no_url(text: str) -> None:
    with pytest.raises(ValueError, match="must be a URL"):
        http_url(text)


def test_a_password_in_a_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="belong into credentials") as raised:
        http_url("https://user:s3cr3t@s3.example.com")

    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        filled(text)
