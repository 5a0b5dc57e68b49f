"""Speech that the assistant has no answer to: it says so. Sentences are made from a small grammar.

Some stand close to what it knows (a country it has no capital for), most are far from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nano.lessons.exchange import Exchange

ANSWER = "Sorry, I don't know that."

WHO = """my brother|my sister|my mother|my father|our neighbor|the teacher|the old man|the young woman|a friend of mine|the boy|the girl|my uncle|
my aunt|the driver|the doctor|the farmer|their son|her daughter|his boss|the children|some people|nobody|everybody|the students|the guests|
my grandmother|the captain|the police|the waiter|your cousin|the mayor|the cleaner|two men|the whole family|someone|the plumber|anna|peter|
john|maria|the tourists|the dentist|a stranger|the twins|the lawyer|the president|the team|this company|the new manager""".replace(
    "\n", ""
).split("|")
DID = """bought|sold|lost|found|painted|cleaned|forgot|broke|repaired|carried|opened|closed|ordered|brought|borrowed|moved|threw away|picked up|
saw|wanted|needed|likes|loves|hates|took|returned|hid|built|washed|dropped|measured|photographed|described|missed|stole|showed us|sent|kept|
wrapped|burned|checked|rented|noticed|touched|followed|watched|recognized|prepared|finished|invented""".replace(
    "\n", ""
).split("|")
WHAT = """a green car|the wooden fence|an old bicycle|the kitchen table|a large pizza|three red apples|the broken window|a pair of shoes|
the garden hose|a leather jacket|the morning paper|a bottle of wine|the front door|a box of chocolates|two tickets|the heavy suitcase|a new phone|
a cheap camera|the blanket|a basket of cherries|an umbrella|the invitation|a silver spoon|the wrong key|a handful of nuts|the last cookie|
the kitchen sink|the long ladder|a wool sweater|the birthday cake|a strange letter|the empty bottles|the washing machine|a yellow balloon|
a bag of potatoes|the television|the heating|an expensive watch|a lawn mower|the parking ticket|some warm soup|the dirty dishes|a bunch of flowers|
the second chapter|a pound of butter|the credit card|the old map|a fishing rod|the alarm|some fresh basil""".replace(
    "\n", ""
).split("|")
WHEN = """yesterday|last week|this morning|two days ago|in the afternoon|on sunday|before dinner|after the meeting|at the station|in the garden|
near the harbor|behind the church|at the market|in the basement|on the way home|for the party|without asking|by mistake|once again|very slowly|
at midnight|during the holidays|in a hurry|with great care|under the bridge|next to the school|for his birthday|from the hotel|on the balcony|
three times|because it was cheap|although it rained|in the dark|at the airport|on the phone|all day long|by accident|with a smile||||""".replace(
    "\n", ""
).split("|")
DEVICE = """the lights|the lamp in the kitchen|the heating|the oven|the television|the fan|the alarm|the coffee machine|the washing machine|the radio in the bath|
the garage door|the air conditioner|the vacuum cleaner|the lights in the bedroom|the front door|the dishwasher""".replace(
    "\n", ""
).split("|")
PERSON = """my mother|the doctor|my wife|my husband|the office|peter|anna|my boss|the school|the dentist|grandma|the taxi|the bank|my landlord|the hotel""".replace(
    "\n", ""
).split("|")
PLACE = """the station|the airport|the next bakery|the hospital|the library|the post office|the nearest beach|the city hall|the museum|the pharmacy|
the gas station|the harbor|the stadium|the supermarket|the old castle|the zoo|the border|the nearest bank""".replace(
    "\n", ""
).split("|")
FOREIGN = """mongolia|nepal|iceland|bolivia|nigeria|tunisia|estonia|croatia|jamaica|panama|indonesia|malaysia|ethiopia|ghana|slovakia|bulgaria|
romania|iran|iraq|israel|jordan|pakistan|sri lanka|cambodia|laos|senegal|uganda|zambia|angola|venezuela|colombia|ecuador|uruguay""".replace(
    "\n", ""
).split("|")
BIG = """thirty one|forty two|fifty five|sixty seven|seventy three|eighty eight|ninety nine|two hundred|three hundred|one thousand|
a million|forty seven|sixty four|thirty eight|fifty three""".replace("\n", "").split("|")
TOPIC = """the meaning of life|quantum mechanics|the stock market|the price of gold|the weather on mars|modern art|the last election|the local elections|
ancient rome|the rules of cricket|black holes|the french revolution|photography|free will|the bible|my insurance|the tax law|the roman empire|
good manners|chess openings|the human brain|dark matter|the second world war|climate change|folk music|the opera""".replace(
    "\n", ""
).split("|")

# Every template with the lists that fill it; the second group is never trained on.
_TRAINED: tuple[str, ...] = (
    "{who} {did} {what} {when}", "{who} {did} {what}", "did {who} find {what} {when}", "why did {who} leave {what} {when}",
    "where is {what}", "who {did} {what} {when}", "i {did} {what} {when}", "we {did} {what} {when}", "what did {who} say about {what}",
    "turn on {device}", "turn off {device}", "switch on {device} please", "is {device} still on", "can you turn off {device} {when}",
    "call {person}", "send a message to {person}", "remind me to call {person}", "when does {person} have time", "did {person} call",
    "how far is it to {place}", "where is {place}", "how do i get to {place}", "when does {place} open", "is {place} open {when}",
    "what is the capital of {foreign}", "how many people live in {foreign}", "what is the population of {foreign}", "have you been to {foreign}",
    "what is the weather in {foreign}", "i would like to travel to {foreign}",
    "what is {big} times {big}", "what is {big} plus {big}", "what is the square root of {big}", "how much is {big} divided by {big}",
    "tell me about {topic}", "what do you think about {topic}", "explain {topic}", "i read a book about {topic}", "what is {topic}",
    "set a timer for {big} minutes", "wake me up {when}", "add {what} to my list", "how much does {what} cost", "where can i buy {what}",
    "order {what} for me", "did you see {what} {when}", "do you like {what}", "who is {who}", "how old is {who}", "why is {who} so angry",
    "is there any milk left", "how do i bake bread", "who won the game last night", "the train leaves from platform nine",
    "it has been raining all day", "the window was open all night", "she never told me why", "nobody knew the answer",
    "i think we should go home", "there is something under the table", "you should have seen it", "he came back after many years",
)  # fmt: skip
_HELD_OUT: tuple[str, ...] = (
    "{who} could not find {what} {when}", "has {who} already paid for {what}", "switch off {device}", "write an email to {person}",
    "how long does it take to {place}", "what money do they use in {foreign}", "what is {big} minus {big}", "i know nothing about {topic}",
    "what happened to {what} {when}", "when will {who} be back", "please book a table {when}", "my computer is very slow", "do you believe in ghosts",
    "what is the price of {what}", "who taught you about {topic}",
)  # fmt: skip


@dataclass(frozen=True)
class Unknown:
    """See the module."""

    name: str = "unknown"
    weight: float = 9.0

    def draw(self, rng: np.random.Generator, held_out: bool = False) -> Exchange:
        template = str(rng.choice(_HELD_OUT if held_out else _TRAINED))
        lists = {"who": WHO, "did": DID, "what": WHAT, "when": WHEN, "device": DEVICE, "person": PERSON, "place": PLACE,
                 "foreign": FOREIGN, "big": BIG, "topic": TOPIC}  # fmt: skip
        request = template
        for key, words in lists.items():
            while "{" + key + "}" in request:
                request = request.replace("{" + key + "}", str(rng.choice(words)), 1)
        return Exchange(" ".join(request.split()), ANSWER, self.name, "", held_out)

    def follow(self, rng: np.random.Generator) -> Exchange | None:
        """Nothing follows from what was not understood."""
        return None


UNKNOWN = Unknown()
