"""What people would use instead, each in a process of its own, taking turns with this project's best setup."""
