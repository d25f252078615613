"""Writes the generated tasks of the demo: small, in the form of GLUE, and requiring composition.

Columns, types, splits and label codes are those of the hub's `nyu-mll/glue`. The meaning of a row
is drawn first (`study.demo.language`, `study.demo.logic`); its label is computed from the meaning.
All choices are uneven (most actions happened, most statements are about all): with even choices,
the product of many signs gives a model with random weights no gradient to start with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from study.demo import language, logic
from study.demo.language import Event, Opinion, Question, Review
from study.demo.logic import Statement

T = TypeVar("T")
Texts = tuple[str, ...]
Row = tuple[Texts, int]  # the texts of a row and its label

ENTAILMENT, NEUTRAL, CONTRADICTION, NOT_ENTAILMENT = 0, 1, 2, 1


def maybe(rng: Random, probability: float, options: Sequence[T]) -> T | None:
    """Returns one of the options with this probability, else None."""
    return rng.choice(options) if rng.random() < probability else None


def draw_opinion(rng: Random) -> Opinion:
    """Draws an opinion with up to four signed words."""
    source = (rng.choice(list(language.HOLDERS)), rng.choice(list(language.ATTITUDES)))
    return Opinion(
        target=rng.choice(language.TARGETS),
        quality=rng.choice(list(language.QUALITIES)),
        degree=maybe(rng, 0.6, list(language.DEGREES)),
        source=maybe(rng, 0.4, [source]),
    )


def draw_event(rng: Random, located: float) -> Event:
    """Draws an event; with probability `located` it has a place."""
    agent, patient = rng.choice(language.PAIRS)
    if rng.random() < 0.3:
        agent, patient = patient, agent
    verb, place = rng.choice(language.VERBS), maybe(rng, located, language.PLACES)
    return Event(agent, verb, patient, rng.random() < 0.7, place)


def vary_event(rng: Random, event: Event) -> Event:
    """Returns the same event, or one that differs in a single respect."""
    variants = (
        event,
        replace(event, happened=not event.happened),
        replace(event, agent=event.patient, patient=event.agent),
        replace(event, verb=rng.choice(language.VERBS)),
    )
    return rng.choices(variants, (0.5, 0.3, 0.15, 0.05))[0]


def draw_statement(rng: Random, nouns: Sequence[str], described: float) -> Statement:
    """Draws a statement; with probability `described` it has an adjective."""
    return Statement(
        universal=rng.random() < 0.6,
        negative=rng.random() < 0.35,
        noun=rng.choice(nouns),
        verb=rng.choice(logic.ACTIONS),
        adjective=maybe(rng, described, logic.ADJECTIVES),
    )


def vary_statement(rng: Random, statement: Statement, nouns: Sequence[str]) -> Statement:
    """Returns another statement, mostly about the same things."""
    adjective = statement.adjective
    if rng.random() < 0.3:
        adjective = None if adjective else rng.choice(logic.ADJECTIVES)
    noun = statement.noun if rng.random() < 0.9 else rng.choice(nouns)
    other = draw_statement(rng, nouns, 0.0)
    return replace(other, noun=noun, verb=statement.verb, adjective=adjective)


def sentiment(rng: Random, _: Sequence[str]) -> Row:
    """SST-2: is the review praise (1)?"""
    review = Review(draw_opinion(rng), draw_opinion(rng) if rng.random() < 0.3 else None)
    return (review.to_text(rng),), int(review.sentiment() > 0)


def paraphrase(rng: Random, _: Sequence[str]) -> Row:
    """MRPC: do two sentences describe the same event (1)?"""
    first = draw_event(rng, located=0.3)
    second = vary_event(rng, first)
    return (first.to_text(rng), second.to_text(rng)), int(first == second)


def duplicate(rng: Random, nouns: Sequence[str]) -> Row:
    """QQP: do two questions ask about equivalent statements (1)?"""
    first = draw_statement(rng, nouns, described=0.3)
    variants = (first, first.negated(), vary_statement(rng, first, nouns))
    second = rng.choices(variants, (0.5, 0.2, 0.3))[0]
    texts = (first.to_question(rng, twist=0.3), second.to_question(rng, twist=0.3))
    return texts, int(logic.equivalent(first, second))


def answer(rng: Random, _: Sequence[str]) -> Row:
    """QNLI: does the sentence answer the question (0)?"""
    event = draw_event(rng, located=0.6)
    question = Question(rng.choice(("agent", "place")), vary_event(rng, event))
    label = ENTAILMENT if question.answered_by(event) else NOT_ENTAILMENT
    return (question.to_text(rng), event.to_text(rng)), label


def inference(rng: Random, nouns: Sequence[str]) -> Row:
    """MNLI: does the premise entail (0) or contradict (2) the hypothesis, or neither (1)?"""
    premise = draw_statement(rng, nouns, described=0.3)
    hypothesis = vary_statement(rng, premise, nouns)
    label = NEUTRAL if logic.consistent(premise, hypothesis) else CONTRADICTION
    if logic.entailed([premise], hypothesis):
        label = ENTAILMENT
    return (premise.to_text(rng, twist=0.3), hypothesis.to_text(rng, twist=0.3)), label


def recognition(rng: Random, nouns: Sequence[str]) -> Row:
    """RTE: do two premises together entail the hypothesis (0)?"""
    premises = [draw_statement(rng, [noun], described=0.2) for noun in rng.sample(nouns, 2)]
    hypothesis = vary_statement(rng, rng.choices(premises, (0.3, 0.7))[0], nouns)
    label = ENTAILMENT if logic.entailed(premises, hypothesis) else NOT_ENTAILMENT
    return (" and ".join(one.to_text(rng) for one in premises), hypothesis.to_text(rng)), label


@dataclass(frozen=True)
class GeneratedTask:
    """How a task's rows are drawn, its text columns, the share of each label, and its splits."""

    draw: Callable[[Random, Sequence[str]], Row]  # the second argument: nouns of the genre
    columns: tuple[str, ...]
    shares: tuple[float, ...]
    splits: tuple[str, ...] = ("train", "validation", "test")
    hidden: bool = True  # whether the labels of the test split are -1, as on the hub


