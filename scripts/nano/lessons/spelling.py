"""Spelling words, and saying words and digits back: answers that must be made, not remembered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nano.lessons.exchange import AFTER, Exchange, Family, Topic
from nano.lessons.listed import more
from nano.lessons.numbers import said
from voicert.models.typed import ONES

SPELLED = [
    "cat", "dog", "cow", "fox", "bee", "ant", "owl", "hen", "pig", "bat", "sun", "moon", "star", "sky", "sea", "lake",
    "rain", "snow", "wind", "fire", "tree", "leaf", "rose", "seed", "corn", "bread", "milk", "egg", "apple", "pear",
    "plum", "lemon", "grape", "cake", "salt", "sugar", "tea", "rice", "fish", "house", "door", "wall", "roof", "room",
    "table", "chair", "bed", "lamp", "book", "page", "pen", "desk", "key", "cup", "spoon", "fork", "plate", "bowl",
    "knife", "glass", "box", "bag", "hat", "coat", "shoe", "sock", "shirt", "ring", "clock", "phone", "radio",
    "train", "car", "bus", "bike", "boat", "ship", "plane", "road", "street", "bridge", "town", "city", "park",
    "school", "shop", "market", "church", "garden", "river", "island", "mountain", "valley", "forest", "field",
    "stone", "sand", "gold", "iron", "wood", "paper", "water", "cloud", "storm", "summer", "winter", "spring",
    "autumn", "morning", "evening", "night", "today", "friend", "mother", "father", "sister", "brother", "baby",
    "child", "woman", "man", "king", "queen", "doctor", "teacher", "sailor", "farmer", "baker", "music", "song",
    "dance", "game", "ball", "toy", "kite", "drum", "piano", "guitar", "story", "word", "letter", "number", "color",
    "red", "green", "blue", "yellow", "brown", "black", "white", "orange", "purple", "happy", "quick", "quiet",
    "small", "large", "round", "square", "heavy", "light", "early", "never", "always", "world", "people", "language",
    "computer", "robot", "dragon", "tiger", "lion", "zebra", "monkey", "elephant", "rabbit", "turtle", "spider",
    "horse", "sheep", "mouse", "camel", "whale", "eagle", "parrot", "penguin",
]  # fmt: skip

SPELLING = Family(
    "spell",
    [Topic(w, ", ".join(w.upper()) + ".") for w in SPELLED],
    ("spell {}", "spell the word {}", "how do you spell {}", "how is {} spelled", "how do you write {}", "what are the letters of {}",
     "the spelling of {}", "say the letters of {}", "what is the spelling of {}", "spell out {}", "spell out the word {}", "spell this word {}",
     "spell me {}", "spell {} out loud", "spell {} letter by letter", "how to spell {}", "how do i spell {}", "how do we spell {}",
     "how does one spell {}", "how do people spell {}", "how can i spell {}", "how should i spell {}", "how do i write {}", "how does one write {}",
     "how do you write the word {}", "how do you spell the word {}", "how is the word {} spelled", "how is the word {} written", "how is {} written",
     "how {} is spelled", "how {} is written", "what's the spelling of {}", "what is the spelling of the word {}", "what letters does {} have",
     "which letters does {} have", "what letters make up {}", "which letters make the word {}", "with which letters do you write {}",
     "name the letters of {}", "list the letters of {}", "give me the letters of {}", "give me the spelling of {}", "the letters in {}",
     "say {} letter by letter", "say how {} is spelled", "say each letter of {}", "say every letter of {}", "read out the letters of {}",
     "write the word {}", "write {} letter by letter", "i want to spell {}", "i need the spelling of {}", "i don't know how to spell {}",
     "i can't spell {}", "help me spell {}", "help me write {}", "show me how to spell {}", "teach me to spell {}", "do you know how to spell {}",
     "could you spell {}", "would you spell {}", "will you spell {}", "{} letter by letter", "{} how is it spelled", "{} how do you spell that"),
    ("how would you spell {}", "tell me the letters of {}", "which letters are in {}"),
    ("", "", "", "please", "can you", "tell me", "okay", "hey"), AFTER, 3.0, follow_up=("and {}", "and how do you spell {}", "now {}"),
)  # fmt: skip
FIRST_LETTER = Family(
    "first_letter",
    [Topic(w, f"{w.capitalize()} begins with {w[0].upper()}.") for w in SPELLED],
    ("what is the first letter of {}", "which letter does {} begin with", "what letter does {} start with", "{} begins with which letter",
     "what's the first letter of {}", "the first letter of {}", "with which letter does {} begin", "what is the first letter in {}",
     "the first letter in {}", "what is the first letter of the word {}", "the first letter of the word {}", "which letter does {} start with",
     "which letter does the word {} begin with", "what letter does the word {} start with", "what does {} begin with", "what does {} start with",
     "{} starts with which letter", "{} begins with what letter", "with which letter does {} start", "with what letter does {} begin",
     "with what letter does the word {} start", "what letter comes first in {}", "which letter comes first in {}", "which letter is first in {}",
     "what letter is at the start of {}", "which letter is at the beginning of {}", "what letter stands at the beginning of {}",
     "the letter at the start of {}", "which letter {} begins with", "what letter {} starts with", "what {} begins with",
     "the letter that {} begins with", "what is the beginning letter of {}", "what the first letter of {} is", "name the first letter of {}",
     "say the first letter of {}", "give me the first letter of {}", "i need the first letter of {}", "how does the word {} begin",
     "how does the word {} start", "{} what is the first letter"),
    ("what letter does {} begin with", "which is the first letter of {}"),
    weight=1.5, follow_up=("and {}", "and of {}"),
)  # fmt: skip

_BACK = ("say {}", "repeat {}", "repeat after me {}", "say after me {}", "please repeat {}", "can you say {}", "now say {}", "please say {}",
         "say the words {}", "repeat the words {}", "just say {}", "say this {}", "say this after me {}", "say these words {}",
         "say the following {}", "say exactly this {}", "say back {}", "say back to me {}", "say it back to me {}", "say {} back to me",
         "say {} please", "say {} for me", "please say after me {}", "please repeat after me {}", "repeat this {}", "repeat these words {}",
         "repeat the following {}", "repeat what i say {}", "repeat {} please", "repeat {} for me", "repeat exactly {}", "now repeat {}",
         "now repeat after me {}", "okay say {}", "okay repeat {}", "hey say {}", "can you repeat {}", "can you repeat after me {}",
         "could you say {}", "could you say after me {}", "would you repeat {}", "will you say {}", "will you repeat {}", "can you say the words {}",
         "i want you to say {}", "i want you to repeat {}", "i would like you to say {}", "i'd like to hear you say {}", "i want to hear you say {}",
         "let me hear you say {}", "let us say {}", "try saying {}", "try to repeat {}", "try to say after me {}", "speak after me {}", "copy me {}",
         "copy what i say {}", "echo {}", "listen and repeat {}", "listen and say {}", "i say {} now you", "i say {} you say it too", "after me {}",
         "tell me the words {}", "go on and say {}", *more("back"))  # fmt: skip
_BACK_HELD_OUT = ("could you repeat {}", "try to say {}", "say it after me {}")


@dataclass(frozen=True)
class SayBack:
    """Words or digits that are to be repeated as they were said."""

    name: str
    pool: tuple[str, ...]
    longest: int
    weight: float
    digits: bool

    def draw(self, rng: np.random.Generator, held_out: bool = False) -> Exchange:
        count = int(rng.integers(2 if self.digits else 1, self.longest + 1))
        chosen = [str(w) for w in rng.choice(self.pool, count)]
        spoken = " ".join(chosen)
        request = str(rng.choice(_BACK_HELD_OUT if held_out else _BACK)).format(spoken)
        answer = said(", ".join(chosen) if self.digits else spoken) + "."
        return Exchange(request, answer, self.name, spoken, held_out)

    def follow(self, rng: np.random.Generator) -> Exchange | None:
        """Another one, asked for in few words after one of this kind."""
        other = self.draw(rng)
        return Exchange(f"and {other.topic}", other.answer, self.name, other.topic, after=self.name)


DIGITS = SayBack("digits", ONES[:10], 5, 3.0, True)
SAY_BACK = SayBack("say_back", SPELLED, 3, 3.0, False)

WORDS = (SPELLING, FIRST_LETTER, DIGITS, SAY_BACK)
