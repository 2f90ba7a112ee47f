"""The command line: ``webrtc-observer run | check | simulate | certificates``.

Exit codes: 0 all went well, 2 wrong use or wrong configuration, 1 failure.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from observer import certificates, simulate
from observer.config import ConfigError, load
from observer.config.check import check
from observer.version import own_version

_LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that `arguments` (default: those of the process) name, and returns its exit code."""
    options = _parser().parse_args(arguments)
    match options.command:
        case "check":
            return check(options.config, os.environ, sys.stdout)
        case "simulate":
            return simulate.main(options)
        case "certificates":
            return certificates.main(options)
        case _:
            return _run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="webrtc-observer",
        description="Observes WebRTC calls: samples in; events, matches and reports out.",
    )
    parser.add_argument("--version", action="version", version=own_version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run one node", description="Runs one node until SIGTERM or SIGINT.")
    run.add_argument(
        "--config", type=Path, metavar="FILE", help="the configuration, a YAML file; all keys have defaults"
    )
    run.add_argument("--log-level", choices=_LEVELS, default="INFO", help="what is logged on standard error")
    checking = commands.add_parser(
        "check",
        help="check a configuration",
        description="Prints the effective configuration with secrets masked (exit code 0), or all that is wrong (2).",
    )
    checking.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration to check")
    simulate.add_arguments(
        commands.add_parser(
            "simulate",
            help="play simulated calls to a deployment",
            description="Plays plausible, consistent calls to a deployment, with a load that ramps up.",
        )
    )
    certificates.add_arguments(
        commands.add_parser(
            "certificates",
            help="make certificates for a cluster",
            description="Makes an authority, if the folder has none, and a certificate for each host.",
        )
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    logging.basicConfig(
        stream=sys.stderr, level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        configuration = load(options.config, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)  # noqa: T201 - told to whoever starts it, before anything is logged
        return 2
    from observer.node import run

    return run(configuration)


if __name__ == "__main__":
    sys.exit(main())
