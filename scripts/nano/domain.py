"""What the bundled model is taught: requests in several wordings, and one answer each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

# Openings that people put before a question or a command; the empty one is the most common.
QUESTION_OPENINGS = (
    "",
    "",
    "please tell me",
    "tell me",
    "can you tell me",
    "do you know",
    "okay",
    "so",
    "hey",
)
COMMAND_OPENINGS = (
    "",
    "",
    "please",
    "can you",
    "could you",
    "would you please",
    "now",
    "okay",
    "i want you to",
)
PLAIN_OPENINGS = ("",)


@dataclass(frozen=True)
class Topic:
    """One answer and the requests that lead to it."""

    answer: str  # as shown and as spoken
    openings: tuple[str, ...]
    wordings: tuple[str, ...]  # the ones trained on
    held_out: tuple[str, ...]  # wordings never trained on, for judging

    def requests(self) -> list[str]:
        return [_join(o, w) for o, w in product(dict.fromkeys(self.openings), self.wordings)]

    def held_out_requests(self) -> list[str]:
        return [_join(o, w) for o, w in product(dict.fromkeys(self.openings), self.held_out)]


def _join(opening: str, wording: str) -> str:
    return f"{opening} {wording}".strip()


def _q(answer: str, *wordings: str, held_out: tuple[str, ...] = ()) -> Topic:
    return Topic(answer, QUESTION_OPENINGS, wordings, held_out)


def _c(answer: str, *wordings: str, held_out: tuple[str, ...] = ()) -> Topic:
    return Topic(answer, COMMAND_OPENINGS, wordings, held_out)


def _p(answer: str, *wordings: str, held_out: tuple[str, ...] = ()) -> Topic:
    return Topic(answer, PLAIN_OPENINGS, wordings, held_out)


def _capital(country: str, city: str) -> Topic:
    name = country.lower()
    return _q(
        f"The capital of {country} is {city}.",
        f"what is the capital of {name}",
        f"what's the capital of {name}",
        f"the capital of {name}",
        f"what is the capital city of {name}",
        f"which city is the capital of {name}",
        f"the capital city of {name}",
        held_out=(f"what's the capital city of {name}", f"which is the capital of {name}"),
    )


STORY = (
    "Once upon a time a small fox lived by the sea. Every night it watched the lights of the ships far away. "
    "One evening a ship came close, and a sailor gave the fox a golden bell. "
    "Since then, when the bell rings, all ships find their way home."
)

TOPICS: tuple[Topic, ...] = (
    _p("Hello! How can I help you?", "hello", "hi", "hello there", "hi there", "good day", "hey hello",
       "hello assistant", "good to see you", held_out=("hey there", "hi assistant")),
    _p("Good morning! I hope you slept well.", "good morning", "good morning to you", "a very good morning",
       "hello good morning", "hi good morning", "morning", held_out=("good morning there",)),
    _p("Good night. Sleep well.", "good night", "good night to you", "i am going to bed",
       "i am going to bed now", "good night and sleep well", "i'm off to bed", held_out=("okay good night",)),
    _p("You are welcome.", "thank you", "thanks", "thank you very much", "thanks a lot", "many thanks",
       "okay thank you", "great thank you", held_out=("thank you so much", "okay thanks")),
    _p("Goodbye! See you soon.", "goodbye", "bye", "bye bye", "see you later", "goodbye for now", "okay bye",
       "see you soon", "talk to you later", held_out=("see you tomorrow", "okay goodbye")),
    _p("I am fine, thank you. How are you?", "how are you", "how are you today", "how are you doing",
       "how do you do", "hello how are you", "hi how are you", "how are things", "are you well",
       held_out=("how are you doing today", "hey how are you")),
    _q("I am voicert, a small voice assistant.", "who are you", "what is your name", "what's your name",
       "what are you called", "your name", "what are you", "who am i talking to",
       held_out=("who you are", "what should i call you")),
    _q("I can answer short questions, count, and tell a story.", "what can you do", "what can i ask you",
       "what can i say", "what you can do", "how can you help me", "what do you know", "what are you good at",
       held_out=("what things can you do", "what can you help me with")),
    _q("I was trained on this computer with made up voices.", "who made you", "who built you",
       "where do you come from", "how were you made", "who created you", "where were you made",
       held_out=("how were you built",)),
    _q("No, I am a computer program.", "are you human", "are you a human", "are you a person",
       "are you a robot", "are you real", "are you a real person", "am i talking to a person",
       held_out=("are you a human being",)),
    _q("I like the color blue.", "what is your favorite color", "what's your favorite color",
       "what color do you like", "which color do you like", "your favorite color",
       "which color do you like best", held_out=("what color do you like best",)),
    _c("One, two, three, four, five.", "count to five", "count up to five", "count from one to five",
       "count to the number five", "count till five", held_out=("count the numbers to five",)),
    _c("One, two, three, four, five, six, seven, eight, nine, ten.", "count to ten", "count up to ten",
       "count from one to ten", "count to the number ten", "count till ten",
       held_out=("count the numbers to ten",)),
    _c("One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, "
       "fifteen, sixteen, seventeen, eighteen, nineteen, twenty.", "count to twenty", "count up to twenty",
       "count from one to twenty", "count to the number twenty", "count till twenty",
       held_out=("count the numbers to twenty",)),
    _c("Five, four, three, two, one, lift off!", "count down", "count down from five", "do a countdown",
       "start a countdown", "count backwards", "count backwards from five", held_out=("count down to zero",)),
    _c(STORY, "tell me a story", "tell a story", "tell us a story", "tell me a long story", "read me a story",
       "tell me a bedtime story", held_out=("tell me a nice story", "read a story")),
    _c("Why did the robot cross the road? Because it was told to.", "tell me a joke", "tell a joke",
       "make me laugh", "tell me something funny", "say something funny", "tell us a joke",
       held_out=("tell me a funny joke", "tell a funny joke")),
    _c("The days are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.",
       "name the days of the week", "list the days of the week", "tell me the days of the week",
       "say the days of the week", "name all days of the week", held_out=("give me the days of the week",)),
    _c("Spring, summer, autumn and winter.", "name the seasons", "list the seasons", "name the four seasons",
       "tell me the seasons", "say the four seasons", held_out=("give me the seasons",)),
    _c("A, B, C, D, E, F, G.", "say the alphabet", "tell me the alphabet", "recite the alphabet",
       "begin the alphabet", "start the alphabet", held_out=("give me the alphabet",)),
    _capital("France", "Paris"),
    _capital("Italy", "Rome"),
    _capital("Spain", "Madrid"),
    _capital("Germany", "Berlin"),
    _capital("Japan", "Tokyo"),
    _capital("England", "London"),
    _q("Two plus two is four.", "what is two plus two", "what's two plus two", "two plus two",
       "how much is two plus two", "what is two and two", "how much is two and two",
       held_out=("how much two plus two is",)),
    _q("Three plus four is seven.", "what is three plus four", "what's three plus four", "three plus four",
       "how much is three plus four", "what is three and four", "how much is three and four",
       held_out=("how much three plus four is",)),
    _q("Five times five is twenty five.", "what is five times five", "what's five times five",
       "five times five", "how much is five times five", "what is five multiplied by five",
       held_out=("how much five times five is",)),
    _q("Nine minus three is six.", "what is nine minus three", "what's nine minus three", "nine minus three",
       "how much is nine minus three", "what is nine take away three",
       held_out=("how much nine minus three is",)),
    _q("There are seven days in a week.", "how many days are in a week", "how many days are there in a week",
       "how many days has a week", "how many days does a week have", held_out=("how many days a week has",)),
    _q("There are twelve months in a year.", "how many months are in a year",
       "how many months are there in a year", "how many months has a year",
       "how many months does a year have", held_out=("how many months a year has",)),
    _q("There are sixty minutes in an hour.", "how many minutes are in an hour",
       "how many minutes are there in an hour", "how many minutes has an hour",
       "how many minutes does an hour have", held_out=("how many minutes an hour has",)),
    _q("There are twenty four hours in a day.", "how many hours are in a day",
       "how many hours are there in a day", "how many hours has a day", "how many hours does a day have",
       held_out=("how many hours a day has",)),
    _q("A spider has eight legs.", "how many legs does a spider have", "how many legs has a spider",
       "how many legs do spiders have", "how many legs are on a spider",
       held_out=("how many legs a spider has",)),
    _q("A dog has four legs.", "how many legs does a dog have", "how many legs has a dog",
       "how many legs do dogs have", "how many legs are on a dog", held_out=("how many legs a dog has",)),
    _q("The sky is blue because air scatters blue light.", "why is the sky blue", "why the sky is blue",
       "what makes the sky blue", "why the sky looks blue", held_out=("why does the sky look blue",)),
    _q("Water boils at one hundred degrees.", "when does water boil", "at what temperature does water boil",
       "how hot is boiling water", "when water boils", held_out=("how hot must water be to boil",)),
    _q("The sun is a star.", "what is the sun", "what's the sun", "is the sun a star",
       "what kind of thing is the sun", held_out=("what the sun is",)),
    _q("Cows drink water and eat grass.", "what do cows drink", "what do cows eat", "what does a cow drink",
       "what does a cow eat", held_out=("what cows eat", "what cows drink")),
    _q("Jupiter is the largest planet.", "what is the largest planet", "which planet is the largest",
       "what's the biggest planet", "which planet is the biggest", "the biggest planet",
       held_out=("what is the biggest planet",)),
    _q("I cannot look outside, but I hope it is sunny.", "how is the weather", "what is the weather like",
       "what's the weather like", "how is the weather today", "will it rain today", "is it raining",
       held_out=("what is the weather like today",)),
    _q("I am sorry, I have no clock.", "what time is it", "what's the time", "what is the time",
       "what the time is", "the time", held_out=("what time it is",)),
    _p("Okay.", "stop", "stop it", "stop please", "please stop", "be quiet", "stop talking", "that's enough",
       held_out=("please be quiet", "okay stop")),
    _p("Sorry, I don't know that.", "where did i leave my keys", "my brother bought a green car",
       "please order a large pizza", "the train leaves from platform nine", "how tall is the oldest tree",
       "turn off the lights in the kitchen", "what did you eat for breakfast", "who won the game last night",
       "we should paint the wooden fence", "how do i bake bread", "play some music for me",
       "the window was open all night", "can i borrow your bicycle", "what is the meaning of life",
       "which shoes should i wear", "send a message to my mother", "the children are playing outside",
       "how far is it to the station", "where can i buy a new phone", "set a timer for three minutes",
       "she sells fresh fish at the market", "what is the price of gold", "how old is the president",
       "what is the population of canada", "my computer is very slow", "do you believe in ghosts",
       "remind me to water the plants", "open the door for the cat", "how many people live in london",
       "why do birds sing in the morning", "what is the square root of ten", "call the doctor tomorrow",
       "who wrote this book", "when is the next holiday", "is there any milk left",
       "how much does a new house cost", "what is the fastest animal", "we went swimming in the lake",
       held_out=("my sister lives in a small village", "where is the nearest bakery",
                 "how long does it take to boil an egg", "read the news to me", "what is the longest river")),
)  # fmt: skip

OUT_OF_DOMAIN = TOPICS[-1]


def all_texts() -> list[str]:
    """Every answer and request, trained or held out, for vocabularies."""
    texts = [t.answer for t in TOPICS]
    for topic in TOPICS:
        texts += topic.requests() + topic.held_out_requests()
    return texts
