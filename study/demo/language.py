"""Opinions and events of the generated tasks, and the sentences that express them.

Many words are negations (not, nobody, denied, failed to), and each reverses the meaning. A model
has to multiply signs along the sentence, for which it needs depth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

TARGETS = ("film", "plot", "script", "music", "ending", "story", "cast", "title")
# Whether a word keeps (1) or reverses (-1) the sentiment of its clause.
HOLDERS = {"everyone": 1, "critics": 1, "many": 1, "nobody": -1, "few": -1}
ATTITUDES = {"said": 1, "thought": 1, "agreed": 1, "denied": -1, "doubted": -1}
DEGREES = {"very": 1, "really": 1, "truly": 1, "not": -1, "never": -1, "hardly": -1}
QUALITIES = {
    **dict.fromkeys(("good", "great", "clever", "funny", "moving", "charming"), 1),
    **dict.fromkeys(("bad", "dull", "weak", "clumsy", "boring", "awful"), -1),
}
SIGNS = HOLDERS | ATTITUDES | DEGREES | QUALITIES

# People occur in fixed pairs, so that word order and not the name shows who acts on whom.
PAIRS = (
    ("doctor", "patient"),
    ("teacher", "pupil"),
    ("guide", "tourist"),
    ("waiter", "guest"),
    ("coach", "player"),
    ("judge", "witness"),
)
PLACES = ("rome", "paris", "london", "berlin")
# Each verb is a pair of synonyms.
VERBS = (("praise", "applaud"), ("help", "assist"), ("phone", "call"), ("follow", "trail"))
# Whether someone who does this to an action (manages to help) does the action (1) or not (-1).
IMPLICATIVES = {"manage": 1, "remember": 1, "fail": -1, "refuse": -1, "decline": -1}


def past(verb: str) -> str:
    """Returns the past tense of a verb; all verbs here are regular."""
    return verb + ("d" if verb.endswith("e") else "ed")


BASES = (*(verb for synonyms in VERBS for verb in synonyms), *IMPLICATIVES)
CONTENT_WORDS = (*TARGETS, *SIGNS, *(person for pair in PAIRS for person in pair), *PLACES)
FUNCTION_WORDS = "the was that although , but did to by in who where it ?".split()
WORDS = (*CONTENT_WORDS, *BASES, *map(past, BASES), *FUNCTION_WORDS)


@dataclass(frozen=True)
class Opinion:
    """An opinion about one target."""

    target: str
    quality: str
    degree: str | None = None
    source: tuple[str, str] | None = None  # (holder, attitude)

    def sentiment(self) -> int:
        """Returns 1 for praise and -1 for blame: the product of the words' signs."""
        words = (*(self.source or ()), self.degree, self.quality)
        return math.prod(SIGNS[word] for word in words if word)

    def to_text(self) -> str:
        """Returns the opinion as a clause."""
        source = f"{' '.join(self.source)} that " if self.source else ""
        degree = f"{self.degree} " if self.degree else ""
        return f"{source}the {self.target} was {degree}{self.quality}"


@dataclass(frozen=True)
class Review:
    """An opinion, possibly with a conceded one that does not count."""

    opinion: Opinion
    conceded: Opinion | None = None

    def sentiment(self) -> int:
        """Returns the sentiment of the opinion; the conceded one does not count."""
        return self.opinion.sentiment()

    def to_text(self, rng: Random) -> str:
        """Returns the review as a sentence."""
        main = self.opinion.to_text()
        if self.conceded is None:
            return main
        other = self.conceded.to_text()
        ways = (
            f"although {other} , {main}",
            f"{main} , although {other}",
            f"{other} , but {main}",
        )
        return rng.choice(ways)


@dataclass(frozen=True)
class Event:
    """Who did, or did not do, what to whom, and where if a place is known."""

    agent: str
    verb: tuple[str, str]
    patient: str
    happened: bool = True
    place: str | None = None

    def to_text(self, rng: Random) -> str:
        """Returns the event as a sentence, mostly in the active voice."""
        place = f" in {self.place}" if self.place else ""
        if rng.random() < 0.1:
            verb = ("" if self.happened else "not ") + past(rng.choice(self.verb))
            return f"the {self.patient} was {verb} by the {self.agent}{place}"
        return f"the {self.agent} {self.action(rng)} the {self.patient}{place}"

    def action(self, rng: Random) -> str:
        """Returns words that say whether the action happened, some with an implicative verb."""
        words, done = [rng.choice(self.verb)], True
        if rng.random() < 0.5:
            implicative = rng.choice(list(IMPLICATIVES))
            words, done = [implicative, "to", *words], IMPLICATIVES[implicative] > 0
        words = [past(words[0]), *words[1:]] if done == self.happened else ["did", "not", *words]
        return " ".join(words)


@dataclass(frozen=True)
class Question:
    """A question about an event: who was its agent, or what was its place."""

    slot: str  # "agent" or "place"
    event: Event

    def to_text(self, rng: Random) -> str:
        """Returns the question as a sentence."""
        action = f"{self.event.action(rng)} the {self.event.patient} ?"
        if self.slot == "agent":
            return f"who {action}"
        return f"where was it that the {self.event.agent} {action}"

    def answered_by(self, event: Event) -> bool:
        """Whether `event` fills the slot and agrees with everything that the question gives."""
        given = {"agent", "verb", "patient", "happened"} - {self.slot}
        states = getattr(event, self.slot) is not None
        return states and all(getattr(event, slot) == getattr(self.event, slot) for slot in given)
