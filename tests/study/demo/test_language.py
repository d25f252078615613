"""Sentences have the meaning that they were generated from, read back by independent rules."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.demo.language import Event, Opinion, Question, Review
from study.demo.tasks import answer, paraphrase, sentiment

PRAISE = ("praise", "applaud")
NEGATIVE = set(
    "nobody few denied doubted not never hardly bad dull weak clumsy boring awful".split()
)
UNDOING = {"failed", "fail", "refused", "refuse", "declined", "decline", "not"}


def is_praise(sentence: str) -> bool:
    """Counts the negative words in the clause that is not conceded."""
    if " , but " in sentence:
        sentence = sentence.split(" , but ")[1]
    elif sentence.startswith("although "):
        sentence = sentence.split(" , ")[1]
    else:
        sentence = sentence.split(" , although ")[0]
    return sum(word in NEGATIVE for word in sentence.split()) % 2 == 0


def read_event(sentence: str) -> tuple[str, str, str, bool, str | None]:
    """Parses (agent, verb stem, patient, happened, place) from a sentence, word by word."""
    words = sentence.split()
    place = words[words.index("in") + 1] if "in" in words else None
    first, last = (words[i + 1] for i, word in enumerate(words) if word == "the")
    passive = "by" in words
    verb = next(
        stem for stem in ("prais", "applaud", "help", "assist", "phon", "call", "follow", "trail")
        if any(word.startswith(stem) for word in words)
    )  # fmt: skip
    synonyms = {"applaud": "prais", "assist": "help", "call": "phon", "trail": "follow"}
    happened = sum(word in UNDOING for word in words) % 2 == 0
    agent, patient = (last, first) if passive else (first, last)
    return agent, synonyms.get(verb, verb), patient, happened, place


@pytest.mark.parametrize(
    ("source", "degree", "quality", "expected"),
    [
        (None, None, "good", 1),
        (None, "not", "dull", 1),
        (("nobody", "denied"), "not", "dull", 1),
        (("nobody", "said"), None, "funny", -1),
        (("few", "doubted"), "hardly", "great", -1),
    ],
)
def test_each_negative_word_reverses_the_sentiment(
    source: tuple[str, str] | None, degree: str | None, quality: str, expected: int
) -> None:
    assert Opinion("film", quality, degree, source).sentiment() == expected


def test_a_conceded_opinion_does_not_count() -> None:
    review = Review(Opinion("plot", "good"), conceded=Opinion("cast", "awful"))
    assert review.sentiment() == 1
    sentences = {review.to_text(Random(seed)) for seed in range(50)}
    assert sentences == {
        "although the cast was awful , the plot was good",
        "the plot was good , although the cast was awful",
        "the cast was awful , but the plot was good",
    }


def test_an_event_can_be_expressed_as_a_denied_failure() -> None:
    event = Event("judge", PRAISE, "witness")
    sentences = {event.to_text(Random(seed)) for seed in range(500)}
    assert "the judge did not fail to praise the witness" in sentences
    assert "the witness was applauded by the judge" in sentences
    assert "the judge failed to praise the witness" not in sentences


def test_a_question_is_answered_only_by_the_same_event_with_the_slot_filled() -> None:
    asked = Event("judge", PRAISE, "witness")
    located = Event("judge", PRAISE, "witness", place="rome")
    assert Question("place", asked).answered_by(located)
    assert not Question("place", located).answered_by(asked)
    assert Question("agent", asked).answered_by(located)
    assert not Question("agent", Event("witness", PRAISE, "judge")).answered_by(located)
    assert not Question("agent", Event("judge", PRAISE, "witness", False)).answered_by(located)


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_sentiment_agrees_with_counting_negative_words(seed: int) -> None:
    (sentence,), label = sentiment(Random(seed), ())
    assert is_praise(sentence) == label


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_paraphrases_are_the_pairs_that_parse_to_the_same_event(seed: int) -> None:
    (first, second), label = paraphrase(Random(seed), ())
    assert (read_event(first) == read_event(second)) == label


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_answers_are_the_sentences_whose_parse_fills_the_question(seed: int) -> None:
    (question, sentence), label = answer(Random(seed), ())
    event = read_event(sentence)
    if question.startswith("who "):
        asked = read_event(question.replace("who", f"the {event[0]}"))
        answered = asked[:4] == event[:4]
    else:
        asked = read_event(question.removeprefix("where was it that "))
        answered = asked[:4] == event[:4] and event[4] is not None
    assert label == (0 if answered else 1)
