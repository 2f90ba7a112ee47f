"""One replicated machine on several nodes. Knows no call: what it replicates is anything that is a `Machine`."""
