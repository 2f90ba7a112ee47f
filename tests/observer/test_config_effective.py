import pytest
import yaml

from observer.config import Configuration, parse
from observer.config.effective import MASK, effective, is_secret, masked

NO_SECRETS = """
micronaut: {server: {port: 9}}
observer:
  sources: {allowedServiceIds: [a, b]}
  evaluators: {callUpdater: {callIdAssignMode: slave}}
  sinks:
    file: {type: FileSink, reports: {sendCallEvents: true}, config: {path: a, maxFiles: 2}, retry: {initialInMs: 5}}
    log: {type: LoggerSink, enabled: false}
"""


def test_what_is_in_force_can_be_loaded_again() -> None:
    configuration = parse(NO_SECRETS, {})

    assert parse(effective(configuration), {}).observer == configuration.observer
    assert parse(effective(configuration), {}).micronaut == configuration.micronaut


def test_the_defaults_can_be_loaded_again() -> None:
    assert parse(effective(Configuration()), {}).observer == Configuration().observer


def test_a_sink_shows_its_defaults_too() -> None:
    shown = yaml.safe_load(effective(parse("observer: {sinks: {f: {type: FileSink, config: {path: a}}}}", {})))

    assert shown["observer"]["sinks"]["f"]["config"] == {"path": "a", "maxBytes": 104_857_600, "maxFiles": 10}


def test_a_password_in_a_value_from_the_environment_is_masked() -> None:
    text = "observer: {sinks: {f: {type: FileSink, config: {path: 'http://me:${P}@host/x'}}}}"

    shown = effective(parse(text, {"P": "hunter2"}))

    assert "hunter2" not in shown
    assert f"http://me:{MASK}@host/x" in shown


@pytest.mark.parametrize(
    "key",
    [
        *("password", "ssl.keystore.password", "passphrase", "secret", "secretAccessKey", "client-secret", "apiKey"),
        *(
            "token",
            "accessToken",
            "sessionToken",
            "salt",
            "hashSalt",
            "sasl.jaas.config",
            "Authorization",
            "headers",
            "privateKey",
            "ssl.key.pem",
            "ssl.keystore.key",
        ),
    ],
)
def test_what_sounds_like_a_secret_is_masked(key: str) -> None:
    assert masked({key: "hunter2"}) == {key: MASK}


@pytest.mark.parametrize(
    "key", ["path", "keyAssignmentStrategy", "tokenFile", "passwordFile", "serviceIdTagName", "accessKeyId", "key"]
)
def test_what_does_not_sound_like_a_secret_is_shown(key: str) -> None:
    assert not is_secret(key)


def test_all_below_a_secret_is_masked() -> None:
    assert masked({"sasl": {"user": "a", "n": [1, None]}}) == {"sasl": {"user": MASK, "n": [MASK, None]}}


def test_a_secret_that_is_not_set_is_shown_as_such() -> None:
    assert masked({"password": None, "token": ""}) == {"password": None, "token": ""}


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("mongodb://root:hunter2@a:1,b:2/db?x=1", "mongodb://root:***@a:1,b:2/db?x=1"),
        ("mongodb://root:hun@ter2@a", "mongodb://root:***@a"),
        ("redis://:hunter2@a", "redis://:***@a"),
        ("wss://a:1/x?token=hunter2&y=2", "wss://a:1/x?token=***&y=2"),
        ("https://a/x?y=2&api_key=hunter2", "https://a/x?y=2&api_key=***"),
        ("http://a:80/x", "http://a:80/x"),
    ],
)
def test_the_secrets_of_a_uri_are_masked(uri: str, shown: str) -> None:
    assert masked({"uri": [uri]}) == {"uri": [shown]}
