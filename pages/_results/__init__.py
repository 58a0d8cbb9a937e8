"""The parts of the Results page: its filters, the list, what can be done with runs, files, leaderboards."""
