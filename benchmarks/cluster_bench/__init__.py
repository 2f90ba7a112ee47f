"""Measures `cluster` itself: members as processes of their own on loopback, driven by commands over pipes."""
