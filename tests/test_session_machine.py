"""Whatever comes in whatever order: the events nest, and the model remembers what was heard."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.duet import SILENT, TONE, ByHand, Duet
from tests.support.grammar import Grammar
from tests.support.scripted import END, FIRST_WORD, FRAME, PAD, START, Script, speech
from voicert.session import TurnSettings
from voicert.session.events import Truncated

VOICE = speech(400).reshape(-1, FRAME)
HELLO = FIRST_WORD + 2
TURNS = st.builds(
    TurnSettings,
    vad_aggressiveness=st.integers(0, 3),
    min_speech_ms=st.sampled_from([20, 60, 200]),
    interrupt=st.sampled_from(["model", "vad", "both", "off"]),
    interrupt_min_ms=st.sampled_from([20, 160, 400]),
    silence_ms=st.sampled_from([20, 100, 500]),
    forget_noises=st.booleans(),
    detection=st.sampled_from(["auto", "auto", "manual"]),
    create_response=st.sampled_from([True, True, False]),
    send_ahead_ms=st.sampled_from([20, 200, 60_000]),
    idle_timeout_ms=st.sampled_from([None, None, 1000]),
)


class Talk(RuleBasedStateMachine):
    """What the client and the user may do to a conversation, whoever the model is."""

    hand: ByHand | Duet
    grammar: Grammar

    def see(self, events):
        for event in events:
            self.grammar.check(event)
        return events

    def item(self, back):
        """The number of the last item but ``back``."""
        return max(self.grammar.replies, default=0) - back

    @rule(response=st.one_of(st.none(), st.integers(0, 3)))
    def cancel(self, response):
        before = self.grammar.open
        events = self.see(self.hand.talk.cancel(response, self.hand.now))
        if before is not None and response in (None, before.response):
            assert events
            assert self.grammar.open is None

    @rule(back=st.integers(0, 3), samples=st.integers(-5, 60_000), stopped=st.booleans())
    def heard(self, back, samples, stopped):
        self.see(self.hand.talk.heard(self.item(back), samples, stopped, self.hand.now))

    @rule(back=st.integers(0, 3), samples=st.integers(-5, 60_000))
    def truncate(self, back, samples):
        item = self.item(back)
        events = self.see(self.hand.talk.truncate(item, samples, self.hand.now))
        assert isinstance(events[-1], Truncated)
        assert [e.item for e in events if isinstance(e, Truncated)].count(item) >= 1

    @rule()
    def commit(self):
        self.see(self.hand.talk.commit())

    @rule()
    def clear(self):
        self.hand.talk.clear()

    @rule()
    def respond(self):
        self.hand.talk.respond()

    @rule(turns=TURNS)
    def update(self, turns):
        self.see(self.hand.talk.update(turns))

    @rule(seconds=st.sampled_from([0.01, 0.3, 5.0]))
    def time_passes(self, seconds):
        self.hand.now += seconds
        self.see(self.hand.talk.tick(self.hand.now))

    @invariant()
    def a_response_keeps_it_waiting(self):
        if hasattr(self, "grammar") and self.grammar.unsettled:
            assert self.hand.talk.waiting

    def teardown(self):
        if hasattr(self, "grammar"):
            self.see(self.hand.talk.fail(self.hand.now))
            assert self.grammar.open is None


class AnyTokens(Talk):
    """The model says anything at all, obedient or not."""

    @initialize(turns=TURNS)
    def begin(self, turns):
        self.hand = ByHand()
        self.hand.talk.update(turns)
        self.grammar = Grammar()
        self.at = 0

    @rule(
        voice=st.booleans(),
        text=st.sampled_from([PAD, PAD, PAD, START, END, FIRST_WORD, FIRST_WORD + 1]),
        user_text=st.sampled_from([PAD, PAD, HELLO]),
        loud=st.booleans(),
        wants=st.booleans(),
        frames=st.sampled_from([1, 1, 1, 5, 12, 60]),
    )
    def frame(self, voice, text, user_text, loud, wants, frames):
        for i in range(frames):
            self.at += 1
            heard = VOICE[self.at % 20] if voice else SILENT
            told = {"text": text, "user_text": user_text} if i == 0 else {}
            self.see(self.hand.frame(heard, pcm=TONE if loud else SILENT, wants=wants, **told))


class ScriptedTalk(Talk):
    """The model behaves: its context and the transcripts say the same, and it comes to rest."""

    @initialize(
        eager=st.sampled_from([0, 0, 8]), word_frames=st.sampled_from([3, 10]),
        tool=st.sampled_from(["", "look"]), turns=TURNS,
    )  # fmt: skip
    def begin(self, eager, word_frames, tool, turns):
        self.hand = Duet(Script(eager_frames=eager, word_frames=word_frames, tool=tool), turns)
        self.grammar = Grammar()

    @rule(frames=st.integers(1, 60), voice=st.booleans())
    def hear(self, frames, voice):
        for i in range(frames):
            self.see(self.hand.frame(VOICE[i % 20] if voice else SILENT))
            self.context_is_what_was_heard()

    @rule()
    def cancel_while_a_step_is_under_way(self):
        self.see(self.hand.frame(SILENT, cancel=True))

    @rule(words=st.integers(1, 3))
    def type_words(self, words):
        for _ in range(words):
            self.see(self.hand.frame(SILENT, given=FIRST_WORD))

    def context_is_what_was_heard(self):
        """Of the last response, as soon as it is done and the model has gone back."""
        last = max(self.grammar.replies.values(), key=lambda r: r.item, default=None)
        if last is None or last.done is None or self.hand.talk.going_back:
            return
        written = self.hand.model.written(0)
        assert (written[-1] if written else "") == last.transcript or not last.transcript

    def teardown(self):
        if hasattr(self, "grammar"):
            turns = replace(self.hand.talk.settings, idle_timeout_ms=None)
            self.see(self.hand.talk.update(turns))
            for _ in range(1300):
                self.see(self.hand.frame(SILENT))
            assert self.grammar.open is None
            assert not self.grammar.speaking
            assert not self.grammar.paused
            assert not self.grammar.unsettled
            assert not self.hand.talk.waiting
            self.context_is_what_was_heard()


TestAnyTokens = AnyTokens.TestCase
TestAnyTokens.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
TestScriptedTalk = ScriptedTalk.TestCase
TestScriptedTalk.settings = settings(max_examples=25, stateful_step_count=20, deadline=None, derandomize=True)
