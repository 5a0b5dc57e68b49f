"""Whatever frames, tokens and calls come in whatever order, the events nest."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.duet import SILENT, Duet, step
from tests.support.scripted import END, FIRST_WORD, FRAME, PAD, START, Script, scripted_bundle, speech
from voicert.session import Conversation, TurnSettings
from voicert.session.events import (
    Event,
    ResponseAudio,
    ResponseDone,
    ResponseStarted,
    ResponseText,
    SessionFailed,
    SpeechStarted,
    SpeechStopped,
    TurnTiming,
    UserDone,
    UserText,
)

VOICE = speech(400).reshape(-1, FRAME)
TONE = np.full(FRAME, 0.1, np.float32)
HELLO = FIRST_WORD + len(Script().words)
TURNS = st.builds(
    TurnSettings,
    vad_aggressiveness=st.integers(0, 3),
    min_speech_ms=st.sampled_from([20, 60, 200]),
    interrupt_min_ms=st.sampled_from([20, 160]),
    silence_ms=st.sampled_from([20, 100, 500]),
    interrupt_response=st.booleans(),
)


class Grammar:
    """Checks every event against what came before it."""

    def __init__(self) -> None:
        self.interrupts = True
        self.must_cut = False  # speech began over a response
        self.speaking = 0  # item of the user's open speech
        self.unsettled: set[int] = set()  # user items without UserDone
        self.responding: tuple[int, int] | None = None
        self.heard: dict[int, str] = {}
        self.said = ""
        self.sent = 0
        self.items = self.responses = self.clock = self.spoke_at = 0

    def check(self, event: Event) -> None:
        assert not self.must_cut or (isinstance(event, ResponseDone) and event.reason == "turn_detected")
        self.must_cut = False
        match event:
            case SpeechStarted(item, start_ms):
                assert not self.speaking
                assert item == self.items + 1
                assert start_ms >= self.spoke_at
                assert not self.unsettled
                self.must_cut = self.interrupts and self.responding is not None
                self.items = self.speaking = item
                self.spoke_at = start_ms
                self.unsettled.add(item)
                self.heard[item] = ""
            case SpeechStopped(item, end_ms):
                assert item == self.speaking
                assert end_ms >= self.spoke_at
                self.speaking, self.spoke_at = 0, end_ms
            case UserText(item, delta):
                assert delta
                assert item in self.unsettled
                self.heard[item] += delta
            case UserDone(item, transcript):
                assert item != self.speaking
                self.unsettled.remove(item)
                assert transcript == self.heard.pop(item)
            case ResponseStarted(response, item):
                assert not self.responding
                assert not self.speaking
                assert (response, item) == (self.responses + 1, self.items + 1)
                self.responses, self.items, self.responding = response, item, (response, item)
                self.said, self.sent = "", 0
            case ResponseText(response, item, delta):
                assert delta
                assert (response, item) == self.responding
                self.said += delta
            case ResponseAudio(response, item, pcm, at):
                assert (response, item) == self.responding
                assert at > self.clock
                self.clock = at
                self.sent += len(pcm)
            case TurnTiming(response, item, input_end_ms, first_audio_ms, first_audible_ms):
                assert (response, item) == self.responding
                assert (input_end_ms or 0) <= first_audio_ms <= first_audible_ms
            case ResponseDone(response, item, status, reason, transcript, audio_samples, heard):
                assert (response, item) == self.responding
                assert (status == "completed") == (reason is None)
                assert self.said.startswith(transcript)
                assert status != "completed" or transcript == self.said
                assert audio_samples == self.sent
                assert heard is None or 0 <= heard <= self.sent
                self.responding = None
            case SessionFailed() | _:
                raise AssertionError(f"{event} has no place here")


class AnyTokens(RuleBasedStateMachine):
    """A conversation whose model says anything at all, obedient or not."""

    @initialize(turns=TURNS)
    def begin(self, turns):
        self.talk = Conversation(scripted_bundle(1).model, turns)
        self.grammar = Grammar()
        self.grammar.interrupts = turns.interrupt_response
        self.at = 0

    def see(self, events):
        for event in events:
            self.grammar.check(event)
        assert not self.grammar.must_cut

    @rule(
        voice=st.booleans(),
        text=st.sampled_from([PAD, PAD, PAD, START, END, FIRST_WORD, FIRST_WORD + 1]),
        user_text=st.sampled_from([PAD, PAD, HELLO]),
        loud=st.booleans(),
        frames=st.sampled_from([1, 1, 1, 5, 12, 60]),
    )
    def frame(self, voice, text, user_text, loud, frames):
        for i in range(frames):
            self.at += 1
            pcm = VOICE[self.at % 20] if voice else SILENT
            first = i == 0
            told = step(
                text if first else PAD, user_text if first else PAD, TONE if loud else SILENT, self.talk.hush
            )
            self.see(self.talk.advance(pcm, told))

    @rule(response=st.one_of(st.none(), st.integers(0, 3)))
    def cancel(self, response):
        before = self.grammar.responding
        events = self.talk.cancel(response)
        assert bool(events) == (before is not None and response in (None, before[0]))
        self.see(events)
        assert not events or self.talk.hush

    @rule(item=st.integers(0, 5), samples=st.integers(-5, 10_000))
    def heard(self, item, samples):
        self.talk.heard(item, samples)

    @rule(turns=TURNS)
    def update(self, turns):
        self.talk.update(turns)
        self.grammar.interrupts = turns.interrupt_response

    @invariant()
    def a_response_keeps_it_waiting(self):
        if hasattr(self, "grammar") and (self.grammar.responding or self.grammar.unsettled):
            assert self.talk.waiting

    def teardown(self):
        if hasattr(self, "grammar"):
            self.see(self.talk.fail())
            assert not self.grammar.responding


class ScriptedTalk(RuleBasedStateMachine):
    """A conversation with a model that behaves: it must also come to rest."""

    @initialize(eager=st.sampled_from([0, 8]), turns=TURNS)
    def begin(self, eager, turns):
        self.duet = Duet(Script(words=("one", " two"), eager_frames=eager), turns)
        self.grammar = Grammar()
        self.grammar.interrupts = turns.interrupt_response

    def see(self, events):
        for event in events:
            self.grammar.check(event)
        assert not self.grammar.must_cut

    @rule(frames=st.integers(1, 40), voice=st.booleans())
    def hear(self, frames, voice):
        for i in range(frames):
            self.see(self.duet.frame(VOICE[i % 20] if voice else SILENT))

    @rule(late=st.booleans())
    def cancel(self, late):
        if late:
            self.see(self.duet.frame(SILENT, cancel=True))
        else:
            self.see(self.duet.talk.cancel())

    def teardown(self):
        if hasattr(self, "grammar"):
            for _ in range(650):
                self.see(self.duet.frame(SILENT))
            assert not self.grammar.responding
            assert not self.grammar.speaking
            assert not self.grammar.unsettled
            assert not self.duet.talk.hush
            assert not self.duet.talk.waiting


TestAnyTokens = AnyTokens.TestCase
TestAnyTokens.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
TestScriptedTalk = ScriptedTalk.TestCase
TestScriptedTalk.settings = settings(max_examples=25, stateful_step_count=20, deadline=None, derandomize=True)
