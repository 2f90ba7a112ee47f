"""A cheap load generator: plain sockets in one thread, messages masked before the clock starts.

    python -m benchmarks.load --url ws://127.0.0.1:7080/samples/bench/load --messages FILE.jsonl[.gz]
                              [--calls-of 0] [COMMAND ...]

FILE has one JSON message a line; a connection plays the lines of one client over and over, in order. Connections beyond
the clients of the file play copies of them: with `--calls-of 0` copies differ by their client ids alone and are in one
call; otherwise so many copies share a call, and each has peer connections, tracks and SSRCs of its own. Messages are
JSON in binary frames, as browsers send them; with an http address they are posted, one after the other over each
connection.

A COMMAND is one argument, or a line of the standard input if there are none. Each is answered with a JSON object:

    open COUNT [RATE]     opens until there are COUNT, as fast as the server takes them or RATE a second
    flat SECONDS          each sends as fast as the server takes it
    rated SECONDS RATE    RATE messages a second in all, evenly spread over time and connections
    once RATE             each sends one message, RATE a second in all
    wait SECONDS          answers the server and sends nothing
    reset                 all connections end at once, without a word
    close                 all leave as clients do

After `flat` each WebSocket sends a ping and waits for its pong, so all was read by the server; after `rated` and `once`
the one that spoke last does. Between commands it answers the pings of the server.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.load.generator import Generator
from benchmarks.load.texts import clients_of
from observer.open_files import raised_file_limit

_FILES = 65_536


def obey(generator: Generator, words: list[str]) -> dict[str, Any]:
    """Does one command. Raises ValueError for one that there is not."""
    match words:
        case ["open", count]:
            return generator.open(int(count))
        case ["open", count, rate]:
            return generator.open(int(count), float(rate))
        case ["flat", seconds]:
            return generator.flat(float(seconds))
        case ["rated", seconds, rate]:
            return generator.rated(float(seconds), float(rate))
        case ["once", rate]:
            return generator.once(float(rate))
        case ["wait", seconds]:
            return generator.wait(float(seconds))
        case ["reset"]:
            return generator.reset()
        case ["close"]:
            return generator.close()
    raise ValueError(f"nobody knows how to {' '.join(words)!r}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--messages", type=Path, required=True)
    parser.add_argument("--calls-of", type=int, default=0)
    parser.add_argument("command", nargs="*")
    o = parser.parse_args()
    raised_file_limit(_FILES)
    generator = Generator(o.url, clients_of(o.messages), o.calls_of)
    for command in o.command:
        print(json.dumps(obey(generator, command.split())), flush=True)
    while not o.command:
        generator.rest_until_readable(sys.stdin.fileno())
        line = sys.stdin.readline()
        if not line:
            return
        print(json.dumps(obey(generator, line.split())), flush=True)


if __name__ == "__main__":
    main()
