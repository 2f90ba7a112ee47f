"""The health check of the image: ends with 0 if the node answers that it is healthy, with 1 if not.

``healthy.py [URL]``; the default is the environment's `HEALTH_URL`, else the liveness on the port for operators, on
this host. Proxies of the environment are not asked. It runs every few seconds, so it imports little.
"""

import http.client
import os
import sys

LIVENESS = "http://127.0.0.1:7081/health/liveness"
TIMEOUT_S = 4.0


def main(arguments: list[str]) -> int:
    """Asks once, and tells what was answered; raises `ValueError` for what is no URL such as the default."""
    url = arguments[0] if arguments else os.environ.get("HEALTH_URL", LIVENESS)
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    if scheme != "http" or not authority:
        raise ValueError(f"{url!r} is no URL such as {LIVENESS}")
    connection = http.client.HTTPConnection(authority, timeout=TIMEOUT_S)
    try:
        connection.request("GET", f"/{path}")
        answer = connection.getresponse()
        print(answer.status, answer.read(1000).decode(errors="replace"))  # noqa: T201 - engines keep what is printed
        return int(answer.status != 200)
    except (OSError, http.client.HTTPException) as error:
        print(f"{url}: {error or type(error).__name__}")  # noqa: T201 - engines keep what is printed
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
