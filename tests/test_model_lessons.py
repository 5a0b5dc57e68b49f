"""What the bundled model is taught: no request has two answers, held-out wordings are never trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nano.lessons.listed
import numpy as np
import pytest
from nano import lessons
from nano.lessons import Exchange, Family, Topic, unknown
from nano.lessons.listed import listed
from nano.sound import SAMPLE_RATE
from nano.voices import FESTIVAL, HELD_OUT_VARIANTS, Voice, random_voice, speak

from voicert.models.typed import number_words as words

FAMILIES = [f for f in lessons.FAMILIES if isinstance(f, Family)]


def test_there_are_enough_answers_and_wordings() -> None:
    assert len(set(lessons.answers())) >= 300
    for family in FAMILIES:
        assert len(set(family.requests(family.topics[0]))) >= 20, family.name
        assert family.held_out, family.name


def test_no_request_has_two_answers_and_held_out_ones_are_new() -> None:
    seen: dict[str, tuple[str, bool]] = {}
    for family in FAMILIES:
        for topic in family.topics:
            for held_out in (False, True):
                for request in family.requests(topic, held_out):
                    answer, trained = seen.setdefault(request, (topic.answer, not held_out))
                    assert answer == topic.answer, request
                    assert trained != held_out, f"{request!r} is trained and held out"


def _written_out(text: str) -> str:
    for short, long in (("'s ", " is "), ("i'd ", "i would "), ("i'm ", "i am ")):
        text = text.replace(short, long)
    return f" {text} "


def test_listed_wordings_are_of_a_family_and_have_no_held_out_one_in_them() -> None:
    """They are many, and whoever writes more of them is not to look at the held-out ones."""
    names = {f.name for f in FAMILIES} | {"back", "again"}
    listed_ones = listed("wordings.txt")
    assert set(listed_ones) == names
    secret = [_written_out(w) for f in FAMILIES for w in f.held_out if len(w.split()) > 2]
    for name, wordings in listed_ones.items():
        assert len(set(wordings)) == len(wordings) >= 40, name
        for wording in wordings:
            assert not [s for s in secret if s in _written_out(wording)], wording


def test_a_list_begins_with_a_name_and_has_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nano.lessons.listed, "__file__", str(tmp_path / "listed.py"))
    broken = {"one\n[a]\n": "must begin with a name", "[a]\none\n[a]\n": r"has \[a\] twice"}
    for text, complaint in broken.items():
        (tmp_path / "some.txt").write_text(text)
        listed.cache_clear()
        with pytest.raises(ValueError, match=complaint):
            listed("some.txt")
    (tmp_path / "some.txt").write_text("[a]\none\ntwo three\n[b]\n")
    assert listed("some.txt") == {"a": ("one", "two three"), "b": ()}
    listed.cache_clear()


def _draws(held_out: bool, count: int = 3000) -> Iterator[Exchange]:
    rng = np.random.default_rng(1)
    return (lessons.draw(rng, held_out) for _ in range(count))


@pytest.mark.parametrize("held_out", [False, True])
def test_requests_are_written_as_they_are_spoken(held_out: bool) -> None:
    for exchange in _draws(held_out):
        assert exchange.request == " ".join(exchange.request.lower().split())
        assert not set(exchange.request) - set("abcdefghijklmnopqrstuvwxyz '")
        assert exchange.answer
        assert exchange.held_out == held_out


def test_held_out_speech_that_is_not_known_is_the_same_whatever_training_adds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def drawn(held_out: bool) -> list[str]:
        rng = np.random.default_rng(4)
        return [unknown.UNKNOWN.draw(rng, held_out).request for _ in range(100)]

    held_out, trained = drawn(True), drawn(False)
    for name in ("_LISTS", "_TEMPLATES"):
        both = getattr(unknown, name)
        monkeypatch.setattr(unknown, name, {True: both[True], False: both[True]})
    assert drawn(True) == held_out
    assert drawn(False) == held_out != trained


def test_open_requests_are_not_those_of_a_closed_family() -> None:
    """Nothing that is to be repeated or is unknown is a request with an answer of its own."""
    closed = {r: t.answer for f in FAMILIES for t in f.topics for r in f.requests(t)}
    for exchange in _draws(False):
        if exchange.family in ("digits", "say_back", "unknown"):
            assert closed.get(exchange.request, exchange.answer) == exchange.answer


def test_follow_ups_belong_to_a_family_that_has_them() -> None:
    rng = np.random.default_rng(2)
    names = {f.name for f in lessons.FAMILIES}
    for _ in range(300):
        found = lessons.follow(rng)
        assert found.after == found.family
        assert found.family in names
        assert found.answer
    assert lessons.again(rng).after == "*"


def test_sums_are_right() -> None:
    numbers = {words(n): n for n in range(200)}
    signs = {
        "sum": (" plus ", int.__add__),
        "difference": (" minus ", int.__sub__),
        "product": (" times ", int.__mul__),
    }
    checked = 0
    for family in FAMILIES:
        if family.name in signs:
            sign, operation = signs[family.name]
            for topic in family.topics:
                left, result = topic.answer.lower().rstrip(".").split(" is ")
                a, b = left.split(sign)
                assert operation(numbers[a], numbers[b]) == numbers[result], topic.answer
                checked += 1
    assert checked == 13 * 13 + 13 * 14 // 2 + 13 * 13


def test_a_reading_is_of_words_that_requests_have_and_asks_for_nothing() -> None:
    rng = np.random.default_rng(1)
    some = [lessons.reading(rng) for _ in range(600)]
    said = [word for e in some for word in e.request.split()]
    assert set(said) <= set(lessons.lexicon())
    assert len(set(said)) > 0.5 * len(lessons.lexicon())  # none is much more common than another
    assert all(not e.answer for e in some)
    asked = {word for _ in range(2000) for word in lessons.draw(rng, held_out=True).request.split()}
    assert len(asked - set(lessons.lexicon())) < 0.01 * len(asked)  # digits and spelled words are endless


def test_a_subject_stands_once_in_a_family() -> None:
    with pytest.raises(ValueError, match="the family f has a subject twice"):
        Family("f", (Topic("a", "A."), Topic("a", "B.")), ("say {}",), ("tell {}",))


def test_training_never_hears_a_held_out_voice_or_engine() -> None:
    rng = np.random.default_rng(3)
    for _ in range(400):
        known, new, foreign = (random_voice(rng, kind) for kind in ("known", "new", "foreign"))
        assert known.engine != "festival"
        assert known.name.partition("+")[2] not in HELD_OUT_VARIANTS
        assert new.engine == "espeak"
        assert new.name.partition("+")[2] in HELD_OUT_VARIANTS
        assert foreign.name in FESTIVAL


def test_murmurs_are_said_and_not_spelled() -> None:
    """espeak-ng would read "mm hm" letter by letter, which takes several times as long."""
    voice = Voice("espeak", "en-us")
    murmured, spelled = speak(voice, "mm hm"), speak(voice, "em em aitch em")
    assert 0.1 < len(murmured) / SAMPLE_RATE < 0.6 * len(spelled) / SAMPLE_RATE
