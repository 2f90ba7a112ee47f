"""What `helm test` runs: asks the Service for samples and every observer, until all are one cluster or time is up.

Usage: ask.py URL_FOR_SAMPLES HOST_OF_ALL_OBSERVERS PORT_FOR_OPERATORS LEAST_NUMBER
"""

import json
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

PATIENCE_S = 60.0
PAUSE_S = 2.0
TIMEOUT_S = 5.0


def main(samples: str, host: str, port: str, least: str) -> int:
    """Prints what is found; 0 if all is well, 1 if it still is not when time is up."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        problem = trouble(samples, host, int(port), int(least), addresses)
        if problem is None:
            print("All observers are ready and one cluster.")  # noqa: T201 - the log of the pod
            return 0
        print(problem, flush=True)  # noqa: T201 - the log of the pod
        if time.monotonic() >= deadline:
            return 1
        time.sleep(PAUSE_S)


def trouble(samples: str, host: str, port: int, least: int, look_up: Callable[[str, int], set[str]]) -> str | None:
    """What is not as it should be; None if all is."""
    try:
        found = look_up(host, port)
    except OSError as error:
        return f"{host} has no address: {error}"
    if len(found) < least:
        return f"{len(found)} of {least} observers have an address"
    clusters = set()
    for address in sorted(found):
        status, text = answer(f"http://{f'[{address}]' if ':' in address else address}:{port}/health/readiness")
        if status != 200:
            return f"{address} is not ready: {text}"
        clusters.add((json.loads(text).get("cluster") or {}).get("clusterId"))
    if len(clusters) > 1:
        return f"there are {len(clusters)} clusters: {', '.join(sorted(map(str, clusters)))}"
    status, text = answer(samples)
    return None if status == 200 else f"{samples} cannot be asked: {text}"


def addresses(host: str, port: int) -> set[str]:
    """The addresses of a host."""
    return {str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}


def answer(url: str) -> tuple[int, str]:
    """The status and the text of an answer; 0 and the reason if there is none."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:  # noqa: S310 - ours
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
