"""From which batch size on a setup is faster: the cells of a sweep, their lines, crossings and predictions."""
