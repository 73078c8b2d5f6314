"""From what lies in a download to what a worker is shown."""
