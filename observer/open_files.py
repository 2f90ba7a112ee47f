"""How many files, connections among them, this process may have open."""

import resource


def raised_file_limit(wanted: int) -> int:
    """How many files may be open, once the soft limit is `wanted`, or as near to it as the hard limit lets it be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft
