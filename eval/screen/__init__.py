"""What it costs to see a shared screen, and how soon it is read."""
