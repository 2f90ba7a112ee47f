"""Who are my peers: a static list, or the pods of a Kubernetes namespace. Not there yet: a node runs alone."""
