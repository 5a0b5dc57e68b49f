"""Spelling words, and saying words and digits back: answers that must be made, not remembered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nano.lessons.exchange import AFTER, Exchange, Family, Topic
from nano.lessons.numbers import ONES, said

SPELLED = [
    "cat",
    "dog",
    "cow",
    "fox",
    "bee",
    "ant",
    "owl",
    "hen",
    "pig",
    "bat",
    "sun",
    "moon",
    "star",
    "sky",
    "sea",
    "lake",
    "rain",
    "snow",
    "wind",
    "fire",
    "tree",
    "leaf",
    "rose",
    "seed",
    "corn",
    "bread",
    "milk",
    "egg",
    "apple",
    "pear",
    "plum",
    "lemon",
    "grape",
    "cake",
    "salt",
    "sugar",
    "tea",
    "rice",
    "fish",
    "house",
    "door",
    "wall",
    "roof",
    "room",
    "table",
    "chair",
    "bed",
    "lamp",
    "book",
    "page",
    "pen",
    "desk",
    "key",
    "cup",
    "spoon",
    "fork",
    "plate",
    "bowl",
    "knife",
    "glass",
    "box",
    "bag",
    "hat",
    "coat",
    "shoe",
    "sock",
    "shirt",
    "ring",
    "clock",
    "phone",
    "radio",
    "train",
    "car",
    "bus",
    "bike",
    "boat",
    "ship",
    "plane",
    "road",
    "street",
    "bridge",
    "town",
    "city",
    "park",
    "school",
    "shop",
    "market",
    "church",
    "garden",
    "river",
    "island",
    "mountain",
    "valley",
    "forest",
    "field",
    "stone",
    "sand",
    "gold",
    "iron",
    "wood",
    "paper",
    "water",
    "cloud",
    "storm",
    "summer",
    "winter",
    "spring",
    "autumn",
    "morning",
    "evening",
    "night",
    "today",
    "friend",
    "mother",
    "father",
    "sister",
    "brother",
    "baby",
    "child",
    "woman",
    "man",
    "king",
    "queen",
    "doctor",
    "teacher",
    "sailor",
    "farmer",
    "baker",
    "music",
    "song",
    "dance",
    "game",
    "ball",
    "toy",
    "kite",
    "drum",
    "piano",
    "guitar",
    "story",
    "word",
    "letter",
    "number",
    "color",
    "red",
    "green",
    "blue",
    "yellow",
    "brown",
    "black",
    "white",
    "orange",
    "purple",
    "happy",
    "quick",
    "quiet",
    "small",
    "large",
    "round",
    "square",
    "heavy",
    "light",
    "early",
    "never",
    "always",
    "world",
    "people",
    "language",
    "computer",
    "robot",
    "dragon",
    "tiger",
    "lion",
    "zebra",
    "monkey",
    "elephant",
    "rabbit",
    "turtle",
    "spider",
    "horse",
    "sheep",
    "mouse",
    "camel",
    "whale",
    "eagle",
    "parrot",
    "penguin",
]

SPELLING = Family(
    "spell",
    [Topic(w, ", ".join(w.upper()) + ".") for w in SPELLED],
    ("spell {}", "spell the word {}", "how do you spell {}", "how is {} spelled", "how do you write {}", "what are the letters of {}",
     "the spelling of {}", "say the letters of {}", "what is the spelling of {}"),
    ("how would you spell {}", "tell me the letters of {}", "which letters are in {}"),
    ("", "", "", "please", "can you", "tell me", "okay", "hey"), AFTER, 3.0, follow_up=("and {}", "and how do you spell {}", "now {}"),
)  # fmt: skip
FIRST_LETTER = Family(
    "first_letter",
    [Topic(w, f"{w.capitalize()} begins with {w[0].upper()}.") for w in SPELLED],
    ("what is the first letter of {}", "which letter does {} begin with", "what letter does {} start with", "{} begins with which letter",
     "what's the first letter of {}", "the first letter of {}", "with which letter does {} begin"),
    ("what letter does {} begin with", "which is the first letter of {}"),
    weight=1.5, follow_up=("and {}", "and of {}"),
)  # fmt: skip

_BACK = ("say {}", "repeat {}", "repeat after me {}", "say after me {}", "please repeat {}", "can you say {}", "now say {}", "please say {}",
         "say the words {}", "repeat the words {}")  # fmt: skip
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
