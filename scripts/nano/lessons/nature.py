"""Animals, colours, opposites and small facts about the world."""

from __future__ import annotations

from nano.lessons.exchange import Family, Topic, single


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


_SOUNDS = {"cow": "moo", "dog": "woof", "cat": "meow", "sheep": "baa", "duck": "quack", "pig": "oink", "horse": "neigh",
           "lion": "roar", "owl": "hoo hoo", "bee": "buzz", "snake": "hiss", "rooster": "cock a doodle doo", "frog": "ribbit",
           "mouse": "squeak", "wolf": "howl", "crow": "caw", "donkey": "hee haw", "turkey": "gobble gobble"}  # fmt: skip
ANIMAL_SOUNDS = Family(
    "animal_sound",
    [Topic(a, f"The {a} says {s}.") for a, s in _SOUNDS.items()],
    ("what does the {} say", "what does a {} say", "what sound does a {} make", "what noise does a {} make",
     "what sound does the {} make", "which sound does a {} make", "how does a {} sound", "how does the {} go"),
    ("what noise does the {} make", "how does a {} go", "the sound of a {}"),
    weight=1.4, follow_up=("and the {}", "and a {}", "what about the {}", "and what does the {} say"),
)  # fmt: skip

_LEGS = {"dog": "four", "cat": "four", "horse": "four", "spider": "eight", "bird": "two", "chicken": "two", "ant": "six",
         "bee": "six", "snake": "no", "fish": "no", "crab": "ten", "frog": "four", "elephant": "four", "fly": "six",
         "human": "two", "cow": "four", "worm": "no", "octopus": "no", "kangaroo": "two"}  # fmt: skip
ANIMAL_LEGS = Family(
    "animal_legs",
    [Topic(a, f"{_a(a).capitalize()} has {n} legs." if a != "octopus" else "An octopus has eight arms.") for a, n in _LEGS.items()],
    ("how many legs does a {} have", "how many legs has a {}", "how many legs are on a {}", "the number of legs of a {}",
     "on how many legs does a {} walk", "how many legs does the {} have", "how many legs do you count on a {}"),
    ("what is the number of legs of a {}", "how many legs can you see on a {}"),
    weight=1.2, follow_up=("and a {}", "and how many has a {}", "what about a {}"),
)  # fmt: skip

_BABIES = {"dog": "puppy", "cat": "kitten", "cow": "calf", "horse": "foal", "sheep": "lamb", "duck": "duckling", "bear": "cub",
           "chicken": "chick", "goat": "kid", "pig": "piglet", "frog": "tadpole", "kangaroo": "joey", "deer": "fawn",
           "swan": "cygnet", "goose": "gosling", "lion": "cub", "butterfly": "caterpillar", "owl": "owlet"}  # fmt: skip
ANIMAL_BABIES = Family(
    "animal_baby",
    [Topic(a, f"A young {a} is called {_a(b)}.") for a, b in _BABIES.items()],
    ("what is a baby {} called", "what is a young {} called", "what do you call a baby {}", "what do you call a young {}",
     "what's a baby {} called", "the name of a baby {}", "how do you call a young {}", "what is the name for a young {}"),
    ("what's the word for a baby {}", "what is the child of a {} called"),
    weight=1.2, follow_up=("and a baby {}", "and a young {}", "what about a {}"),
)  # fmt: skip

_HOMES = {"bird": "in a nest", "bee": "in a hive", "fox": "in a den", "fish": "in the water", "rabbit": "in a burrow",
          "spider": "in a web", "penguin": "on the ice of the south", "camel": "in the desert", "polar bear": "in the Arctic",
          "kangaroo": "in Australia", "panda": "in China", "whale": "in the ocean", "monkey": "in the trees", "horse": "in a stable",
          "dog": "with people", "lion": "in Africa", "snail": "in its shell", "bat": "in a cave"}  # fmt: skip
ANIMAL_HOMES = Family(
    "animal_home",
    [Topic(a, f"{_a(a).capitalize()} lives {h}.") for a, h in _HOMES.items()],
    ("where does a {} live", "where does the {} live", "where do you find a {}", "what is the home of a {}",
     "in what place does a {} live", "where is the home of a {}", "where can a {} be found"),
    ("where does a {} have its home", "what place does a {} live in"),
    weight=1.0, follow_up=("and a {}", "and where does a {} live"),
)  # fmt: skip

