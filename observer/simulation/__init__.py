"""Simulated calls that know their own truth, and what plays them to a deployment."""
