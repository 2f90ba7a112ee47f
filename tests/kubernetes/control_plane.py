"""A real Kubernetes control plane for tests: etcd, API server and controller manager, on ports of loopback.

It holds objects, obeys RBAC, gives tokens to service accounts, and its controllers make pods of stateful sets and fill
endpoints. It has no scheduler and no node: pods stay pending until a test binds them and says what became of them.
"""

import json
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from ssl import SSLContext, create_default_context
from time import monotonic, sleep
from typing import Any

from kubernetes import client, config

from cluster.certificates import new_authority
from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.services import tool

_PATIENCE_S = 90.0
_POLL_S = 0.1
_END_S = 10.0
_LAST_WORDS = 3000
_AUDIENCE = "https://kubernetes.default.svc"

TOKEN_REQUEST = {"spec": {"expirationSeconds": 3600, "audiences": [_AUDIENCE]}}
"""What asks for a token of a service account."""

ADMIN = "admin-of-tests"
"""The token of the administrator."""

_CONTROLLERS = (
    "deployment",
    "replicaset",
    "statefulset",
    "namespace",
    "serviceaccount",
    "endpoint",
    "endpointslice",
    "garbagecollector",
    "disruption",
    "root-ca-cert-publisher",
)


@dataclass
class Server:
    """A program of the control plane, its log, and its process while there is one."""

    command: Sequence[str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Starts it; it dies with the thread that started it, however that ends."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(tool("setpriv")), "--pdeathsig", "KILL", *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def runs(self) -> bool:
        """Whether there is a process."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Ends it with SIGKILL."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def end(self) -> None:
        """Ends it, by force if need be."""
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_bytes()[-_LAST_WORDS:].decode(errors="replace")


@dataclass
class ControlPlane:
    """Where the control plane is found: `ca` is a certificate file, `admin` a kubeconfig that may do everything."""

    url: str
    ca: Path
    admin: Path
    server: Server
    trust: SSLContext = field(repr=False)

    def api(self) -> client.ApiClient:
        """A new client that may do everything; it is a context manager, whose end closes its connections."""
        return api_of(self.admin)

    def kubeconfig_of(self, namespace: str, service_account: str, folder: Path) -> Path:
        """A kubeconfig, in a new file of `folder`, with a fresh token of a service account that is there."""
        with self.api() as api:
            core: Any = client.CoreV1Api(api)
            answer = core.create_namespaced_service_account_token(service_account, namespace, TOKEN_REQUEST)
        return self.kubeconfig_with(answer.status.token, folder / f"{namespace}-{service_account}.kubeconfig")

    def kubeconfig_with(self, token: str, file: Path) -> Path:
        """A kubeconfig with this token, in this file."""
        _write_kubeconfig(file, self.url, self.ca, token)
        return file

    def kill_api(self) -> None:
        """Ends the API server with SIGKILL; what it kept stays."""
        self.server.kill()

    def start_api(self) -> None:
        """Starts the API server again, where it was, and waits until it is ready."""
        self.server.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Waits until the API server says that it is ready; raises `AssertionError` with the end of its log if not."""
        until = monotonic() + _PATIENCE_S
        while monotonic() < until and self.server.runs():
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", context=self.trust, timeout=5) as answer:
                    if answer.read() == b"ok":
                        return
            except OSError:
                sleep(_POLL_S)
        raise AssertionError(f"the API server does not become ready:\n{self.server.last_words()}")


def api_of(kubeconfig: Path) -> client.ApiClient:
    """A new client that may do what the user of a kubeconfig may."""
    api: client.ApiClient = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
    return api


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """A control plane that keeps all its files in `folder`; skips the test where its programs are missing.

    Nothing of it runs afterwards.
    """
    etcd_port, peer_port, port = free_ports(3)
    url = f"https://{LOOPBACK}:{port}"
    trust = _make_files(folder, url)
    etcd = Server(_etcd(folder, etcd_port, peer_port), folder / "etcd.log")
    api = Server(_api_server(folder, etcd_port, port), folder / "api-server.log")
    controllers = Server(_controllers(folder), folder / "controllers.log")
    plane = ControlPlane(url, folder / "ca.crt", folder / "admin.kubeconfig", api, trust)
    with ExitStack() as ending:
        for server in (etcd, api):
            ending.callback(server.end)
            server.start()
        plane.wait_ready()
        ending.callback(controllers.end)
        controllers.start()
        _wait_controlled(plane, controllers)
        yield plane


def _wait_controlled(plane: ControlPlane, controllers: Server) -> None:
    """Waits until the controllers work: every namespace gets its service account from them."""
    until = monotonic() + _PATIENCE_S
    with plane.api() as api:
        while monotonic() < until and controllers.runs():
            if client.CoreV1Api(api).list_namespaced_service_account("default").items:
                return
            sleep(_POLL_S)
    raise AssertionError(f"the controller manager does nothing:\n{controllers.last_words()}")


def _make_files(folder: Path, url: str) -> SSLContext:
    """Certificates, keys, the token of the administrator; what trusts the certificate."""
    now = datetime.now(UTC)
    authority = new_authority(2, now)
    own, tokens = authority.issue(LOOPBACK, 1, now), authority.issue("tokens", 1, now)
    (folder / "ca.crt").write_bytes(authority.pair().certificate)
    (folder / "api.crt").write_bytes(own.certificate)
    (folder / "api.key").write_bytes(own.key)
    (folder / "tokens.crt").write_bytes(tokens.certificate)
    (folder / "tokens.key").write_bytes(tokens.key)
    (folder / "tokens.csv").write_text(f'{ADMIN},admin,1,"system:masters"\n')
    _write_kubeconfig(folder / "admin.kubeconfig", url, folder / "ca.crt", ADMIN)
    return create_default_context(cafile=str(folder / "ca.crt"))


def _write_kubeconfig(file: Path, url: str, ca: Path, token: str) -> None:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": {"server": url, "certificate-authority": str(ca)}}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "user"}}],
        "current-context": "tests",
    }
    file.touch(0o600)
    file.write_text(json.dumps(content))


def _etcd(folder: Path, port: int, peer_port: int) -> list[str]:
    here, peers = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{peer_port}"
    return [
        str(tool("etcd")),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={here}",
        f"--advertise-client-urls={here}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
    ]


def _api_server(folder: Path, etcd_port: int, port: int) -> list[str]:
    return [
        str(tool("kube-apiserver")),
        f"--etcd-servers=http://{LOOPBACK}:{etcd_port}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--secure-port={port}",
        "--insecure-port=0",
        f"--tls-cert-file={folder / 'api.crt'}",
        f"--tls-private-key-file={folder / 'api.key'}",
        f"--cert-dir={folder}",
        f"--service-account-key-file={folder / 'tokens.crt'}",
        f"--service-account-signing-key-file={folder / 'tokens.key'}",
        f"--service-account-issuer={_AUDIENCE}",
        f"--api-audiences={_AUDIENCE}",
        "--authorization-mode=RBAC",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--endpoint-reconciler-type=none",
        "--disable-admission-plugins=ServiceAccount",
        "--profiling=false",
    ]


def _controllers(folder: Path) -> list[str]:
    return [
        str(tool("kube-controller-manager")),
        f"--kubeconfig={folder / 'admin.kubeconfig'}",
        "--leader-elect=false",
        f"--controllers={','.join(_CONTROLLERS)}",
        f"--root-ca-file={folder / 'ca.crt'}",
        "--kube-api-qps=200",
        "--kube-api-burst=300",
        "--port=0",
        "--secure-port=0",
    ]
