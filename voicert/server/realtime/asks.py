"""From the client: what each request leads to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from voicert.server.realtime.actions import (
    Action,
    CancelResponse,
    ClearInput,
    Commit,
    Configure,
    HeardUpTo,
    Instruct,
    Outcome,
    Push,
    Recount,
    Respond,
    Say,
    ToolOutput,
    TruncateItem,
)
from voicert.server.realtime.audio_formats import SAMPLES_PER_MS, SoundIn
from voicert.server.realtime.items import Call, CallOutput, Heard, Item, Said, Typed
from voicert.server.realtime.new_items import read_item
from voicert.server.realtime.reading import Refused
from voicert.server.realtime.requests import (
    Append,
    Ask,
    Cancel,
    Clear,
    CommitInput,
    Create,
    Delete,
    Played,
    Request,
    Retrieve,
    Truncate,
    Update,
)
from voicert.server.realtime.response_options import read_options
from voicert.server.realtime.settings import response_limit_ms
from voicert.server.realtime.state import State
from voicert.server.realtime.updates import apply_update

SHORTEST_COMMIT_MS = 100  # as OpenAI has it


class Asks:
    """Carries requests out on the state. A refused request has changed nothing."""

    def __init__(self, state: State) -> None:
        self._state = state

    def carry_out(self, request: Request) -> Outcome:
        """Actions for the session, and events for the client.

        Raises:
            Refused: it cannot be done.
        """
        match request:
            case Append(sound):
                return Outcome(self._append(sound))
            case CommitInput():
                return self._commit()
            case Clear():
                return self._clear()
            case Update(session):
                return self._update(session)
            case Create():
                return self._create(request)
            case Retrieve(item_id):
                item = self._known(item_id, "retrieve")
                return Outcome(events=[{"type": "conversation.item.retrieved", "item": item.describe()}])
            case Delete(item_id):
                return self._delete(self._known(item_id, "delete"))
            case Truncate(item_id, audio_end_ms):
                return self._truncate(self._known(item_id, "truncate"), audio_end_ms)
            case Ask():
                return self._ask(request)
            case Cancel(response_id):
                return self._cancel(response_id)
            case Played(item_id, samples, stopped):
                item = self._state.history.find(item_id)
                if item is None or item.number is None:
                    return Outcome()
                return Outcome([HeardUpTo(item.number, samples, stopped)])

    # The input audio buffer

    def _append(self, sound: bytes) -> list[Action]:
        pcm = self._state.sound.read(sound)
        self._state.uncommitted_samples += len(pcm)
        return [Push(pcm)] if len(pcm) else []

    def _commit(self) -> Outcome:
        state = self._state
        uncommitted_ms = state.uncommitted_samples / SAMPLES_PER_MS
        if uncommitted_ms < SHORTEST_COMMIT_MS:
            message = (
                f"The input audio buffer holds {uncommitted_ms:.2f} ms since the last commit; "
                f"a commit needs at least {SHORTEST_COMMIT_MS} ms."
            )
            raise Refused(message, "input_audio_buffer_commit_empty")
        actions = self._rest_of_sound()
        state.uncommitted_samples = 0
        return Outcome([*actions, Commit()])

    def _clear(self) -> Outcome:
        """With turn detection, what was appended has been heard already, and cannot be unheard."""
        state = self._state
        state.sound = SoundIn(state.settings.input_format)
        state.uncommitted_samples = 0
        actions: list[Action] = [ClearInput()] if state.settings.turn_detection is None else []
        return Outcome(actions, [{"type": "input_audio_buffer.cleared"}])

    def _rest_of_sound(self) -> list[Action]:
        rest = self._state.sound.flush()
        return [Push(rest)] if len(rest) else []

    # The session

    def _update(self, session: dict[str, object]) -> Outcome:
        state = self._state
        state.settings = apply_update(state.settings, session, state.server.can)
        actions: list[Action] = []
        if state.settings.input_format != state.sound.format:
            actions = self._rest_of_sound()
            state.sound = SoundIn(state.settings.input_format)
        updated = {"type": "session.updated", "session": state.describe()}
        return Outcome([*actions, Configure(state.turn_settings()), *self._instruct()], [updated])

    def _instruct(self) -> list[Action]:
        """What the model is to be told, if it can follow that and does not know it yet."""
        state = self._state
        before, state.instructed = state.instructed, state.brief()
        return [] if state.instructed == before else [Instruct(state.instructed)]

    # The conversation

    def _create(self, request: Create) -> Outcome:
        """A new item; what the model can take in is passed on, in the order of arrival."""
        state = self._state
        item_id, body = read_item(request.item, state.server.can)
        place = self._place(request.previous_item_id)
        if item_id is not None and state.history.find(item_id) is not None:
            message = f"There is an item with the id '{item_id[:100]}' already."
            raise Refused(message, "item_create_duplicate_item_id", "item.id")
        item = Item(item_id or state.ids.new("item"), body, status="completed")
        before = replace(state.input)

        def undo() -> None:
            state.history.forget(item)
            state.input = before

        actions = self._pass_on(item)
        events = [*state.history.add(item, place), *state.history.done(item)]
        if isinstance(body, Typed) and body.role == "system":
            actions += self._instruct()
        return Outcome(actions, events, undo=undo)

    def _place(self, previous_item_id: str | None) -> int | None:
        if previous_item_id is None:
            return None
        if previous_item_id == "root":
            return 0
        place = self._state.history.place_after(previous_item_id)
        if place is None:
            message = f"There is no item with id '{previous_item_id[:100]}' to insert after."
            raise Refused(message, "item_create_invalid_previous_item_id", "previous_item_id")
        return place

    def _pass_on(self, item: Item) -> list[Action]:
        state, can = self._state, self._state.server.can
        match item.body:
            case Typed("user", parts):
                text = " ".join(parts).strip()
                if not can.typed_text:
                    raise can.lacks("The model does not read typed text", "item.content")
                tokens = state.server.count_tokens(text)
                if not tokens:
                    message = "'item.content' holds nothing that the model can read."
                    raise Refused(message, "unsupported_text", "item.content")
                state.input.text_tokens += tokens
                return [Say(text)]
            case Heard():
                return [self._recount(item, item.body)]
            case Typed("system"):
                item.in_context = can.instructions
                return []
            case Call(call_id, name, arguments):
                item.body = Call(call_id or state.ids.new("call"), name, arguments)
                item.in_context = False
                return []
            case CallOutput(call_id, output):
                call = self._call_of(call_id)
                item.in_context = call.number is not None
                return [ToolOutput(call_id, output)] if item.in_context else []
            case _:
                item.in_context = False
                return []

    def _recount(self, item: Item, heard: Heard) -> Action:
        """A spoken item: the model hears it now, which takes its turn in the conversation."""
        state = self._state
        if state.answer is not None:
            message = "A spoken item cannot be heard during a response; cancel it or wait for its end."
            raise Refused(message, "conversation_already_has_active_response", "item.content")
        if state.settings.turn_detection is None and state.uncommitted_samples:
            message = "The input audio buffer holds sound that comes first; commit or clear it."
            raise Refused(message, "input_audio_buffer_not_empty", "item.content")
        sound = SoundIn(state.settings.input_format)
        pcm = np.concatenate([sound.read(heard.sound), sound.flush()])
        if not len(pcm):
            raise Refused("'item.content' holds no sound.", "invalid_audio", "item.content")
        heard.sound = b""
        state.input.audio_ms += len(pcm) // SAMPLES_PER_MS
        return Recount(pcm, item.id)

    def _call_of(self, call_id: str) -> Item:
        for item in self._state.history:
            if isinstance(item.body, Call) and item.body.call_id == call_id:
                return item
        message = f"No function call in the conversation has the call_id '{call_id[:100]}'."
        raise Refused(message, "invalid_tool_call_id", "item.call_id")

    def _delete(self, item: Item) -> Outcome:
        """The model forgets what it can: an answer that was the last thing said."""
        self._state.history.forget(item)
        forget: list[Action] = []
        if item.number is not None and isinstance(item.body, Said):
            forget = [TruncateItem(item.number, 0)]
        if isinstance(item.body, Typed) and item.body.role == "system":
            forget = self._instruct()
        return Outcome(forget, [{"type": "conversation.item.deleted", "item_id": item.id}])

    def _truncate(self, item: Item, audio_end_ms: int) -> Outcome:
        """The session decides where exactly, and the client is told when it has."""
        if item.number is None or not isinstance(item.body, Said):
            message = f"Item '{item.id[:100]}' is nothing that the assistant said."
            raise Refused(message, "invalid_value", "item_id")
        audio_end_ms = min(audio_end_ms, item.body.duration_ms)
        return Outcome([TruncateItem(item.number, audio_end_ms * SAMPLES_PER_MS)])

    def _known(self, item_id: str, verb: str) -> Item:
        item = self._state.history.find(item_id)
        if item is None:
            message = f"Cannot {verb} the item: there is no item with id '{item_id[:100]}'."
            raise Refused(message, f"item_{verb}_invalid_item_id", "item_id")
        return item

    # Responses

    def _ask(self, request: Ask) -> Outcome:
        state = self._state
        options = read_options(request.response, state.settings, state.server.can)
        if state.answer is not None:
            message = f"The conversation has an active response already: {state.answer.id}."
            raise Refused(message, "conversation_already_has_active_response")
        longest_ms = None
        if options.max_output_tokens != state.settings.max_output_tokens:
            server = state.server
            longest_ms = response_limit_ms(options.max_output_tokens, server.turns, server.frame_rate)
        own = state.brief(options.instructions, options.tools)
        brief = None if own == state.instructed else own
        created = state.new_answer(options).created()
        return Outcome([Respond(longest_ms, brief)], [created], undo=self._drop_answer)

    def _cancel(self, response_id: str | None) -> Outcome:
        """One that has not begun is over at once; else the session tells of the end."""
        answer = self._state.answer
        if answer is None or response_id not in (None, answer.id):
            what = "no active response found" if response_id is None else "that response is not in progress"
            raise Refused(f"Cancellation failed: {what}.", "response_cancel_not_active")
        if answer.number is not None:
            return Outcome([CancelResponse(answer.number)])
        self._drop_answer()
        return Outcome([CancelResponse(None)], answer.give_up("cancelled", "client_cancelled"))

    def _drop_answer(self) -> None:
        self._state.answer = None
