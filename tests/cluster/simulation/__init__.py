"""A deterministic simulator of clusters: virtual time, a hostile network, and a court that sees everything."""
