"""What comes in from files and goes out in them: read with suspicion, masked before it leaves."""