_COLORS = {"grass": "green", "snow": "white", "the sky": "blue", "coal": "black", "a banana": "yellow", "a tomato": "red",
           "an orange": "orange", "blood": "red", "milk": "white", "chocolate": "brown", "the sea": "blue", "a lemon": "yellow",
           "a carrot": "orange", "salt": "white", "gold": "yellow", "a leaf": "green", "a strawberry": "red", "an elephant": "gray",
           "a fire engine": "red", "a cucumber": "green", "a raven": "black", "a flamingo": "pink", "sand": "light brown",
           "an eggplant": "purple", "the sun": "yellow"}  # fmt: skip
COLORS = Family(
    "color",
    [Topic(t, f"{t[0].upper() + t[1:]} is {c}.") for t, c in _COLORS.items()],
    ("what color is {}", "which color is {}", "what color has {}", "what is the color of {}", "what's the color of {}",
     "the color of {}", "what color does {} have", "which color does {} have"),
    ("in what color is {}", "what kind of color is {}"),
    weight=1.4, follow_up=("and {}", "what about {}", "and what color is {}"),
)  # fmt: skip

_OPPOSITES = {"hot": "cold", "big": "small", "fast": "slow", "up": "down", "left": "right", "day": "night", "black": "white",
              "old": "young", "happy": "sad", "open": "closed", "high": "low", "long": "short", "hard": "soft", "light": "dark",
              "rich": "poor", "strong": "weak", "full": "empty", "early": "late", "wet": "dry", "loud": "quiet", "first": "last",
              "inside": "outside", "good": "bad", "easy": "difficult", "near": "far", "clean": "dirty", "true": "false",
              "north": "south", "east": "west", "always": "never", "summer": "winter", "love": "hate", "push": "pull",
              "win": "lose", "begin": "end", "thick": "thin", "deep": "shallow", "sweet": "sour", "war": "peace",
              "friend": "enemy"}  # fmt: skip
OPPOSITES = Family(
    "opposite",
    [Topic(w, f"The opposite of {w} is {o}.") for w, o in _OPPOSITES.items()],
    ("what is the opposite of {}", "what's the opposite of {}", "the opposite of {}", "which word is the opposite of {}",
     "what word is the opposite of {}", "name the opposite of {}", "what is the contrary of {}"),
    ("which is the opposite of {}", "what would be the opposite of {}"),
    weight=1.6, follow_up=("and of {}", "and {}", "what about {}", "and the opposite of {}"),
)  # fmt: skip

_RECORDS = {
    "largest planet": "Jupiter is the largest planet.",
    "smallest planet": "Mercury is the smallest planet.",
    "highest mountain": "Mount Everest is the highest mountain.",
    "longest river": "The Nile is the longest river.",
    "largest ocean": "The Pacific is the largest ocean.",
    "largest animal": "The blue whale is the largest animal.",
    "fastest animal": "The falcon is the fastest animal.",
    "tallest animal": "The giraffe is the tallest animal.",
    "largest country": "Russia is the largest country.",
    "smallest country": "Vatican City is the smallest country.",
    "largest desert": "The largest desert is Antarctica.",
    "hottest planet": "Venus is the hottest planet.",
    "largest bird": "The ostrich is the largest bird.",
    "largest continent": "Asia is the largest continent.",
    "shortest month": "February is the shortest month.",
    "hardest stone": "Diamond is the hardest stone.",
    "lightest gas": "Hydrogen is the lightest gas.",
    "largest fish": "The whale shark is the largest fish.",
    "deepest lake": "Lake Baikal is the deepest lake.",
    "brightest star": "The brightest star of the night is Sirius.",
}
RECORDS = Family(
    "record",
    [Topic(s, a) for s, a in _RECORDS.items()],
    ("what is the {}", "what's the {}", "which is the {}", "name the {}", "what is the {} in the world", "the {} in the world",
     "what is the name of the {}", "which one is the {}"),
    ("which is the {} of all", "what's the {} in the world"),
    weight=1.4, follow_up=("and the {}", "what about the {}"),
)  # fmt: skip

_FACTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "The sky is blue because air scatters blue light.": (
        ("why is the sky blue", "why the sky is blue", "what makes the sky blue", "why the sky looks blue", "why is the sky not green"),
        ("why does the sky look blue", "what is the reason the sky is blue")),
    "Water boils at one hundred degrees.": (
        ("when does water boil", "at what temperature does water boil", "how hot is boiling water", "when water boils",
         "what is the boiling point of water"), ("how hot must water be to boil", "at how many degrees does water boil")),
    "Water freezes at zero degrees.": (
        ("when does water freeze", "at what temperature does water freeze", "how cold is ice", "when water turns to ice",
         "what is the freezing point of water"), ("how cold must water be to freeze", "at how many degrees does water freeze")),
    "The sun is a star.": (
        ("what is the sun", "what's the sun", "is the sun a star", "what kind of thing is the sun", "is the sun a planet"),
        ("what sort of thing is the sun", "what the sun is")),
    "The moon goes around the earth.": (
        ("what is the moon", "what does the moon do", "what does the moon go around", "where does the moon go", "what is the moon doing"),
        ("around what does the moon go", "what's the moon")),
    "The earth goes around the sun in one year.": (
        ("how long does the earth go around the sun", "what does the earth go around", "how long does the earth take around the sun",
         "does the earth go around the sun"), ("in what time does the earth go around the sun", "around what does the earth go")),
    "Bees make honey.": (
        ("who makes honey", "what makes honey", "where does honey come from", "which animal makes honey", "what do bees make"),
        ("from which animal is honey", "how do we get honey")),
    "Milk comes from cows.": (
        ("where does milk come from", "who gives milk", "which animal gives milk", "what gives us milk", "what is milk from"),
        ("from which animal is milk", "how do we get milk")),
    "Bread is made of flour, water and yeast.": (
        ("what is bread made of", "what's in bread", "how is bread made", "what do you need for bread", "what is in bread"),
        ("what do i need to make bread", "out of what is bread made")),
    "Plants need light, water and air.": (
        ("what do plants need", "what does a plant need", "what do plants need to grow", "what do flowers need",
         "what does a flower need"), ("what do plants live on", "what is needed by plants")),
    "Ice is frozen water.": (
        ("what is ice", "what's ice", "what is ice made of", "what is frozen water", "what is frozen water called"),
        ("out of what is ice", "what do you call frozen water")),
    "Light is faster than sound.": (
        ("what is faster light or sound", "is light faster than sound", "is sound faster than light", "what is faster sound or light",
         "which is faster light or sound"), ("what travels faster light or sound", "which is quicker light or sound")),
    "A year with a leap day has three hundred and sixty six days.": (
        ("what is a leap year", "what's a leap year", "how long is a leap year", "how many days has a leap year",
         "how many days are in a leap year"), ("how many days long is a leap year", "what does leap year mean")),
    "Shakespeare wrote Romeo and Juliet.": (
        ("who wrote romeo and juliet", "who is the author of romeo and juliet", "romeo and juliet was written by who",
         "which poet wrote romeo and juliet"), ("by whom is romeo and juliet", "who was the writer of romeo and juliet")),
    "Leonardo da Vinci painted the Mona Lisa.": (
        ("who painted the mona lisa", "who is the painter of the mona lisa", "which artist painted the mona lisa",
         "who made the mona lisa"), ("by whom is the mona lisa", "who was the painter of the mona lisa")),
    "Neil Armstrong was the first man on the moon.": (
        ("who was the first man on the moon", "who walked on the moon first", "who was first on the moon",
         "which man was the first on the moon", "who went to the moon first"),
        ("what is the name of the first man on the moon", "who stood on the moon first")),
    "A guitar has six strings.": (
        ("how many strings has a guitar", "how many strings does a guitar have", "how many strings are on a guitar",
         "the number of strings on a guitar"), ("what is the number of strings on a guitar", "how many strings do you find on a guitar")),
    "A triangle has three sides.": (
        ("how many sides has a triangle", "how many sides does a triangle have", "how many corners has a triangle",
         "the number of sides of a triangle"), ("what is the number of sides of a triangle", "how many sides do you count on a triangle")),
    "A square has four sides.": (
        ("how many sides has a square", "how many sides does a square have", "how many corners has a square",
         "the number of sides of a square"), ("what is the number of sides of a square", "how many sides do you count on a square")),
    "A car has four wheels.": (
        ("how many wheels has a car", "how many wheels does a car have", "how many wheels are on a car", "the number of wheels of a car"),
        ("what is the number of wheels of a car", "how many wheels do you count on a car")),
    "A bicycle has two wheels.": (
        ("how many wheels has a bicycle", "how many wheels does a bicycle have", "how many wheels are on a bicycle",
         "the number of wheels of a bicycle"), ("what is the number of wheels of a bicycle", "how many wheels do you count on a bicycle")),
    "A hand has five fingers.": (
        ("how many fingers has a hand", "how many fingers does a hand have", "how many fingers are on one hand",
         "the number of fingers of a hand"), ("what is the number of fingers of a hand", "how many fingers do you count on a hand")),
}  # fmt: skip
FACTS = tuple(
    single(f"fact{i}", answer, wordings, held_out, weight=0.22)
    for i, (answer, (wordings, held_out)) in enumerate(_FACTS.items())
)

