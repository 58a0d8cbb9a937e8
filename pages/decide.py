"""Decide: is it worth it, and which one?"""

import streamlit as st

from core.errors import CrossoverError
from core.records import Note
from pages._decide import decide_controls, decide_prices, decide_runs, decide_view
from pages._decide.decide_costs import decide
from pages._shared import language, notices, resources

_ = language.current()

# 1. What is asked for: by the address, then by the controls
rejected = decide_controls.follow_address()
st.title(_("Is it worth it, and which one?"), anchor=False)
st.caption(_("What your training takes in hours, money and energy on each measured device, and what pays off."))
notices.told(rejected)
found, today, answer = None, None, None
try:
    with st.sidebar:
        decide_controls.workload(decide_runs.measured(), _)
    found = decide_runs.known(decide_controls.read())
    with st.sidebar:
        today = decide_controls.amounts(found.candidates, _)
        goal, what_if = decide_controls.target(_), decide_controls.what_if(_)
    choice = decide_controls.read()
    decide_controls.write_address(choice, found.candidates)

    # 2. What it costs on each device
    if today is not None:
        table = decide_prices.table(found.candidates, today)
        answer = decide(found.candidates, today, choice.plan(), table, what_if)
except CrossoverError as problem:
    notices.problem(decide_prices.in_words(problem, _))
for bad in resources.recordings().bad_files:
    notices.problem(Note(bad.code, bad.facts))  # type: ignore[arg-type]
if found is not None:
    decide_view.missing(found, answer, _)

# 3. The answer, its evidence, and the prices that it hangs on
if found is not None and today is None:
    decide_view.nothing_yet(_)
elif found is not None:
    if answer is not None:
        decide_view.show(answer, found, choice, goal, _)
    else:
        decide_view.no_answer(found, _)
