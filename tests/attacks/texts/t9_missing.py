"""T9: defines nothing that was asked, but something of a hostile name that is near to it."""

globals()["<b>quick\u202e\x9b"] = type("Near", (), {"__module__": __name__})
