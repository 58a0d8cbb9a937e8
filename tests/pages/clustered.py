"""Other machines on the Compare page, for its tests: their address, their kinds, and what a visitor does."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.builders import TEST_GPU

ADDRESS = "10.1.2.3:6379"
GPU_KIND, CPU_KIND, OTHER = f"@NVIDIA {TEST_GPU}", "@Test CPU", "@Other CPU"


def ended(dashboard, visitor: AppTest) -> AppTest:
    """Back when all jobs of the address are over, and the page has been run again."""
    for job_id in visitor.query_params["job"].split(","):
        dashboard.finished(job_id)
    return visitor.run()


def choose(visitor: AppTest, *devices: str) -> AppTest:
    return visitor.pills(key="devices").set_value(list(devices)).run()
