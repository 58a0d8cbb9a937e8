"""The torch room: data, models, timed loops, the clock. A process of its own, imported by nothing."""
