"""Quantified statements of the generated tasks, and what follows from what.

Entailment is computed from the possible worlds, so no template carries a label.
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
# (universal, negative) of a statement, and the two ways to say that.
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
    """That all, no, some or not all things of a kind were doing something."""

    universal: bool  # said of all, or of at least one
    negative: bool  # that they were not
    noun: str
    verb: str
    adjective: str | None = None

    @property
    def kind(self) -> frozenset[str]:
        """The words that fit every thing spoken of."""
        return frozenset(word for word in (self.noun, self.adjective) if word)

    def negated(self) -> Statement:
        """Returns the statement that is true exactly where this one is false."""
        return replace(self, universal=not self.universal, negative=not self.negative)

    def tell(self, rng: Random, twist: float = 0.0) -> str:
        """Says the statement; with probability `twist`, by way of two negations."""
        denial, subject, negation = self._phrase(rng, twist)
        return f"{'it is false that ' if denial else ''}{subject} were {negation}{self.verb}"

    def ask(self, rng: Random, twist: float = 0.0) -> str:
        """Asks whether the statement is true, with the same choice of ways to say it."""
        denial, subject, negation = self._phrase(rng, twist)
        if denial:
            return f"is it false that {subject} were {self.verb} ?"
        return f"were {subject} {negation}{self.verb} ?"

    def _phrase(self, rng: Random, twist: float) -> tuple[bool, str, str]:
        """Chooses (whether to deny the negation, the subject, "not " or nothing)."""
        said, denial, negation = self, False, ""
        if rng.random() < twist:
            # "All ... were not" would be heard in two ways, so "no" is twisted by denial alone.
            denial = (self.universal and self.negative) or rng.random() < 0.5
            if denial:
                said = self.negated()
            else:
                said, negation = replace(self, negative=not self.negative), "not "
        quantifier = rng.choice(QUANTIFIERS[said.universal, said.negative])
        words = (quantifier, self.adjective, self.noun)
        return denial, " ".join(word for word in words if word), negation

    def concerns(self, thing: frozenset[str]) -> bool:
        """Tells whether a thing so described refutes (if universal) or proves the statement."""
        return self.kind <= thing and (self.verb in thing) == (self.universal == self.negative)


def consistent(*statements: Statement) -> bool:
    """Tells whether some world makes all statements true.

    A thing is described by the set of the words that fit it, a world by the things in it. A
    universal statement bans things and an existential one demands one of several, so a world
    exists exactly when each demand can be met by a thing that is not banned. That things of each
    kind spoken of exist is demanded too: readers presuppose it (Strawson entailment).
    """
    words = sorted({word for one in statements for word in (*one.kind, one.verb)})
    things = (frozenset(compress(words, fits)) for fits in product((0, 1), repeat=len(words)))
    universals = [one for one in statements if one.universal]
    allowed = [thing for thing in things if not any(one.concerns(thing) for one in universals)]
    return all(
        any(one.kind <= thing for thing in allowed)
        and (one.universal or any(one.concerns(thing) for thing in allowed))
        for one in statements
    )


def entailed(premises: Iterable[Statement], hypothesis: Statement) -> bool:
    """Tells whether the hypothesis is true in every world that makes the premises true."""
    return not consistent(*premises, hypothesis.negated())


def equivalent(one: Statement, other: Statement) -> bool:
    """Tells whether two statements are true in the same worlds."""
    return entailed([one], other) and entailed([other], one)
