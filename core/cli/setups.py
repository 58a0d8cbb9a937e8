"""The options of a command that say on what it measures."""

from __future__ import annotations

import argparse


def add_setups(parser: argparse.ArgumentParser) -> None:
    """`--device` and `--setup`, both collected in `setups` as texts for `core.setups.parse_setup`."""
    parser.add_argument(
        "--device",
        dest="setups",
        action="append",
        type=lambda name: f"device={name}",
        metavar="DEVICE",
        help="cpu, cuda:0, mps, ...: short for --setup device=DEVICE; repeatable, the first is the baseline",
    )
    parser.add_argument(
        "--setup",
        dest="setups",
        action="append",
        metavar="device=D,threads=N,precision=P,data_path=W",
        help="a device and how to use it; repeatable",
    )
