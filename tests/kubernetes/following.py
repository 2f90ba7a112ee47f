"""A discovery that follows the pods of an API server while a test lasts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import trio
from kubernetes import config
from kubernetes.client import Configuration

from discovery import Found
from discovery.kubernetes import K8sPodsDiscovery
from discovery.pods import ApiLimits

_PATIENCE_S = 30.0
_POLL_S = 0.01

HASTY = ApiLimits(
    connect_timeout_in_s=2.0, read_timeout_in_s=0.3, watch_in_s=1, retry_in_s=0.02, longest_retry_in_s=0.1
)
"""Limits with which a failure is over soon. Nobody but a test is so impatient."""

PATIENT = replace(HASTY, connect_timeout_in_s=20.0, read_timeout_in_s=20.0)
"""The same, but a busy machine is no failure."""


def by(kubeconfig: Path) -> Callable[[], Configuration]:
    """The way to the API server that a kubeconfig tells."""

    def configure() -> Configuration:
        configuration = Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
        return configuration

    return configure


@asynccontextmanager
async def following(discovery: K8sPodsDiscovery) -> AsyncIterator[K8sPodsDiscovery]:
    """Runs it; it has had its first answer, or failure, when this begins."""
    async with trio.open_nursery() as nursery:
        with trio.fail_after(_PATIENCE_S):
            await nursery.start(discovery.run)
        yield discovery
        nursery.cancel_scope.cancel()


async def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds; raises `trio.TooSlowError` if it does not come true."""
    with trio.fail_after(_PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - what is counted in production has no event for tests
            await trio.sleep(_POLL_S)


async def until_found(discovery: K8sPodsDiscovery, holds: Callable[[Found], bool]) -> Found:
    """Waits until what is found is as it should be."""
    found: Found | None = None
    try:
        with trio.fail_after(_PATIENCE_S):
            while True:
                try:
                    found = await discovery.found()
                    if holds(found):
                        return found
                except OSError:
                    found = None
                await trio.sleep(_POLL_S)
    except trio.TooSlowError:
        raise AssertionError(f"{found} {discovery.statistics}") from None
