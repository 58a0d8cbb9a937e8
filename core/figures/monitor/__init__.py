"""What the machine is doing, drawn: from the monitor's records alone."""
