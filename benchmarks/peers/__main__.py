"""`python -m benchmarks.peers NAME [ARGUMENT]`: be one of the peers; `benchmarks.peers.process` starts it."""

import sys

from benchmarks.peers import protocol

protocol.serve(f"benchmarks.peers.{sys.argv[1]}")
