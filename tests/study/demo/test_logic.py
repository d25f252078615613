"""Entailment agrees with the rules of logic, and with sentences evaluated in random worlds."""

from collections.abc import Iterator
from itertools import combinations, compress, product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.demo.logic import ADJECTIVES, ANIMALS, Statement, consistent, entailed, equivalent
from study.demo.tasks import duplicate, inference, recognition

NOUN_PHRASE = (*ANIMALS, *ADJECTIVES)
World = list[set[str]]  # things, each the set of words that describe it


def is_true(sentence: str, world: World) -> bool:
    """Evaluates the words of a sentence in a world, independently of `Statement`."""
    if sentence.startswith("it is false that "):
        return not is_true(sentence.removeprefix("it is false that "), world)
    subject, predicate = sentence.split(" were ")
    kind = [word for word in subject.split() if word in NOUN_PHRASE]
    verb = predicate.split()[-1]
    did = [(verb in thing) != predicate.startswith("not ") for thing in world if {*kind} <= thing]
    if subject.startswith("not all"):
        return not all(did)
    return all(did) if subject.startswith("all") else any(did) == subject.startswith("some")


def as_sentence(question: str) -> str:
    """Turns a yes/no question back into its sentence."""
    if question.startswith("is it "):
        return "it is " + question.removeprefix("is it ").removesuffix(" ?")
    words = question.removeprefix("were ").removesuffix(" ?").split()
    noun = max(words.index(word) for word in words if word in ANIMALS)
    return " ".join([*words[: noun + 1], "were", *words[noun + 1 :]])


def words_and_kinds(*sentences: str) -> tuple[list[str], list[set[str]]]:
    """Returns the words that can describe a thing, and the kinds that the sentences are about."""
    words = {*" ".join(sentences).split()}
    words = {word for word in words if word in NOUN_PHRASE or word.endswith("ing")}
    clauses = [clause for sentence in sentences for clause in sentence.split(" and ")]
    return sorted(words), [words & {*clause.split(" were ")[0].split()} for clause in clauses]


def small_worlds(*sentences: str) -> Iterator[World]:
    """Yields all worlds of up to three things in which each of the kinds exists."""
    words, kinds = words_and_kinds(*sentences)
    things = [set(compress(words, fits)) for fits in product((0, 1), repeat=len(words))]
    for size in (1, 2, 3):
        for world in combinations(things, size):
            if all(any(kind <= thing for thing in world) for kind in kinds):
                yield list(world)


def random_worlds(rng: Random, *sentences: str) -> Iterator[World]:
    """Draws worlds in which each of the kinds exists, for sentences of many words."""
    words, kinds = words_and_kinds(*sentences)
    for _ in range(60):
        things = rng.choices(kinds, k=rng.randint(0, 2)) + kinds
        yield [kind | {word for word in words if rng.random() < 0.5} for kind in things]


ALL, NO = Statement(True, False, "dogs", "running"), Statement(True, True, "dogs", "running")
SOME, NOT_ALL = NO.negated(), ALL.negated()
ALL_OLD = Statement(True, False, "dogs", "running", "old")
SOME_OLD = Statement(False, False, "dogs", "running", "old")
ALL_CATS = Statement(True, False, "cats", "running")


@pytest.mark.parametrize(
    ("premise", "hypothesis", "follows", "compatible"),
    [
        (ALL, SOME, True, True),
        (SOME, ALL, False, True),
        (NO, NOT_ALL, True, True),
        (ALL, NO, False, False),
        (ALL, NOT_ALL, False, False),
        (SOME, NOT_ALL, False, True),
        (ALL, ALL_OLD, True, True),  # "all" can be narrowed
        (ALL_OLD, ALL, False, True),
        (SOME_OLD, SOME, True, True),  # "some" can be widened
        (SOME, SOME_OLD, False, True),
        (NO, SOME_OLD, False, False),
        (ALL, ALL_CATS, False, True),
    ],
)
def test_the_square_of_opposition_holds(
    premise: Statement, hypothesis: Statement, follows: bool, compatible: bool
) -> None:
    assert entailed([premise], hypothesis) == follows
    assert consistent(premise, hypothesis) == compatible


def test_premises_count_together() -> None:
    no_old = SOME_OLD.negated()
    assert not entailed([SOME], NOT_ALL)
    assert entailed([SOME, no_old], NOT_ALL)


def test_a_statement_is_equivalent_to_its_double_negation_alone() -> None:
    assert equivalent(ALL, ALL.negated().negated())
    assert not equivalent(ALL, SOME)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_inference_labels_hold_in_all_small_worlds(seed: int) -> None:
    (premise, hypothesis), label = inference(Random(seed), ANIMALS)
    worlds = [one for one in small_worlds(premise, hypothesis) if is_true(premise, one)]
    outcomes = {is_true(hypothesis, world) for world in worlds}
    assert outcomes == {0: {True}, 1: {True, False}, 2: {False}}[label]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_duplicates_are_the_questions_with_one_answer_in_all_small_worlds(seed: int) -> None:
    questions, label = duplicate(Random(seed), ANIMALS)
    first, second = map(as_sentence, questions)
    worlds = small_worlds(first, second)
    assert all(is_true(first, world) == is_true(second, world) for world in worlds) == label


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_recognised_entailments_hold_in_random_worlds(seed: int) -> None:
    (premises, hypothesis), label = recognition(Random(seed), ANIMALS)
    for world in random_worlds(Random(seed), premises, hypothesis):
        if label == 0 and all(is_true(one, world) for one in premises.split(" and ")):
            assert is_true(hypothesis, world)
