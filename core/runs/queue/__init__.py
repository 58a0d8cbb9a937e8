"""A job's life: let in, queued, measured by a worker, followed, kept. One at a time on this machine."""