_YES_NO = {
    "is ice|cold": "Yes, ice is cold.", "is fire|hot": "Yes, fire is hot.", "is snow|warm": "No, snow is cold.",
    "is the sun|hot": "Yes, the sun is very hot.", "is sugar|sweet": "Yes, sugar is sweet.", "is a lemon|sweet": "No, a lemon is sour.",
    "is a whale|a fish": "No, a whale is a mammal.", "is a tomato|a fruit": "Yes, a tomato is a fruit.",
    "is a spider|an insect": "No, a spider is not an insect.", "is a bat|a bird": "No, a bat is a mammal.",
    "is a penguin|a bird": "Yes, a penguin is a bird.", "is the earth|flat": "No, the earth is round.",
    "is the earth|round": "Yes, the earth is round.", "is the moon|made of cheese": "No, the moon is made of rock.",
    "is glass|made of sand": "Yes, glass is made of sand.", "is gold|a metal": "Yes, gold is a metal.",
    "is wood|a metal": "No, wood is not a metal.", "is a carrot|a vegetable": "Yes, a carrot is a vegetable.",
    "is an apple|a vegetable": "No, an apple is a fruit.", "is paris|in italy": "No, Paris is in France.",
    "is london|in england": "Yes, London is in England.", "is water|wet": "Yes, water is wet.",
    "is a dolphin|a fish": "No, a dolphin is a mammal.", "is silver|heavier than gold": "No, gold is heavier than silver.",
}  # fmt: skip
YES_NO = Family(
    "yes_no",
    [Topic(s, a) for s, a in _YES_NO.items()],
    ("{0} {1}", "{0} really {1}", "is it true or false {0} {1}", "yes or no {0} {1}", "what do you think {0} {1}",
     "quick question {0} {1}", "a question {0} {1}"),
    ("answer yes or no {0} {1}", "true or not {0} {1}"), ("", "", "", "okay", "so", "hey", "well", "tell me"), weight=1.4,
)  # fmt: skip

_ABILITIES = {
    "penguins|fly": "No, penguins cannot fly.", "birds|fly": "Yes, most birds can fly.", "fish|swim": "Yes, fish can swim.",
    "dogs|swim": "Yes, dogs can swim.", "cats|climb trees": "Yes, cats can climb trees.", "elephants|jump": "No, elephants cannot jump.",
    "pigs|fly": "No, pigs cannot fly.", "parrots|talk": "Yes, some parrots can talk.", "snakes|walk": "No, snakes have no legs.",
    "fish|walk": "No, fish have no legs.", "people|fly": "No, people cannot fly without a machine.", "plants|walk": "No, plants stay where they are.",
    "frogs|jump": "Yes, frogs can jump far.", "horses|climb trees": "No, horses cannot climb trees.", "bees|sting": "Yes, bees can sting.",
    "cows|climb trees": "No, cows cannot climb trees.", "ducks|swim": "Yes, ducks can swim.", "robots|dance": "Yes, some robots can dance.",
}  # fmt: skip
ABILITIES = Family(
    "ability",
    [Topic(s, a) for s, a in _ABILITIES.items()],
    ("can {0} {1}", "are {0} able to {1}", "is it true that {0} can {1}", "do you think {0} can {1}", "what do you think can {0} {1}",
     "yes or no can {0} {1}", "can {0} really {1}"),
    ("do {0} know how to {1}", "would you say {0} can {1}"), ("", "", "", "okay", "so", "hey", "well", "tell me"), weight=1.0,
    follow_up=("and can {0} {1}", "what about {0} can they {1}"),
)  # fmt: skip

NATURE = (
    ANIMAL_SOUNDS,
    ANIMAL_LEGS,
    ANIMAL_BABIES,
    ANIMAL_HOMES,
    COLORS,
    OPPOSITES,
    RECORDS,
    *FACTS,
    YES_NO,
    ABILITIES,
)
