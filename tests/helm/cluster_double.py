"""As much of a Kubernetes API as Helm asks when it changes nothing: which kinds there are, and which objects."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.helm.charts import CHART, NAMESPACE, RELEASE, Object, helm, objects

_GROUPS: Mapping[str, Mapping[str, str]] = {
    "v1": {
        "configmaps": "ConfigMap",
        "pods": "Pod",
        "secrets": "Secret",
        "serviceaccounts": "ServiceAccount",
        "services": "Service",
    },
    "apps/v1": {"statefulsets": "StatefulSet"},
    "autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "networking.k8s.io/v1": {"ingresses": "Ingress", "networkpolicies": "NetworkPolicy"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "rbac.authorization.k8s.io/v1": {"roles": "Role", "rolebindings": "RoleBinding"},
}
"""The kinds that the chart makes; Helm asks whether they are there."""


def _discovery() -> dict[str, Any]:
    """What the API says of itself."""
    groups = []
    answers: dict[str, Any] = {
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
    }
    for version, resources in _GROUPS.items():
        described = [
            {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": ["get", "list"]}
            for name, kind in resources.items()
        ]
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        answers[path] = {"kind": "APIResourceList", "groupVersion": version, "resources": described}
        if "/" in version:
            known = {"groupVersion": version, "version": version.partition("/")[2]}
            groups.append({"name": version.partition("/")[0], "versions": [known], "preferredVersion": known})
    answers["/apis"] = {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    return answers


@contextmanager
def cluster_with(there: list[dict[str, Any]], folder: Path) -> Iterator[Path]:
    """The kubeconfig of an API that has these objects and nothing else."""
    answers = _discovery() | {_path(it): it for it in there}

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            body = json.dumps(answer or {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404})
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield _kubeconfig(folder / "kubeconfig", f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def _path(it: dict[str, Any]) -> str:
    """Where the API has an object."""
    version, meta = it["apiVersion"], it["metadata"]
    (plural,) = (name for name, kind in _GROUPS[version].items() if kind == it["kind"])
    return f"/{'apis' if '/' in version else 'api'}/{version}/namespaces/{meta['namespace']}/{plural}/{meta['name']}"


def _kubeconfig(path: Path, url: str) -> Path:
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "it",
                "clusters": [{"name": "it", "cluster": {"server": url}}],
                "users": [{"name": "it", "user": {}}],
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            }
        )
    )
    return path


def upgraded(folder: Path, former: list[Object], *options: str, by: str = "helm3") -> dict[tuple[str, str], Object]:
    """What an upgrade makes, by kind and name, where these objects are there already."""
    with cluster_with(former, folder) as kubeconfig:
        server = ("--is-upgrade", "--dry-run=server", "--disable-openapi-validation", "--kubeconfig", str(kubeconfig))
        done = helm(by, "template", RELEASE, CHART, "--namespace", NAMESPACE, *server, *options)
    assert done.returncode == 0, done.stderr
    return {(it["kind"], it["metadata"]["name"]): it for it in objects(done.stdout)}
