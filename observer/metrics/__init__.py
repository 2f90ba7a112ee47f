"""What Prometheus is told: figures that the parts of the node keep, put into words when they are asked for."""
