"""Speech that the assistant has no answer to: it says so. Sentences are made from a small grammar.

Some stand close to what it knows (a country it has no capital for), most are far from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nano.lessons.exchange import Exchange
from nano.lessons.listed import listed

ANSWER = "Sorry, I don't know that."

WHO = """my brother|my sister|my mother|my father|our neighbor|the teacher|the old man|the young woman|a friend of mine|the boy|the girl|my uncle|
my aunt|the driver|the doctor|the farmer|their son|her daughter|his boss|the children|some people|nobody|everybody|the students|the guests|
my grandmother|the captain|the police|the waiter|your cousin|the mayor|the cleaner|two men|the whole family|someone|the plumber|anna|peter|john|maria|
the tourists|the dentist|a stranger|the twins|the lawyer|the president|the team|this company|the new manager|my grandfather|my nephew|the neighbors|
my best friend|the nurse|the cook|the postman|our landlord|the painter|the little boy|an old lady|the people next door|his wife|her husband|
the secretary|the salesman|the judge|the pilot|the soldiers|my daughter|my son|a colleague|the mechanic|susan|michael|david|sarah|thomas|these people|
everyone|the workers|the owner|the singer""".replace("\n", "").split("|")
DID = """bought|sold|lost|found|painted|cleaned|forgot|broke|repaired|carried|opened|closed|ordered|brought|borrowed|moved|threw away|picked up|saw|
wanted|needed|likes|loves|hates|took|returned|hid|built|washed|dropped|measured|photographed|described|missed|stole|showed us|sent|kept|wrapped|
burned|checked|rented|noticed|touched|followed|watched|recognized|prepared|finished|invented|fixed|hated|loved|liked|chose|cut|dragged|emptied|filled|
gave away|got|had|used|put away|pushed|pulled|paid for|looked for|complained about|talked about|asked for|waited for|tried|threw out|unpacked|stopped|
drew|covered|destroyed|delivered|collected""".replace("\n", "").split("|")
WHAT = """a green car|the wooden fence|an old bicycle|the kitchen table|a large pizza|three red apples|the broken window|a pair of shoes|
the garden hose|a leather jacket|the morning paper|a bottle of wine|the front door|a box of chocolates|two tickets|the heavy suitcase|a new phone|
a cheap camera|the blanket|a basket of cherries|an umbrella|the invitation|a silver spoon|the wrong key|a handful of nuts|the last cookie|
the kitchen sink|the long ladder|a wool sweater|the birthday cake|a strange letter|the empty bottles|the washing machine|a yellow balloon|
a bag of potatoes|the television|the heating|an expensive watch|a lawn mower|the parking ticket|some warm soup|the dirty dishes|a bunch of flowers|
the second chapter|a pound of butter|the credit card|the old map|a fishing rod|the alarm|some fresh basil|the blue sofa|my bicycle|the red bucket|
the computer screen|the house keys|an old piano|the contract|the bill|a bag of cement|the shopping list|my passport|the remote control|a new mattress|
the school bag|the wedding dress|a wooden box|my glasses|the report|some fresh bread|the new carpet|the truck|a kitchen knife|the mailbox|
the winter tires|a bunch of grapes|the medicine|his wallet|her earrings|a laptop|the photos|the newspaper|the cheese|a sack of flour|the roof|
the tent|my shoes|the charger|a roll of tape|the picture on the wall""".replace("\n", "").split("|")
WHEN = """yesterday|last week|this morning|two days ago|in the afternoon|on sunday|before dinner|after the meeting|at the station|in the garden|
near the harbor|behind the church|at the market|in the basement|on the way home|for the party|without asking|by mistake|once again|very slowly|
at midnight|during the holidays|in a hurry|with great care|under the bridge|next to the school|for his birthday|from the hotel|on the balcony|
three times|because it was cheap|although it rained|in the dark|at the airport|on the phone|all day long|by accident|with a smile|last night|
last month|a year ago|on monday|next week|this evening|before lunch|after work|at school|in town|at the office|in the rain|in the kitchen|
at the hospital|near the lake|in the end|right away|after the storm|with his friends|with both hands|because nobody asked|for the children|in the car|
for a good price|as usual|in the middle of the night|on the roof|many years ago|behind the house|for no reason||||""".replace(
    "\n", ""
).split("|")
DEVICE = """the lights|the lamp in the kitchen|the heating|the oven|the television|the fan|the alarm|the coffee machine|the washing machine|
the radio in the bath|the garage door|the air conditioner|the vacuum cleaner|the lights in the bedroom|the front door|the dishwasher|the computer|
the printer|the shower|the heater in the hall|the stove|the camera|the water pump|the lights in the garden|the lamp on the desk|the ceiling fan|
the microwave|the blinds in the living room|the robot cleaner|the lawn mower|the projector|the sprinkler|the bedside lamp|the toaster""".replace(
    "\n", ""
).split("|")
PERSON = """my mother|the doctor|my wife|my husband|the office|peter|anna|my boss|the school|the dentist|grandma|the taxi|the bank|my landlord|
the hotel|my daughter|my son|my father|the neighbor|my lawyer|the insurance|john|maria|sarah|my cousin|the garage|the plumber|my colleague|grandpa|
the police|the hairdresser|the restaurant|my friend tom""".replace("\n", "").split("|")
PLACE = """the station|the airport|the next bakery|the hospital|the library|the post office|the nearest beach|the city hall|the museum|the pharmacy|
the gas station|the harbor|the stadium|the supermarket|the old castle|the zoo|the border|the nearest bank|the train station|the town hall|
the swimming pool|the parking lot|the cinema|the theater|the flower shop|the shoe shop|the gym|the embassy|the court|the hairdresser|
the nearest restaurant|the nearest hotel|the university|the kindergarten|the car wash|the bus stop|the highway|the old mill""".replace(
    "\n", ""
).split("|")
FOREIGN = """mongolia|nepal|iceland|bolivia|nigeria|tunisia|estonia|croatia|jamaica|panama|indonesia|malaysia|ethiopia|ghana|slovakia|bulgaria|
romania|iran|iraq|israel|jordan|pakistan|sri lanka|cambodia|laos|senegal|uganda|zambia|angola|venezuela|colombia|ecuador|uruguay|paraguay|latvia|
lithuania|serbia|afghanistan|madagascar|botswana|namibia|haiti|guatemala|costa rica|armenia|albania|malta|luxembourg|yemen|qatar|syria|sudan|rwanda|
mali|moldova|slovenia|bangladesh|kazakhstan|nicaragua""".replace("\n", "").split("|")
BIG = """thirty one|forty two|fifty five|sixty seven|seventy three|eighty eight|ninety nine|two hundred|three hundred|one thousand|a million|
forty seven|sixty four|thirty eight|fifty three|fifty nine|sixty one|seventy six|eighty four|ninety five|four hundred|five hundred|two thousand|
ten thousand|forty nine|sixty three|thirty seven|eighty one|one hundred and fifty|half a million""".replace(
    "\n", ""
).split("|")
TOPIC = """the meaning of life|quantum mechanics|the stock market|the price of gold|the weather on mars|modern art|the last election|
the local elections|ancient rome|the rules of cricket|black holes|the french revolution|photography|free will|the bible|my insurance|the tax law|
the roman empire|good manners|chess openings|the human brain|dark matter|the second world war|climate change|folk music|the opera|my contract|
the economy|the pension system|electric cars|solar power|the cold war|greek history|the middle ages|modern poetry|the film festival|the olympic games|
the traffic rules|baseball|tennis|the human heart|gene technology|philosophy|the universe|artificial intelligence|space travel|healthy food|yoga|
the price of houses|the new law|gardening|politics|religion|fashion|the stone age|the vikings""".replace(
    "\n", ""
).split("|")

DO = """buy|sell|find|paint|clean|repair|carry|open|close|bring|borrow|move|throw away|pick up|wash|hide|build|send|keep|wrap|check|rent|watch|use|
fix|put away|look for|pay for|return|see|get|lose|break|forget|choose|collect|cover|fill|hold|leave|lift|order|push""".replace(
    "\n", ""
).split("|")
FAMOUS = """napoleon|einstein|mozart|beethoven|cleopatra|julius caesar|columbus|gandhi|picasso|isaac newton|charles darwin|marie curie|aristotle|elvis presley|
galileo|abraham lincoln|george washington|queen victoria|marco polo|charlie chaplin|van gogh|johann sebastian bach|martin luther king|joan of arc""".replace(
    "\n", ""
).split("|")
INVENTION = """the telephone|the light bulb|the steam engine|the printing press|the camera|the airplane|the wheel|the zipper|gunpowder|the elevator|
the refrigerator|the microscope|the bicycle|the television|the sewing machine|the internet|the thermometer|the car""".replace(
    "\n", ""
).split("|")
LANDMARK = ["the eiffel tower", "big ben", "the statue of liberty", "the great wall", "the colosseum",
            "the taj mahal", "the golden gate bridge", "the white house"]  # fmt: skip
ANIMAL = ["cow", "dog", "cat", "sheep", "horse", "lion", "zebra", "rabbit", "bear", "whale", "tiger", "wolf",
          "monkey", "turtle", "parrot", "mouse", "goat", "camel", "shark", "snake"]  # fmt: skip
LAND = ["france", "germany", "italy", "spain", "japan", "china", "canada", "mexico", "brazil", "australia",
        "england", "norway", "poland", "india", "egypt", "russia"]  # fmt: skip
FEELS = """late|angry|ready|busy|at home|at work|in the office|very rich|too small|broken|famous|on holiday|from here|in trouble|right about this|
afraid of dogs|good at tennis|on the way|in the hospital|out of money|married|lost|honest|still there|away""".replace(
    "\n", ""
).split("|")
WORD = ["house", "bread", "window", "river", "friend", "butter", "justice", "freedom", "carpet", "happiness",
        "garden", "kitchen", "courage", "shadow", "bridge", "patience"]  # fmt: skip

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
    "{who} will {do} {what} {when}", "will {who} {do} {what}", "when will {who} {do} {what}", "should {who} {do} {what}",
    "does {who} have to {do} {what} {when}", "how do i {do} {what}", "how can i {do} {what} {when}", "why does {who} want to {do} {what}",
    "when did {who} {do} {what}", "where did {who} {do} {what}", "how did {who} {do} {what}", "did you {do} {what}", "do you {do} {what} {when}",
    "i want to {do} {what}", "i have to {do} {what} {when}", "we must {do} {what}", "please {do} {what}", "could you {do} {what} for me",
    "let us {do} {what} {when}", "don't {do} {what}", "can you help me {do} {what}", "i forgot to {do} {what}", "he tried to {do} {what}",
    "they had to {do} {what} {when}", "nobody wants to {do} {what}", "who is going to {do} {what}", "is it a good idea to {do} {what}",
    "what do i need to {do} {what}", "{who} told me to {do} {what}", "i saw that {who} {did} {what}", "i think {who} {did} {what}",
    "they say that {who} {did} {what}", "is it true that {who} {did} {what}", "do you know why {who} {did} {what}",
    "do you know if {who} {did} {what}", "tell me who {did} {what}", "tell me why {who} {did} {what}", "after {who} {did} {what} we left",
    "while we waited {who} {did} {what}", "he {did} {what} {when}", "she {did} {what}", "they {did} {what} {when}", "which of them {did} {what}",
    "how often has {who} asked for {what}", "is {who} {feels}", "why is {who} {feels}", "{who} is {feels}", "was {who} {feels} {when}",
    "i hope {who} is {feels}", "do you think {who} is {feels}", "when was {who} {feels}", "{who} was {feels} {when}", "where does {who} live",
    "where does {who} work", "what does {who} do for a living", "what does {who} want {when}", "what is {who} doing {when}", "where is {who} now",
    "where was {who} {when}", "have you seen {who}", "do you know {who}", "what is the name of {who}", "whose is {what}", "is {what} still here",
    "is {what} for sale", "who left {what} {when}", "who paid for {what}", "where did i put {what}", "where have you put {what}",
    "i can't find {what}", "i am looking for {what}", "do we have {what}", "what is wrong with {what}", "how heavy is {what}", "how big is {what}",
    "how old is {what}", "how much did {who} pay for {what}", "how much is {what}", "is {what} expensive", "show me {what}", "give me {what}",
    "hand me {what}", "remind me about {what} {when}", "take {what} off my list", "what is on my shopping list", "what is on my calendar",
    "do i have any meetings {when}", "what is my next appointment", "start {device}", "stop {device}", "turn {device} on",
    "turn {device} off please", "turn {device} down", "did i leave {device} on", "who turned off {device}", "{device} does not work",
    "why is {device} so warm", "set {device} to {big}", "please switch {device} on", "text {person}", "phone {person}", "ring {person} {when}",
    "read me the message from {person}", "what is the number of {person}", "where does {person} live", "is {person} at home",
    "when did {person} call", "email {person} about {what}", "tell {person} that i am late", "show me the way to {place}",
    "which bus goes to {place}", "take me to {place}", "find {place} on the map", "is there parking near {place}", "is {place} far from here",
    "which way is {place}", "when does {place} close", "how much is a ticket to {place}", "i walked to {place} {when}", "is {place} closed {when}",
    "we met at {place} {when}", "how many people work at {place}", "who is the president of {foreign}", "how big is {foreign}",
    "what is the flag of {foreign}", "what do people eat in {foreign}", "is it safe in {foreign}", "book a flight to {foreign}",
    "how long is the flight to {foreign}", "my cousin lives in {foreign}", "which language do they speak in {foreign}",
    "on which continent is {foreign}", "what is the history of {foreign}", "who is the president of {land}", "how many people live in {land}",
    "how big is {land}", "what is the flag of {land}", "what do people eat in {land}", "book a flight to {land}", "is it warm in {land} {when}",
    "when was {land} founded", "what money do people have in {land}", "what is the longest river of {land}", "who is the king of {land}",
    "my cousin moved to {land}", "how much is a hotel in {land}", "how much is {big} plus {big}", "how much is {big} times {big}",
    "{big} plus {big}", "{big} times {big}", "{big} divided by {big}", "what is {big} percent of {big}", "what is the root of {big}",
    "is {big} a prime number", "multiply {big} by {big}", "add {big} to {big}", "count to {big}", "what comes after {big}", "{who} has {big} coins",
    "it costs {big} dollars", "there were {big} people {when}", "how many minutes are {big} hours", "convert {big} dollars to euros",
    "set an alarm in {big} minutes", "what do you know about {topic}", "what can you tell me about {topic}", "i want to learn about {topic}",
    "i am interested in {topic}", "who invented {topic}", "who wrote about {topic}", "give me a book about {topic}", "is there a film about {topic}",
    "why is {topic} important", "are you interested in {topic}", "when did {topic} begin", "what is the history of {topic}", "how does {topic} work",
    "talk about {topic}", "let's talk about {topic}", "i don't understand {topic}", "my opinion about {topic} has changed",
    "what is your opinion about {topic}", "what do people say about {topic}", "define {topic}", "who was {famous}", "when was {famous} born",
    "when did {famous} die", "where was {famous} born", "what did {famous} do", "why is {famous} famous", "tell me about {famous}",
    "how old was {famous}", "was {famous} married", "have you heard of {famous}", "i read a book about {famous}", "how did {famous} die",
    "who invented {invention}", "when was {invention} invented", "how does {invention} work", "who discovered {invention}",
    "where was {invention} invented", "what did people do before {invention}", "who had the first idea for {invention}", "how tall is {landmark}",
    "how old is {landmark}", "who built {landmark}", "when was {landmark} built", "how many people visit {landmark}",
    "how much does a {animal} weigh", "how long does a {animal} live", "how fast is a {animal}", "what does a {animal} eat",
    "how many teeth does a {animal} have", "can i keep a {animal} at home", "{who} has a {animal}", "we saw a {animal} {when}",
    "how big is a {animal}", "is a {animal} dangerous", "how much is a {animal}", "my {animal} ran away", "what does the word {word} mean",
    "what rhymes with {word}", "how do you say {word} in french", "translate {word} into german", "what is another word for {word}",
    "define the word {word}", "is {word} a noun", "use {word} in a sentence", "where does the word {word} come from", "what is the plural of {word}",
    "how do i lose weight", "how do i tie a tie", "who will win the election", "when does the next train leave", "what is for sale",
    "how is the traffic today", "is the shop still open", "what is on television tonight", "which film should i watch", "who scored the first goal",
    "when is the next bus", "what is my password", "where did i park my car", "what is my name", "how old am i", "do you know who i am",
    "how tall am i", "where do i live", "when is my train", "what is in the fridge", "what should i wear to the wedding", "how do i remove a stain",
    "how many calories are in a banana", "how do you make pancakes", "what is the best phone", "which car should i get", "how do i get rich",
    "how do i learn to swim", "what is love", "is there life on other planets", "why do we dream", "why do cats purr", "why is the sea salty",
    "how deep is the ocean", "how far away is the moon", "how hot is the sun", "how fast is light", "how many stars are there",
    "what is electricity", "what is a black hole", "why do people lie", "what happens after death", "who is the richest man",
    "who is the best singer in the world", "what is the fastest car", "how does a bank make money", "what is inflation", "how do vaccines work",
    "my tooth was pulled last week", "the bus was late again", "the soup was too cold", "the children play in the yard", "the keys are on the table",
    "we met in the city last summer", "he works in a bank", "she lives near the station", "it was dark and nobody was there",
    "the meeting starts at nine", "they moved to another town", "the dog barked the whole night", "his car broke down on the highway",
    "we had fish for lunch", "the store was closed", "the film was too long", "i lost my wallet on the train", "the door would not open",
    "my phone is broken", "the battery is empty", "the roof needs to be repaired", "we are going to the mountains", "my flight was cancelled",
    "the price went up again", "she said she would be late", "there was a fire in the old house", "the river was very high",
    "they are building a new road", "open the window please", "close the curtains", "lock the door", "send it to my office", "print the document",
    "take a photo", "read my messages", "check my email", "show me the map", "find my phone", "book a hotel room", "order a taxi",
    "water the plants", "feed the cat", "dim the lights", "make the lights brighter", "save this file", "call me later", "start the car",
    "make an appointment", "buy some milk", "find a recipe for soup", "clean up the kitchen", "put the kettle on", "look it up",
    "search the internet for shoes", "download the program", "restart the computer", "if it snows we will stay at home",
    "when i was young we had no car", "the more you read the more you know", "as far as i know he is right", "on the other hand it is cheap",
    "in my opinion we should wait", "and then we all went home", "that depends on the price", "as i told you before it was late",
    "the first one was better than the second", "between you and me he is lazy", "what a strange idea", "what a big house",
    "how strange that nobody came", "not that one the other one",
)  # fmt: skip
_HELD_OUT: tuple[str, ...] = (
    "{who} could not find {what} {when}", "has {who} already paid for {what}", "switch off {device}", "write an email to {person}",
    "how long does it take to {place}", "what money do they use in {foreign}", "what is {big} minus {big}", "i know nothing about {topic}",
    "what happened to {what} {when}", "when will {who} be back", "please book a table {when}", "my computer is very slow", "do you believe in ghosts",
    "what is the price of {what}", "who taught you about {topic}",
)  # fmt: skip

_MORE = listed("unknown.txt")  # to train on: templates, and more for the lists
_TEMPLATES = {True: _HELD_OUT, False: (*_TRAINED, *_MORE["templates"])}  # by whether they are held out
_BASE: dict[str, tuple[str, ...]] = {
    key: tuple(words)
    for key, words in {
        "who": WHO, "did": DID, "what": WHAT, "when": WHEN, "device": DEVICE, "person": PERSON, "place": PLACE,
        "foreign": FOREIGN, "big": BIG, "topic": TOPIC, "do": DO, "famous": FAMOUS, "invention": INVENTION,
        "landmark": LANDMARK, "animal": ANIMAL, "land": LAND, "feels": FEELS, "word": WORD,
    }.items()
}  # fmt: skip
# Held-out requests are of the first lists, as ever, so that the tables of different weights can be compared.
_LISTS = {True: _BASE, False: {key: (*words, *_MORE.get(key, ())) for key, words in _BASE.items()}}


@dataclass(frozen=True)
class Unknown:
    """See the module."""

    name: str = "unknown"
    weight: float = 9.0

    def draw(self, rng: np.random.Generator, held_out: bool = False) -> Exchange:
        request = str(rng.choice(_TEMPLATES[held_out]))
        for key, words in _LISTS[held_out].items():
            while "{" + key + "}" in request:
                request = request.replace("{" + key + "}", str(rng.choice(words)), 1)
        return Exchange(" ".join(request.split()), ANSWER, self.name, "", held_out)

    def follow(self, rng: np.random.Generator) -> Exchange | None:
        """Nothing follows from what was not understood."""
        return None


UNKNOWN = Unknown()
