"""What runs inside the jail, and is started, never imported, by the trusted side."""
