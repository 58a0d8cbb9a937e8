"""What the Crossover page draws: sweeps, their lines, predictions, time to accuracy."""
