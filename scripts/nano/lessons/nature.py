"""Animals, colours, opposites, records and what is true of things."""

from __future__ import annotations

from nano.lessons.exchange import Family, Topic
from nano.lessons.facts import FACTS


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


_SOUNDS = {"cow": "moo", "dog": "woof", "cat": "meow", "sheep": "baa", "duck": "quack", "pig": "oink", "horse": "neigh",
           "lion": "roar", "owl": "hoo hoo", "bee": "buzz", "snake": "hiss", "rooster": "cock a doodle doo", "frog": "ribbit",
           "mouse": "squeak", "wolf": "howl", "crow": "caw", "donkey": "hee haw", "turkey": "gobble gobble"}  # fmt: skip
ANIMAL_SOUNDS = Family(
    "animal_sound",
    [Topic(a, f"The {a} says {s}.") for a, s in _SOUNDS.items()],
    ("what does the {} say", "what does a {} say", "what sound does a {} make", "what noise does a {} make", "what sound does the {} make",
     "which sound does a {} make", "how does a {} sound", "how does the {} go", "what sound comes from the {}",
     "what noise comes from the {}", "the noise of the {}", "the sound that the {} makes", "what noise would the {} make",
     "which noise does the {} make", "what kind of sound does the {} make", "what kind of noise does a real {} make",
     "how does the {} talk", "how does the {} speak", "what the {} says", "what sound the {} makes", "how the {} sounds",
     "what does the {} sound like", "what does a real {} sound like", "what does the {} usually say", "make the sound of the {}",
     "make a noise like a real {}", "say what the {} says", "imitate the {}", "the {} says what", "the {} makes what sound",
     "i need to know what sound the {} makes", "i wonder what the {} says", "what do you hear when the {} makes a noise",
     "what's the sound of the {}", "what's the noise that the {} makes", "what is the sound the {} makes",
     "if i hear the {} what does it say", "what would the {} say", "the voice of the {}"),
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
     "on how many legs does a {} walk", "how many legs does the {} have", "how many legs do you count on a {}", "how many legs has the {}",
     "how many legs are there on the {}", "how many legs can i count on the {}", "how many legs does one {} have",
     "how many legs does every {} have", "how many legs does a normal {} have", "how many legs does a healthy {} have",
     "what number of legs does the {} have", "what's the number of legs of the {}", "the number of legs on the {}",
     "with how many legs does the {} walk", "how many legs does the {} use", "how many legs does the {} stand on",
     "the {} has how many legs", "the {} walks on how many legs", "count the legs of the {}", "count the legs on one {}",
     "how many legs the {} has", "how many legs there are on the {}", "i need to know how many legs the {} has",
     "i wonder how many legs one {} has", "does the {} have legs and how many", "say how many legs the {} has",
     "if i draw the {} how many legs does it need", "how many legs belong to the {}", "how many legs do you see on the {}",
     "how many legs would the {} have", "legs of the {} how many", "how many legs do you find on the {}"),
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
     "what's a baby {} called", "the name of a baby {}", "how do you call a young {}", "what is the name for a young {}",
     "what is the baby of the {} called", "what's a young {} called", "what name does a baby {} have", "what's the name for a baby {}",
     "what's the name of a young {}", "what is the word for a young {}", "which word means a young {}",
     "which word do we use for a baby {}", "the word for a young {}", "how do we call a baby {}", "how is a baby {} called",
     "how is a young {} called", "what do people call a baby {}", "what do people call a young {}", "what do we call a little {}",
     "what is a little {} called", "what is a small {} called", "a baby {} is called what", "a young {} is called what",
     "what a baby {} is called", "what you call a young {}", "name the baby of the {}", "give me the name for a young {}",
     "i need the word for a baby {}", "i need to know what a baby {} is called", "i wonder what a young {} is called",
     "what would you call a baby {}", "what is the right name for a young {}", "when a {} is still a baby what is it called",
     "the child of the {} is called what", "what is a newborn {} called"),
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
    ("where does a {} live", "where does the {} live", "where do you find a {}", "what is the home of a {}", "in what place does a {} live",
     "where is the home of a {}", "where can a {} be found", "where is the {} at home", "where does the {} have its home",
     "where would i find a {}", "where can i find a {}", "where can you find the {}", "where do i look for a {}",
     "where should i look for a {}", "where can i see a {}", "where would a {} live", "where do we find the {}", "where does a {} stay",
     "where does a {} sleep", "where does a {} make its home", "where a {} lives", "where the {} lives", "where you find a {}",
     "what is the {}'s home", "what's the home of the {}", "what place is home to the {}", "which place is the home of a {}",
     "in which place does the {} live", "what kind of place does a {} live in", "the home of a {}", "the place where a {} lives",
     "a {} lives where", "the {} lives in what place", "name the place where a {} lives", "i need to know where a {} lives",
     "i wonder where the {} lives", "where is a {} usually found", "where does a {} usually live", "where does a {} spend its life",
     "if i want to see a {} where do i go"),
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
    ("what color is {}", "which color is {}", "what color has {}", "what is the color of {}", "what's the color of {}", "the color of {}",
     "what color does {} have", "which color does {} have", "what color {} is", "what color {} has", "which color {} is",
     "in which color is {}", "of what color is {}", "color of {}", "{} is what color", "{} is which color", "{} has what color",
     "{} what color is that", "what sort of color is {}", "what color would you say {} is", "what color does {} come in",
     "what color would {} be", "what color should {} be", "what color is {} usually", "what color is {} normally",
     "what is the usual color of {}", "what's the normal color of {}", "what color do you see when you look at {}",
     "what color do i need to paint {}", "what color do i need to draw {}", "with which color do i paint {}", "name the color of {}",
     "say what color {} is", "give me the color of {}", "guess what color {} is", "describe the color of {}",
     "i need to know the color of {}", "i wonder what color {} is", "i forgot what color {} is", "any idea what color {} is",
     "the color that {} has"),
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
     "what word is the opposite of {}", "name the opposite of {}", "what is the contrary of {}", "opposite of {}",
     "opposite of the word {}", "the contrary of {}", "what's the contrary of {}", "the word opposite to {}", "what is opposite to {}",
     "which word means the opposite of {}", "what word means the opposite of {}", "what means the opposite of {}",
     "what do you call the opposite of {}", "what would you call the opposite of {}", "how do you say the opposite of {}",
     "how is the opposite of {} called", "what is {} the opposite of", "{} is the opposite of what", "{} is the opposite of which word",
     "{} what is the opposite", "what's the opposite word of {}", "what is the opposite of the word {}", "the opposite of the word {}",
     "say the opposite of {}", "give me the opposite of {}", "find the opposite of {}", "say the contrary of {}",
     "give me a word that means the opposite of {}", "i need the opposite of {}", "i need a word for the opposite of {}",
     "i am looking for the opposite of {}", "i wonder what the opposite of {} is", "what the opposite of {} is",
     "any idea what the opposite of {} is", "is there an opposite of {}", "does the word {} have an opposite", "what is the reverse of {}"),
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
     "what is the name of the {}", "which one is the {}", "what the {} is", "which one the {} is", "what the {} is called",
     "what is the {} called", "how is the {} called", "what do you call the {}", "what do people call the {}", "the name of the {}",
     "what's the name of the {}", "say the name of the {}", "give me the name of the {}", "i need the name of the {}",
     "i need to know the {}", "i would like to know the {}", "i wonder what the {} is", "any idea what the {} is", "what would be the {}",
     "what might be the {}", "which one would be the {}", "which one is known as the {}", "what is known as the {}",
     "which is the {} in the world", "what is the {} of all", "what is the {} of them all", "what is the {} there is",
     "which is the {} there is", "what is the {} that we know", "which is the {} that people know", "the {} is called what",
     "the {} is which one", "say which one is the {}", "find out what the {} is", "of all of them which is the {}", "the {} what is it"),
    ("which is the {} of all", "what's the {} in the world"),
    weight=1.4, follow_up=("and the {}", "what about the {}"),
)  # fmt: skip

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
    ("{0} {1}", "{0} really {1}", "is it true or false {0} {1}", "yes or no {0} {1}", "what do you think {0} {1}", "quick question {0} {1}",
     "a question {0} {1}", "{0} {1} or not", "{0} {1} yes or no", "{0} {1} true or false", "{0} {1} right or wrong", "{0} actually {1}",
     "{0} truly {1}", "{0} in fact {1}", "{0} {1} do you think", "{0} {1} do you know", "{0} {1} what do you think",
     "{0} {1} what would you say", "{0} {1} or is it not", "true or false {0} {1}", "right or wrong {0} {1}", "just say yes or no {0} {1}",
     "please say yes or no {0} {1}", "one question {0} {1}", "i have a question {0} {1}", "another question {0} {1}",
     "here is a question {0} {1}", "my question is {0} {1}", "let me ask you {0} {1}", "may i ask you {0} {1}", "can i ask you {0} {1}",
     "i want to know {0} {1}", "i need to know {0} {1}", "i would like to know {0} {1}", "i wonder {0} {1}", "i am not sure {0} {1}",
     "can you tell me {0} {1}", "do you know {0} {1}", "what would you say {0} {1}", "in your opinion {0} {1}", "be honest {0} {1}",
     "please tell me {0} {1}"),
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
     "yes or no can {0} {1}", "can {0} really {1}", "do {0} {1}", "do {0} ever {1}", "do {0} really {1}", "could {0} {1}", "can't {0} {1}",
     "can {0} actually {1}", "can {0} {1} or not", "can {0} {1} yes or no", "can {0} {1} do you think", "can {0} ever {1}",
     "can {0} {1} at all", "can some {0} {1}", "are there {0} that can {1}", "are {0} really able to {1}", "is it possible for {0} to {1}",
     "is it possible that {0} {1}", "is it right that {0} can {1}", "is it true that {0} are able to {1}", "true or false {0} can {1}",
     "do you know if {0} can {1}", "do you believe that {0} can {1}", "do you think that {0} are able to {1}", "i wonder if {0} can {1}",
     "i want to know if {0} can {1}", "i need to know whether {0} can {1}", "i am not sure if {0} can {1}",
     "i would like to know if {0} can {1}", "can you tell me if {0} can {1}", "can you tell me whether {0} are able to {1}",
     "let me know if {0} can {1}", "i heard that {0} can {1} is that true", "somebody said {0} can {1} is that right", "{0} can {1} right",
     "{0} can {1} is that true", "if {0} can {1}", "whether {0} can {1}"),
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
