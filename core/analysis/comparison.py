"""Two runs of one workload: by how much is the candidate faster, or why nobody can say."""

from __future__ import annotations

from core.analysis.caveats import of_pair, of_run
from core.analysis.comparability import differences
from core.analysis.parity import REASONS, parity
from core.analysis.soundness import refuse_overlap, refuse_unsound
from core.analysis.speedup import MIN_BLOCKS, speedup
from core.errors import InputError
from core.records import Comparison, Estimate, Parity, RunResult, Verdict


def compare(baseline: RunResult, candidate: RunResult) -> Comparison:
    """The speed-up of the candidate: seconds per image of the baseline over those of the candidate.

    Withheld, with a reason, where a run failed or is too short, or where the work wasn't the same. Raises
    InputError: same_run; not_comparable for different workloads; malformed_record and schema_unreadable for
    what can't have been measured (core.analysis.soundness).
    """
    if baseline.id == candidate.id:
        raise InputError("same_run", run=baseline.id)
    for run in (baseline, candidate):
        refuse_unsound(run, f"RunResult {run.id}")
    work = [item.field for item in differences(baseline, candidate) if item.code == "other_work"]
    if work:
        raise InputError("not_comparable", fields=", ".join(work))
    agreement = parity(baseline, candidate)
    reason = _reason_to_withhold(baseline, candidate, agreement)
    if reason is None:
        refuse_overlap(baseline, candidate)
    found, pairs = (None, 0) if reason else speedup(baseline, candidate)
    return Comparison(
        baseline=baseline,
        candidate=candidate,
        speedup=found,
        pairs=pairs,
        parity=agreement,
        verdict=_verdict(found, reason),
        caveats=of_run(baseline) + of_run(candidate) + of_pair(baseline, candidate),
    )


def _reason_to_withhold(baseline: RunResult, candidate: RunResult, agreement: Parity) -> str | None:
    if "failed" in (baseline.status, candidate.status):
        return "run_failed"
    if agreement.cause is not None:
        return REASONS[agreement.cause]
    if min(len(baseline.blocks), len(candidate.blocks)) < MIN_BLOCKS:
        return "too_few_blocks"
    return None


def _verdict(speedup: Estimate | None, reason: str | None) -> Verdict:
    if speedup is None:
        return Verdict("withheld", reason)
    if speedup.low > 1:
        return Verdict("faster")
    if speedup.high < 1:
        return Verdict("slower")
    return Verdict("no_difference")
