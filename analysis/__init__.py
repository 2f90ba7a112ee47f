"""What samples mean: which command they give, which remote track an inbound one plays, and which reports. Pure."""
