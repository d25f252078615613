"""Quantified statements of the generated tasks, and entailment between them.

Entailment is computed from the possible worlds, so no template determines a label.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import compress, product
from random import Random

ANIMALS = ("dogs", "cats", "horses", "birds")
WORKERS = ("nurses", "judges", "pilots", "farmers")
ADJECTIVES = ("old", "small", "tall")
ACTIONS = ("sleeping", "running", "singing", "waiting")
# (universal, negative) of a statement, and two ways to express it.
QUANTIFIERS = {
    (True, False): ("all", "all the"),
    (True, True): ("no", "none of the"),
    (False, False): ("some", "some of the"),
    (False, True): ("not all", "not all the"),
}
FUNCTION_WORDS = "all the no none of some not it is false that were and ?".split()
WORDS = (*ANIMALS, *WORKERS, *ADJECTIVES, *ACTIONS, *FUNCTION_WORDS)


@dataclass(frozen=True)
class Statement:
    """The statement that all, no, some or not all things of a kind were doing something."""

    universal: bool  # about all things of the kind, or about at least one
    negative: bool  # whether they were not doing it
    noun: str
    verb: str
    adjective: str | None = None

    @property
    def kind(self) -> frozenset[str]:
        """The words that describe every thing that the statement is about."""
        return frozenset(word for word in (self.noun, self.adjective) if word)

    def negated(self) -> Statement:
        """Returns the statement that is true exactly where this one is false."""
        return replace(self, universal=not self.universal, negative=not self.negative)

    def to_text(self, rng: Random, twist: float = 0.0) -> str:
        """Returns the statement as a sentence; with probability `twist`, with two negations."""
        denial, subject, negation = self._phrase(rng, twist)
        return f"{'it is false that ' if denial else ''}{subject} were {negation}{self.verb}"

    def to_question(self, rng: Random, twist: float = 0.0) -> str:
        """Returns a question whether the statement is true, in the same variety of words."""
        denial, subject, negation = self._phrase(rng, twist)
        if denial:
            return f"is it false that {subject} were {self.verb} ?"
        return f"were {subject} {negation}{self.verb} ?"

    def _phrase(self, rng: Random, twist: float) -> tuple[bool, str, str]:
        """Chooses (whether to deny the negated statement, the subject, "not " or nothing)."""
        statement, denial, negation = self, False, ""
        if rng.random() < twist:
            # "All ... were not" is ambiguous, so "no" is expressed with a denial only.
            denial = (self.universal and self.negative) or rng.random() < 0.5
            if denial:
                statement = self.negated()
            else:
                statement, negation = replace(self, negative=not self.negative), "not "
        quantifier = rng.choice(QUANTIFIERS[statement.universal, statement.negative])
        words = (quantifier, self.adjective, self.noun)
        return denial, " ".join(word for word in words if word), negation

    def is_decided_by(self, thing: frozenset[str]) -> bool:
        """Whether this thing refutes the statement (if universal) or proves it."""
        return self.kind <= thing and (self.verb in thing) == (self.universal == self.negative)


def consistent(*statements: Statement) -> bool:
    """Whether some world makes all statements true.

    A thing is the set of words that describe it, a world is the set of its things. A universal
    statement bans things, and an existential one requires one of several things. So a world exists
    exactly if each requirement is met by a thing that is not banned. Things of each kind that a
    statement is about must exist too, as readers presuppose (Strawson entailment).
    """
    words = sorted({word for one in statements for word in (*one.kind, one.verb)})
    things = (frozenset(compress(words, fits)) for fits in product((0, 1), repeat=len(words)))
    universals = [one for one in statements if one.universal]
    allowed = [
        thing for thing in things if not any(one.is_decided_by(thing) for one in universals)
    ]
    return all(
        any(one.kind <= thing for thing in allowed)
        and (one.universal or any(one.is_decided_by(thing) for thing in allowed))
        for one in statements
    )


def entailed(premises: Iterable[Statement], hypothesis: Statement) -> bool:
    """Whether the hypothesis is true in every world that makes the premises true."""
    return not consistent(*premises, hypothesis.negated())


def equivalent(one: Statement, other: Statement) -> bool:
    """Whether two statements are true in the same worlds."""
    return entailed([one], other) and entailed([other], one)
