"""Pods know the API as they do in a real cluster: by the files of their service account and two variables."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.node_plan import Image
from tests.kubernetes.release import deployment
from tests.services import ROOT, tool

pytestmark = [pytest.mark.timeout(240), pytest.mark.processes]

TOKEN = "import json, os; print(json.load(open(os.environ['KUBECONFIG']))['users'][0]['user']['token'], end='')"

SCRIPT = f"""
set -eu
mount -t tmpfs none /run
account=/run/secrets/kubernetes.io/serviceaccount
mkdir -p $account
"$PYTHON" -c "{TOKEN}" > $account/token
cp "$CA" $account/ca.crt
unset KUBECONFIG
exec "$PYTHON" -m observer "$@"
"""
"""Lays the files of the service account where a node mounts them, for this process alone."""


async def test_pods_find_each_other_by_their_service_account(control_plane: ControlPlane, tmp_path: Path) -> None:
    async with deployment(control_plane, tmp_path, image=in_cluster(control_plane)) as it:
        await it.start()

        assert len(await it.cluster_ids()) == 1


def in_cluster(plane: ControlPlane) -> Image:
    """The observer with mounts of its own; skips the test where that is not allowed."""
    own_mounts = [str(tool("unshare")), "--mount"]
    if subprocess.run([*own_mounts, "mount", "-t", "tmpfs", "none", "/run"], capture_output=True).returncode:
        pytest.skip("only root can give a process mounts of its own")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHON": sys.executable,
        "CA": str(plane.ca),
        "KUBERNETES_SERVICE_HOST": urlsplit(plane.url).hostname or "",
        "KUBERNETES_SERVICE_PORT": str(urlsplit(plane.url).port),
    }
    return Image((*own_mounts, "sh", "-c", SCRIPT, "observer"), environment=environment)
