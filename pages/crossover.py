"""Crossover: from which batch size on is a setup faster, and would several devices in one job be?"""

from pages._crossover import crossover_views, scaling_page, sweep_page
from pages._shared import language

_ = language.current()

if crossover_views.chosen(_) == "scaling":
    scaling_page.show(_)
else:
    sweep_page.show(_)
