"""A watched step as the text of a Mermaid sequence diagram: the same actors and messages as the timeline's."""

from __future__ import annotations

from core import explaining
from core.analysis.flow import MessageCode
from core.figures.sequence import Panel
from core.i18n import Translate

# Words are wrapped and the actors drawn once, so that it can be read on a phone.
_NARROW = '%%{init: {"sequence": {"wrap": true, "width": 110, "actorMargin": 24, "mirrorActors": false}}}%%'
_NOT_WAITED_FOR: set[MessageCode] = {"copy", "launch", "return"}
_ANSWERS: set[MessageCode] = {"batch", "done", "arrives", "returned", "ready", "loss", "answers", "features"}


def sequence_diagram(panel: Panel, translate: Translate) -> str:
    """Solid arrows ask, dashed ones answer; open heads where the sender doesn't wait."""
    lines = [_NARROW, "sequenceDiagram", "    autonumber"]
    for actor in panel.flow.actors:
        kind = "actor" if actor == "user" else "participant"
        name = explaining.actor_words(actor, panel.result, translate)
        lines.append(f"    {kind} {actor} as {_plain(name)}")
    on_cpu = panel.flow.device == "cpu"
    for message in panel.flow.messages:
        asks = "-)" if message.code in _NOT_WAITED_FOR and not on_cpu else "->>"
        arrow = "-->>" if message.code in _ANSWERS else asks
        said = explaining.message_words(message, panel.flow, translate)
        lines.append(f"    {message.sender}{arrow}{message.receiver}: {_plain(said)}")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Without what Mermaid reads as a mark of its own."""
    return text.replace(";", ",").replace("#", "").replace("\n", " ").replace("<", "").replace(">", "").strip()
