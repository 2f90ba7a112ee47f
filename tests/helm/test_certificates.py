"""The certificates by which observers know each other: made by the chart, taken from a Secret, or by cert-manager."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from cluster.tls import Tls, covers
from tests.helm.charts import HELMS, NAMESPACE, Object, kinds, one, pod_spec, rendered
from tests.helm.cluster_double import upgraded

AUTHORITY = ("Secret", "observer-authority")
CERTIFICATE = ("Secret", "observer-cluster-tls")
NAME = "observer-2.observer-cluster.rtc.svc.cluster.local"


def tls(secret: Object, folder: Path) -> Tls:
    """What an observer makes of the Secret; raises ValueError if that is nothing."""
    for key, value in secret["data"].items():
        (folder / key).write_bytes(base64.b64decode(value))
        (folder / key).chmod(0o440)
    return Tls(str(folder / "ca.crt"), str(folder / "tls.crt"), str(folder / "tls.key"))


def certificate(secret: Object) -> x509.Certificate:
    return x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"]))


@pytest.mark.parametrize("by", HELMS)
def test_observers_can_use_what_the_chart_makes(by: str, tmp_path: Path) -> None:
    secret = rendered(by=by)[CERTIFICATE]

    names = tls(secret, tmp_path).names
    assert covers(names, NAME)
    assert not covers(names, "observer.rtc.svc.cluster.local")
    assert not covers(names, NAME.replace("rtc", "other"))


def test_the_certificate_is_for_servers_and_for_clients_and_is_no_authority() -> None:
    own = certificate(rendered()[CERTIFICATE]).extensions

    uses = own.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {use._name for use in uses} == {"serverAuth", "clientAuth"}
    assert own.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_the_certificate_holds_as_long_as_the_values_say() -> None:
    made = rendered("--set", "tls.generated.validityDays=900,tls.generated.authorityValidityDays=1000")

    for key, days in ((CERTIFICATE, 900), (AUTHORITY, 1000)):
        left = certificate(made[key]).not_valid_after_utc - datetime.now(UTC)
        assert timedelta(days=days - 1) < left < timedelta(days=days + 1)
        told = int(made[key]["metadata"]["annotations"]["webrtc-observer/expires-at"])
        assert abs(told - certificate(made[key]).not_valid_after_utc.timestamp()) < 60


def test_the_name_follows_release_namespace_and_domain() -> None:
    secret = one("Secret", "--set", "fullnameOverride=x,clusterDomain=example.org", name="x-cluster-tls")

    (alternatives,) = (
        extension.value.get_values_for_type(x509.DNSName)
        for extension in certificate(secret).extensions
        if isinstance(extension.value, x509.SubjectAlternativeName)
    )
    assert alternatives == ["*.x-cluster.rtc.svc.example.org"]


def test_no_pod_sees_the_key_of_the_authority() -> None:
    pods = [it for (kind, _), it in rendered().items() if kind in ("StatefulSet", "Pod")]

    assert len(pods) == 2
    assert AUTHORITY[1] not in str(pods)


def installed(expires_in_days: dict[tuple[str, str], int] | None = None, *options: str) -> list[Object]:
    """The Secrets of an installation, whose ends are as many days away."""
    found = []
    for key, secret in rendered(*options).items():
        if key in (AUTHORITY, CERTIFICATE):
            meta = secret["metadata"] | {"namespace": NAMESPACE}
            if expires_in_days and key in expires_in_days:
                end = datetime.now(UTC) + timedelta(days=expires_in_days[key])
                changed = {"webrtc-observer/expires-at": str(int(end.timestamp()))}
                meta["annotations"] = meta["annotations"] | changed
            found.append(secret | {"metadata": meta})
    return found


def data(made: dict[Any, Object] | list[Object], key: tuple[str, str]) -> Any:
    every = made.values() if isinstance(made, dict) else made
    (secret,) = (it for it in every if (it["kind"], it["metadata"]["name"]) == key)
    return secret["data"]


@pytest.mark.parametrize("by", HELMS)
def test_an_upgrade_keeps_authority_and_certificate(by: str, tmp_path: Path) -> None:
    former = installed()

    made = upgraded(tmp_path, former, "--set", "replicas=5", by=by)

    assert [data(made, key) for key in (AUTHORITY, CERTIFICATE)] == [
        data(former, key) for key in (AUTHORITY, CERTIFICATE)
    ]
    assert made[CERTIFICATE]["metadata"]["annotations"] == rendered()[CERTIFICATE]["metadata"]["annotations"]


@pytest.mark.parametrize("by", HELMS)
def test_a_certificate_that_ends_soon_is_renewed_by_the_same_authority(by: str, tmp_path: Path) -> None:
    former = installed({CERTIFICATE: 364})

    made = upgraded(tmp_path, former, by=by)

    assert data(made, AUTHORITY) == data(former, AUTHORITY)
    assert data(made, CERTIFICATE)["ca.crt"] == data(former, CERTIFICATE)["ca.crt"]
    assert data(made, CERTIFICATE)["tls.crt"] != data(former, CERTIFICATE)["tls.crt"]
    assert covers(tls(made[CERTIFICATE], tmp_path).names, NAME)


def test_a_certificate_for_other_names_is_replaced_by_the_same_authority(tmp_path: Path) -> None:
    former = installed()

    made = upgraded(tmp_path, former, "--set", "clusterDomain=example.org")

    assert data(made, AUTHORITY) == data(former, AUTHORITY)
    names = tls(made[CERTIFICATE], tmp_path).names
    assert covers(names, "observer-0.observer-cluster.rtc.svc.example.org")


def test_an_authority_that_ends_soon_is_replaced_with_its_certificate(tmp_path: Path) -> None:
    former = installed({AUTHORITY: 364})

    made = upgraded(tmp_path, former)

    assert data(made, AUTHORITY) != data(former, AUTHORITY)
    assert covers(tls(made[CERTIFICATE], tmp_path).names, NAME)


@pytest.mark.parametrize("lost", [AUTHORITY, CERTIFICATE])
def test_a_secret_that_was_deleted_is_made_anew(lost: tuple[str, str], tmp_path: Path) -> None:
    former = [secret for secret in installed() if secret["metadata"]["name"] != lost[1]]

    made = upgraded(tmp_path, former)

    assert covers(tls(made[CERTIFICATE], tmp_path).names, NAME)


def test_a_secret_of_ones_own_is_mounted_and_none_is_made() -> None:
    (volume,) = (it for it in pod_spec("--set", "tls.existingSecret=mine")["volumes"] if it["name"] == "tls")

    assert volume["secret"]["secretName"] == "mine"
    assert {"Secret", "Certificate"} & kinds("--set", "tls.existingSecret=mine") == set()


def test_cert_manager_makes_an_authority_and_a_certificate_of_it() -> None:
    made = rendered("--set", "tls.certManager.enabled=true")

    itself, authority = made["Issuer", "observer-authority-itself"], made["Certificate", "observer-authority"]
    issuer, own = made["Issuer", "observer-authority"], made["Certificate", "observer-cluster-tls"]
    assert itself["spec"] == {"selfSigned": {}}
    assert (authority["spec"]["isCA"], authority["spec"]["duration"]) == (True, "175200h")
    assert authority["spec"]["issuerRef"]["name"] == itself["metadata"]["name"]
    assert issuer["spec"]["ca"]["secretName"] == authority["spec"]["secretName"]
    assert own["spec"]["issuerRef"] == {"name": "observer-authority", "kind": "Issuer", "group": "cert-manager.io"}
    assert own["spec"]["dnsNames"] == ["*.observer-cluster.rtc.svc.cluster.local"]
    assert {"server auth", "client auth"} <= set(own["spec"]["usages"])
    assert "Secret" not in {kind for kind, _ in made}


def test_the_pods_use_what_cert_manager_makes() -> None:
    chosen = ("--set", "tls.certManager.enabled=true")
    (volume,) = (it for it in pod_spec(*chosen)["volumes"] if it["name"] == "tls")

    assert volume["secret"]["secretName"] == one("Certificate", *chosen, name=CERTIFICATE[1])["spec"]["secretName"]


def test_an_issuer_of_ones_own_signs_if_it_is_named() -> None:
    chosen = "tls.certManager.enabled=true,tls.certManager.issuerRef.name=corp,tls.certManager.issuerRef.kind=X"
    own = one("Certificate", "--set", chosen)

    assert own["spec"]["issuerRef"] == {"name": "corp", "kind": "X", "group": "cert-manager.io"}
    assert "Issuer" not in kinds("--set", chosen)
