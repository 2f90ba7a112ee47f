"""What `benchmarks.capacity` is made of."""
