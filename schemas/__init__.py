"""The words of the field: what a sample holds, what a report holds. Pure: no I/O, no clock, no randomness."""
