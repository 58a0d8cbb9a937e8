"""What the Decide page draws: cost over runs a month, time of a run, what moves the answer."""
