"""A page's controls as one frozen choice, and the address that follows them, without language or defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Generic, TypeVar, get_args, get_type_hints

import streamlit as st

from core import offers
from core.errors import InputError
from core.i18n import Translate
from core.records import JobSpec
from core.runs.admission import Limits, check
from pages._shared import resources

C = TypeVar("C")  # a frozen dataclass whose fields have defaults and are text or whole numbers
JOB = "job"  # the parameter that names the job being looked at
# whose controls have these names in the session
_OF_COMPARE = ("model", "dataset", "batch_size", "task")


class Controls(Generic[C]):
    """One page's choice in three places: widgets (session keys PAGE_FIELD), address, and what is kept of it."""

    def __init__(
        self,
        kind: type[C],
        page: str,
        job: Callable[[C], JobSpec],
        link: str = JOB,
        *,
        linked_choice: bool = True,
        kept: Sequence[str] = ("lang",),
    ) -> None:
        """`job`: what a choice would ask for, to be checked.

        `link`: the parameter that names what is followed; `linked_choice`: whether it is a job that stands for
        a choice. `kept`: parameters of others.
        """
        self._kind, self._page, self._job, self.link, self._kept = kind, page, job, link, tuple(kept)
        self._linked_choice = linked_choice
        hints = get_type_hints(kind)
        self.names = tuple(item.name for item in fields(kind))  # type: ignore[arg-type]
        self._types = {name: int if hints[name] is int else str for name in self.names}
        self.allowed: dict[str, tuple[Any, ...]] = {
            name: get_args(hint) for name, hint in hints.items() if get_args(hint)
        }

    def key(self, name: str) -> str:
        return f"{self._page}_{name}"

    def read(self) -> C:
        """The choice as the controls hold it."""
        default = self._kind()
        found = {name: st.session_state.get(self.key(name)) or getattr(default, name) for name in self.names}
        return self._kind(**found)

    def follow_address(
        self, limits: Limits, linked: C | None = None, also: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """Take new parameters of the address into the controls; the names of those that made no sense.

        `linked`: the choice of the job that the address names. A visitor who comes back from another page finds
        what was chosen here; at first, what is chosen on the Compare page, and `also` this.
        """
        state, given = st.session_state, self._given()
        arriving = self.key(self.names[0]) not in state
        if not arriving and given == state[self.key("address")]:
            return ()
        choice, rejected = self._read(given, limits, linked or self._kind())
        if arriving and not given:
            kept, shared = state.get(self.key("choice")), [name for name in _OF_COMPARE if name in self.names]
            elsewhere = {name: str(state[name]) for name in shared if state.get(name)} | dict(also or {})
            choice = self._kind(**kept) if kept else self._read(elsewhere, limits, choice)[0]
        for name in self.names:
            state[self.key(name)] = getattr(choice, name)
        state[self.key("address")] = given
        return rejected

    def _given(self) -> dict[str, str]:
        names = (*self.names, *([self.link] if self._linked_choice else []))
        return {name: st.query_params[name] for name in names if name in st.query_params}

    def _read(self, given: Mapping[str, str], limits: Limits, base: C) -> tuple[C, tuple[str, ...]]:
        choice, rejected = base, []
        for name in self.names:
            if name not in given:
                continue
            try:
                if name in self.allowed and given[name] not in self.allowed[name]:
                    raise ValueError(given[name])
                changed = replace(choice, **{name: self._types[name](given[name])})  # type: ignore[type-var]
                check(self._job(changed), limits)
            except (ValueError, InputError):
                rejected.append(name)
            else:
                choice = changed
        return choice, tuple(rejected)

    def write_address(self, choice: C, link: str | None) -> None:
        """Make the address a permalink of what is shown; what is at its default is left out."""
        default = self._kind()
        chosen = {name: getattr(choice, name) for name in self.names}
        parameters = {name: str(value) for name, value in chosen.items() if value != getattr(default, name)}
        followed = {self.link: link} if link else {}
        others = {name: value for name, value in st.query_params.to_dict().items() if name in self._kept}
        wanted = {**others, **parameters, **followed}
        if wanted != st.query_params.to_dict():
            st.query_params.from_dict(wanted)
        st.session_state[self.key("address")] = parameters | (followed if self._linked_choice else {})
        st.session_state[self.key("choice")] = chosen

    def leave_job(self) -> None:
        """Something else was chosen: what the address follows isn't of it."""
        st.query_params.pop(self.link, None)
        st.session_state[self.key("address")].pop(self.link, None)  # or the controls would follow the address

    def follow(self, link: str) -> None:
        """Put what was just started into the address, so that a reload goes on following it."""
        st.query_params[self.link] = st.session_state[self.key("last")] = link

    def last(self) -> str | None:
        """What this session started last: without a store it can't be found again by its workload."""
        link: str | None = st.session_state.get(self.key("last"))
        return link

    # --- widgets ---------------------------------------------------------------------------------

    def model(self, translate: Translate) -> None:
        limits = resources.runner().limits
        names = limits.models(offers.MODELS)
        self._select(translate("Model"), "model", names, model_help(limits, translate), free=limits.free)

    def dataset(self, translate: Translate) -> None:
        limits = resources.runner().limits
        names = limits.datasets(offers.DATASETS)
        self._select(translate("Data set"), "dataset", names, dataset_help(limits, translate), free=True)

    def batch_size(self, translate: Translate) -> None:
        model = st.session_state[self.key("model")] or offers.DEFAULT.model
        sizes = resources.runner().limits.batch_sizes(model, offers.batch_sizes(model))
        st.select_slider(
            translate("Batch size"),
            sorted({*sizes, st.session_state[self.key("batch_size")]}),
            key=self.key("batch_size"),
            on_change=self.leave_job,
            help=translate("Images in one training step. A GPU gains most from large batches."),
        )

    def _select(self, label: str, name: str, options: Sequence[str], help_text: str, *, free: bool) -> None:
        chosen = st.session_state[self.key(name)]
        shown = [*options, *([chosen] if chosen and chosen not in options else [])]
        st.selectbox(
            label, shown, key=self.key(name), accept_new_options=free, help=help_text, on_change=self.leave_job
        )


def model_help(limits: Limits, translate: Translate) -> str:
    if limits.free:
        return translate("Any torchvision classifier can be typed in by its name.")
    return translate("These are what this public server measures. On a machine of your own it can be any.")


def dataset_help(limits: Limits, translate: Translate) -> str:
    if limits.free:
        return translate(
            "Also synthetic:3x224x224, or folder:PATH for your own images with one sub-folder for each class."
        )
    return translate("Also small random images of any shape, as in synthetic:3x32x32,images=2048.")
