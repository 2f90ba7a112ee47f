"""The control plane of these tests is a real one: it obeys RBAC, and its controllers work."""

from pathlib import Path

import pytest
from kubernetes import client

from tests.kubernetes.control_plane import ControlPlane, api_of

pytestmark = [pytest.mark.timeout(240)]


def test_a_service_account_may_do_only_what_a_role_says(control_plane: ControlPlane, tmp_path: Path) -> None:
    kubeconfig = control_plane.kubeconfig_of("default", "default", tmp_path)

    with (
        api_of(kubeconfig) as api,
        pytest.raises(client.ApiException, match="pods is forbidden"),
    ):
        client.CoreV1Api(api).list_namespaced_pod("default")


def test_what_the_api_server_knows_outlives_it(control_plane: ControlPlane) -> None:
    with control_plane.api() as api:
        core = client.CoreV1Api(api)
        core.create_namespaced_config_map("default", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="kept")))

    control_plane.kill_api()
    control_plane.start_api()

    with control_plane.api() as api:
        maps = client.CoreV1Api(api).list_namespaced_config_map("default", field_selector="metadata.name=kept")
    assert len(maps.items) == 1
