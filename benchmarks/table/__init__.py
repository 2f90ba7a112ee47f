"""The targets of speed and what came of them; see `python -m benchmarks.table --help`."""
