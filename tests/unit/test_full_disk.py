"""Where a file mustn't grow further, a write is refused as a whole and says so; what was there stays."""

from benchmarks import full_disk


def test_a_write_without_room_leaves_everything_as_it_was(tmp_path):
    faults, refused, _ = full_disk.writes(tmp_path, full_disk.no_growth, "database_write_failed", times=4)
    assert refused
    assert faults == full_disk.Faults()