MNLI_SPLITS = tuple(
    "train validation_matched validation_mismatched test_matched test_mismatched".split()
)
SENTENCES = ("sentence1", "sentence2")
THIRDS = (1 / 3, 1 / 3, 1 / 3)
TASKS = {
    "sst2": GeneratedTask(sentiment, ("sentence",), (0.5, 0.5)),
    "mrpc": GeneratedTask(paraphrase, SENTENCES, (0.4, 0.6), hidden=False),
    "qqp": GeneratedTask(duplicate, ("question1", "question2"), (0.55, 0.45)),
    "mnli": GeneratedTask(inference, ("premise", "hypothesis"), THIRDS, MNLI_SPLITS),
    "qnli": GeneratedTask(answer, ("question", "sentence"), (0.5, 0.5)),
    "rte": GeneratedTask(recognition, SENTENCES, (0.5, 0.5)),
}


def write_tasks(
    directory: Path, seed: int, train_rows: int = 2400, dev_rows: int = 400, test_rows: int = 200
) -> None:
    """Writes `<directory>/<task>/<split>.parquet` for every generated task.

    Args:
        directory: parent of the tasks' folders; made if missing.
        seed: the same seed gives the same rows.
        train_rows: number of rows of each train split.
        dev_rows: number of rows of each validation split.
        test_rows: number of rows of each test split.
    """
    sizes = {"train": train_rows, "validation": dev_rows, "test": test_rows}
    for name, task in TASKS.items():
        rng = Random(f"{seed} {name}")
        seen: set[Texts] = set()  # of the whole task, so that no split repeats another
        (directory / name).mkdir(parents=True, exist_ok=True)
        for split in task.splits:
            rows = draw_rows(task, split, sizes[split.split("_")[0]], rng, seen)
            columns: dict[str, pa.Array] = {
                column: pa.array([texts[i] for texts, _ in rows], pa.string())
                for i, column in enumerate(task.columns)
            }
            hide = split.startswith("test") and task.hidden
            columns["label"] = pa.array([-1 if hide else label for _, label in rows], pa.int64())
            columns["idx"] = pa.array(range(len(rows)), pa.int32())
            pq.write_table(pa.table(columns), directory / name / f"{split}.parquet")


def draw_rows(
    task: GeneratedTask, split: str, count: int, rng: Random, seen: set[Texts]
) -> list[Row]:
    """Draws `count` rows whose texts are not in `seen`, with the task's share of each label."""
    nouns = logic.WORKERS if split.endswith("mismatched") else logic.ANIMALS
    missing = [round(share * count) for share in task.shares]
    missing[0] += count - sum(missing)
    rows: list[Row] = []
    idle = 0  # consecutive draws that were not kept
    while len(rows) < count:
        texts, label = task.draw(rng, nouns)
        idle += 1
        if missing[label] and texts not in seen:
            missing[label] -= 1
            seen.add(texts)
            rows.append((texts, label))
            idle = 0
        elif idle == 2000:
            raise ValueError(
                f"the grammar has {len(rows)} new rows for {split!r}, but {count} were requested"
            )
    return rows
