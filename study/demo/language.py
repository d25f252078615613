"""Opinions and events of the generated tasks, and the ways to say them.

Negation comes in many words (not, nobody, denied, failed to), and each turns the meaning round:
a reader has to multiply signs along the sentence, which is what depth is for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

TARGETS = ("film", "plot", "script", "music", "ending", "story", "cast", "title")
# What a word does to the sentiment of its clause: keep it (1) or turn it round (-1).
HOLDERS = {"everyone": 1, "critics": 1, "many": 1, "nobody": -1, "few": -1}
ATTITUDES = {"said": 1, "thought": 1, "agreed": 1, "denied": -1, "doubted": -1}
DEGREES = {"very": 1, "really": 1, "truly": 1, "not": -1, "never": -1, "hardly": -1}
QUALITIES = {
    **dict.fromkeys(("good", "great", "clever", "funny", "moving", "charming"), 1),
    **dict.fromkeys(("bad", "dull", "weak", "clumsy", "boring", "awful"), -1),
}
SIGNS = HOLDERS | ATTITUDES | DEGREES | QUALITIES

# People meet in fixed pairs, so that who acts on whom is told by order, not by a list of names.
PAIRS = (
    ("doctor", "patient"),
    ("teacher", "pupil"),
    ("guide", "tourist"),
    ("waiter", "guest"),
    ("coach", "player"),
    ("judge", "witness"),
)
PLACES = ("rome", "paris", "london", "berlin")
# A verb is a meaning that either of two synonyms says.
VERBS = (("praise", "applaud"), ("help", "assist"), ("phone", "call"), ("follow", "trail"))
# Whether who does this to a deed (manages to help) does the deed (1) or not (-1).
IMPLICATIVES = {"manage": 1, "remember": 1, "fail": -1, "refuse": -1, "decline": -1}


def past(verb: str) -> str:
    """Returns the past tense of a regular verb; all verbs here are regular."""
    return verb + ("d" if verb.endswith("e") else "ed")


BASES = (*(verb for synonyms in VERBS for verb in synonyms), *IMPLICATIVES)
CONTENT_WORDS = (*TARGETS, *SIGNS, *(person for pair in PAIRS for person in pair), *PLACES)
FUNCTION_WORDS = "the was that although , but did to by in who where it ?".split()
WORDS = (*CONTENT_WORDS, *BASES, *map(past, BASES), *FUNCTION_WORDS)


@dataclass(frozen=True)
class Opinion:
    """A judgement of one target."""

    target: str
    quality: str
    degree: str | None = None
    source: tuple[str, str] | None = None  # (holder, attitude)

    def sentiment(self) -> int:
        """Returns 1 for praise and -1 for blame: the product of the signs of the words."""
        words = (*(self.source or ()), self.degree, self.quality)
        return math.prod(SIGNS[word] for word in words if word)

    def tell(self) -> str:
        """Says the opinion as a clause."""
        source = f"{' '.join(self.source)} that " if self.source else ""
        degree = f"{self.degree} " if self.degree else ""
        return f"{source}the {self.target} was {degree}{self.quality}"


@dataclass(frozen=True)
class Review:
    """An opinion, perhaps with another one that it concedes and outweighs."""

    opinion: Opinion
    conceded: Opinion | None = None

    def sentiment(self) -> int:
        """Returns the sentiment of the opinion; what is conceded does not count."""
        return self.opinion.sentiment()

    def tell(self, rng: Random) -> str:
        """Says the review as a sentence."""
        main = self.opinion.tell()
        if self.conceded is None:
            return main
        other = self.conceded.tell()
        ways = (
            f"although {other} , {main}",
            f"{main} , although {other}",
            f"{other} , but {main}",
        )
        return rng.choice(ways)


@dataclass(frozen=True)
class Event:
    """Who did, or did not do, what to whom, and where if that is said."""

    agent: str
    verb: tuple[str, str]
    patient: str
    happened: bool = True
    place: str | None = None

    def tell(self, rng: Random) -> str:
        """Says the event as a sentence, mostly in the active voice."""
        place = f" in {self.place}" if self.place else ""
        if rng.random() < 0.1:
            verb = ("" if self.happened else "not ") + past(rng.choice(self.verb))
            return f"the {self.patient} was {verb} by the {self.agent}{place}"
        return f"the {self.agent} {self.deed(rng)} the {self.patient}{place}"

    def deed(self, rng: Random) -> str:
        """Says that the deed was or was not done, plainly or by way of an implicative verb."""
        words, done = [rng.choice(self.verb)], True
        if rng.random() < 0.5:
            implicative = rng.choice(list(IMPLICATIVES))
            words, done = [implicative, "to", *words], IMPLICATIVES[implicative] > 0
        words = [past(words[0]), *words[1:]] if done == self.happened else ["did", "not", *words]
        return " ".join(words)


@dataclass(frozen=True)
class Question:
    """What is asked of an event: its agent, or its place."""

    asked: str  # "agent" or "place"
    event: Event

    def tell(self, rng: Random) -> str:
        """Says the question."""
        deed = f"{self.event.deed(rng)} the {self.event.patient} ?"
        if self.asked == "agent":
            return f"who {deed}"
        return f"where was it that the {self.event.agent} {deed}"

    def answered_by(self, event: Event) -> bool:
        """Tells whether `event` states what is asked and agrees with all that is given."""
        given = {"agent", "verb", "patient", "happened"} - {self.asked}
        states = getattr(event, self.asked) is not None
        return states and all(getattr(event, slot) == getattr(self.event, slot) for slot in given)
