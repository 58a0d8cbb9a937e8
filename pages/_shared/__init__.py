"""What several pages use: session-state keys, cached loads, widgets and texts."""
