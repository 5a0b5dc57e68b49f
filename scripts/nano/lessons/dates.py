"""Days, months, seasons, holidays and units of time and measure."""

from __future__ import annotations

from nano.lessons.exchange import AFTER, Family, Topic, single

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
LENGTHS = ("thirty one", "twenty eight or twenty nine", "thirty one", "thirty", "thirty one", "thirty", "thirty one",
           "thirty one", "thirty", "thirty one", "thirty", "thirty one")  # fmt: skip
PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
          "twelfth")  # fmt: skip
SEASONS = ("winter", "winter", "spring", "spring", "spring", "summer", "summer", "summer", "autumn", "autumn", "autumn",
           "winter")  # fmt: skip

_NEXT = ("what day comes after {}", "which day comes after {}", "what comes after {}", "what is the day after {}",
         "what's the day after {}", "the day after {}", "which day follows {}", "what day is after {}",
         "what's after {}", "what follows {}", "which day is after {}", "what day do we have after {}", "what's the next day after {}",
         "after {} comes what day", "after {} what day is it", "{} is followed by which day", "which day is next after {}",
         "what comes right after {}", "today is {} so what day is tomorrow", "what day is tomorrow if today is {}",
         "it's {} today which day is it tomorrow", "what day will it be after {}", "name the day after {}", "i need to know the day after {}",
         "which weekday comes after {}", "the next day after {}", "what day is it one day after {}")  # fmt: skip
_LAST = ("what day comes before {}", "which day comes before {}", "what comes before {}", "what is the day before {}",
         "what's the day before {}", "the day before {}", "what day is before {}",
         "what's before {}", "which day is before {}", "what day do we have before {}", "what was the day before {}", "before {} comes what day",
         "{} comes after which day", "{} follows which day", "what comes right before {}", "what day is just before {}",
         "today is {} so what day was yesterday", "what day was yesterday if today is {}", "it's {} today what was it yesterday",
         "what day was it before {}", "name the day before {}", "i need to know the day before {}", "which weekday comes before {}",
         "the day that comes before {}", "what day is it one day before {}")  # fmt: skip

DAY_AFTER = Family(
    "day_after",
    [Topic(d.lower(), f"After {d} comes {DAYS[(i + 1) % 7]}.") for i, d in enumerate(DAYS)],
    _NEXT, ("what day follows {}", "if today is {} what is tomorrow"), weight=0.8,
    follow_up=("and after {}", "and {}", "what about {}"),
)  # fmt: skip
DAY_BEFORE = Family(
    "day_before",
    [Topic(d.lower(), f"Before {d} comes {DAYS[(i - 1) % 7]}.") for i, d in enumerate(DAYS)],
    _LAST, ("which day is right before {}", "if today is {} what was yesterday"), weight=0.7,
    follow_up=("and before {}",),
)  # fmt: skip
MONTH_AFTER = Family(
    "month_after",
    [Topic(m.lower(), f"After {m} comes {MONTHS[(i + 1) % 12]}.") for i, m in enumerate(MONTHS)],
    ("what month comes after {}", "which month comes after {}", "what comes after {}", "what is the month after {}",
     "what's the month after {}", "the month after {}", "which month follows {}", "what month is after {}",
     "what's after {}", "what follows {}", "which month is after {}", "what's the next month after {}", "the next month after {}",
     "after {} comes which month", "after {} what month is it", "{} is followed by which month", "which month is next after {}",
     "what comes right after {}", "when {} is over which month begins", "when {} ends what comes next", "it's {} now what's the next month",
     "if this month is {} what's next month", "what month will it be after {}", "name the month after {}", "i need to know the month after {}",
     "what month starts when {} ends", "which month do we have after {}"),
    ("what month follows {}", "if it is {} which month is next"), weight=1.0,
    follow_up=("and after {}", "and {}", "what about {}"),
)  # fmt: skip
MONTH_BEFORE = Family(
    "month_before",
    [Topic(m.lower(), f"Before {m} comes {MONTHS[(i - 1) % 12]}.") for i, m in enumerate(MONTHS)],
    ("what month comes before {}", "which month comes before {}", "what comes before {}", "what is the month before {}",
     "what's the month before {}", "the month before {}", "what month is before {}",
     "what's before {}", "which month is before {}", "what was the month before {}", "before {} comes which month", "{} comes after which month",
     "{} follows which month", "what comes right before {}", "what month is just before {}", "which month comes right before {}",
     "if this month is {} what was last month", "it's {} now what was the last month", "which month ends when {} begins",
     "which month do we have before {}", "name the month before {}", "i need to know the month before {}", "the month that comes before {}",
     "what's the last month before {}", "what month is it one month before {}"),
    ("which month is right before {}", "what month was before {}"), weight=0.9, follow_up=("and before {}",),
)  # fmt: skip
MONTH_LENGTH = Family(
    "month_length",
    [Topic(m.lower(), f"{m} has {n} days.") for m, n in zip(MONTHS, LENGTHS, strict=True)],
    ("how many days has {}", "how many days does {} have", "how many days are in {}", "how many days are there in {}",
     "how long is {}", "how long is the month of {}", "the number of days in {}", "how many days long is {}",
     "how many days does {} last", "what is the length of {}", "what's the length of {}", "how many days there are in {}", "how many days {} has",
     "{} has how many days", "in {} there are how many days", "does {} have thirty or thirty one days", "count the days of {}",
     "how many days do we have in {}", "how many days does the month of {} have", "i need to know how many days are in {}",
     "the length of {} in days", "how many days can we count in {}", "how many days make up {}", "how many days do i get in {}",
     "how long does {} last", "how many days are there in the month of {}", "days in {}"),
    ("how many days can i find in {}", "what is the number of days in {}"), weight=1.0,
    follow_up=("and {}", "and how about {}", "what about {}"),
)  # fmt: skip
MONTH_PLACE = Family(
    "month_place",
    [Topic(p, f"The {p} month is {m}.") for p, m in zip(PLACES, MONTHS, strict=True)],
    ("what is the {} month", "what's the {} month", "which is the {} month", "which month is the {}", "the {} month of the year",
     "what is the {} month of the year", "which month is the {} of the year",
     "what's the {} month of the year", "the {} month", "name the {} month", "name the {} month of the year", "what is the name of the {} month",
     "what's the {} month called", "how do you call the {} month", "what do we call the {} month", "the name of the {} month", "which month comes {}",
     "what month comes {} in the year", "which month is {} in the year", "i need to know the {} month", "what would the {} month be",
     "in a year what is the {} month", "the {} of the twelve months", "which of the twelve months is the {}", "what the {} month is"),
    ("what month is the {}", "which is the {} month of the year"), weight=0.9,
    follow_up=("and the {}", "and what is the {}", "what about the {}"),
)  # fmt: skip
MONTH_SEASON = Family(
    "month_season",
    [Topic(m.lower(), f"{m} is in {s}, at least in the north.") for m, s in zip(MONTHS, SEASONS, strict=True)],
    ("in which season is {}", "which season is {} in", "what season is {}", "what season is it in {}", "{} is in which season",
     "what season does {} belong to", "is {} in summer or winter",
     "which season does {} fall in", "in what season does {} fall", "the season of {}", "what's the season in {}", "what is the season in {}",
     "what season do we have in {}", "which season {} is in", "{} falls in which season", "{} belongs to what season", "during which season is {}",
     "is {} in spring or in autumn", "is {} a summer month", "is {} a winter month", "does {} count as winter or spring",
     "i need to know what season {} is in", "which part of the year is {} in", "what season is {} a part of", "name the season of {}",
     "which season do we get in {}"),
    ("what time of the year is {}", "to which season does {} belong"), weight=0.6, follow_up=("and in {}",),
)  # fmt: skip

_MEASURES = {
    "seconds|a minute": "There are sixty seconds in a minute.",
    "minutes|an hour": "There are sixty minutes in an hour.",
    "hours|a day": "There are twenty four hours in a day.",
    "days|a week": "There are seven days in a week.",
    "days|a year": "There are three hundred and sixty five days in a year.",
    "weeks|a year": "There are fifty two weeks in a year.",
    "months|a year": "There are twelve months in a year.",
    "weeks|a month": "There are a little more than four weeks in a month.",
    "seasons|a year": "There are four seasons in a year.",
    "years|a decade": "There are ten years in a decade.",
    "years|a century": "There are one hundred years in a century.",
    "minutes|a quarter hour": "There are fifteen minutes in a quarter hour.",
    "centimeters|a meter": "There are one hundred centimeters in a meter.",
    "millimeters|a centimeter": "There are ten millimeters in a centimeter.",
    "meters|a kilometer": "There are one thousand meters in a kilometer.",
    "inches|a foot": "There are twelve inches in a foot.",
    "feet|a yard": "There are three feet in a yard.",
    "grams|a kilogram": "There are one thousand grams in a kilogram.",
    "ounces|a pound": "There are sixteen ounces in a pound.",
    "pints|a gallon": "There are eight pints in a gallon.",
    "cents|a dollar": "There are one hundred cents in a dollar.",
    "pence|a pound": "There are one hundred pence in a pound.",
    "eggs|a dozen": "There are twelve eggs in a dozen.",
    "letters|the alphabet": "There are twenty six letters in the alphabet.",
    "colors|a rainbow": "There are seven colors in a rainbow.",
    "planets|the solar system": "There are eight planets in the solar system.",
    "cards|a deck": "There are fifty two cards in a deck.",
    "players|a soccer team": "There are eleven players in a soccer team.",
    "squares|a chess board": "There are sixty four squares on a chess board.",
    "holes|a golf course": "There are eighteen holes on a golf course.",
    "bones|the human body": "There are two hundred and six bones in the human body.",
}  # fmt: skip
MEASURES = Family(
    "measure",
    [Topic(s, a) for s, a in _MEASURES.items()],
    ("how many {0} are in {1}", "how many {0} are there in {1}", "how many {0} has {1}", "how many {0} does {1} have",
     "the number of {0} in {1}", "what is the number of {0} in {1}", "how many {0} make {1}", "how many {0} in {1}",
     "how many {0} there are in {1}", "how many {0} {1} has", "{1} has how many {0}", "in {1} there are how many {0}", "{1} is made of how many {0}",
     "of how many {0} is {1} made", "how many {0} make up {1}", "how many {0} does {1} consist of", "how many {0} go into {1}",
     "how many {0} can i count in {1}", "how many {0} will i find in {1}", "how many {0} can be found in {1}",
     "i need to know how many {0} are in {1}", "i'd like to know how many {0} {1} has", "count the {0} in {1}", "{0} in {1}",
     "what's the number of {0} in {1}", "how many {0} would i need for {1}", "for {1} how many {0} do i need", "how many {0} do we have in {1}",
     "do you remember how many {0} are in {1}", "i forgot how many {0} {1} has"),
    ("how many {0} do you find in {1}", "how many {0} would be in {1}", "how many {0} fit in {1}"),
    weight=2.0, follow_up=("and how many {0} in {1}", "and {0} in {1}", "what about {0} in {1}"),
)  # fmt: skip

_HOLIDAYS = {
    "christmas": "Christmas is on the twenty fifth of December.",
    "new year": "New Year is on the first of January.",
    "halloween": "Halloween is on the thirty first of October.",
    "valentine's day": "Valentine's Day is on the fourteenth of February.",
    "april fools day": "April Fools Day is on the first of April.",
    "saint patrick's day": "Saint Patrick's Day is on the seventeenth of March.",
    "new year's eve": "New Year's Eve is on the thirty first of December.",
    "labor day": "In many countries Labor Day is on the first of May.",
}
HOLIDAYS = Family(
    "holiday",
    [Topic(s, a) for s, a in _HOLIDAYS.items()],
    ("when is {}", "on which day is {}", "what day is {}", "what is the date of {}", "which date is {}", "when do we have {}",
     "when do people celebrate {}",
     "when's {}", "the date of {}", "what's the date of {}", "when {} is", "when does {} take place", "when is {} celebrated",
     "on which date does {} fall", "what day does {} fall on", "in which month is {}", "what month is {} in", "{} is on what day",
     "{} is on which date", "which day of the year is {}", "when does {} come", "when will {} be", "when can i celebrate {}", "i need the date of {}",
     "i forgot when {} is", "when do you celebrate {}", "what day of the month is {}", "when is it {}"),
    ("on what date is {}", "when will it be {}"), weight=0.6, follow_up=("and {}", "and when is {}"),
)  # fmt: skip

_LISTS = {
    "days of the week": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.",
    "months of the year": "January, February, March, April, May, June, July, August, September, October, November and December.",
    "seasons": "Spring, summer, autumn and winter.",
    "planets": "Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.",
    "colors of the rainbow": "Red, orange, yellow, green, blue, indigo and violet.",
    "continents": "Africa, Antarctica, Asia, Australia, Europe, North America and South America.",
    "oceans": "The Pacific, the Atlantic, the Indian, the Southern and the Arctic Ocean.",
    "vowels": "A, E, I, O and U.",
    "five senses": "Sight, hearing, smell, taste and touch.",
    "primary colors": "Red, yellow and blue.",
    "points of the compass": "North, east, south and west.",
    "great lakes": "Superior, Michigan, Huron, Erie and Ontario.",
    "weekend days": "Saturday and Sunday.",
    "letters of the alphabet": "A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z.",
    "summer months": "June, July and August.",
    "winter months": "December, January and February.",
}  # fmt: skip
LISTS = Family(
    "list",
    [Topic(s, a) for s, a in _LISTS.items()],
    ("name the {}", "list the {}", "tell me the {}", "say the {}", "name all the {}", "what are the {}", "list all {}",
     "which are the {}", "can you name the {}", "do you know the {}",
     "tell me all the {}", "read out the {}", "read me the {}", "i want to hear the {}", "i need the {}", "let me hear the {}", "say all the {}",
     "list the names of the {}", "give us the {}", "could you list the {}", "what {} are there", "which {} are there", "how are the {} called",
     "what are the {} called", "i'd like to know the {}", "give me all the {}", "give me a list of the {}", "a list of the {}", "what are all the {}",
     "tell me the names of the {}", "do you remember the {}", "i forgot the {}", "help me name the {}", "teach me the {}", "the {}", "all the {}"),
    ("give me the {}", "i would like to hear the {}", "what are the names of the {}"),
    ("", "", "", "please", "okay", "now", "hey"), AFTER, 1.6, follow_up=("and the {}", "now the {}", "what about the {}"),
)  # fmt: skip

CLOCK = single(
    "clock", "I am sorry, I have no clock.",
    ("what time is it", "what's the time", "what is the time", "how late is it", "what time it is", "what time do we have",
     "what is the time now", "what time is it now", "is it late", "the time please",
     "the time", "the current time", "what's the current time", "do you have the time", "have you got the time", "give me the time",
     "i need to know the time", "check the time", "what time is it right now", "what time is it at the moment", "what does the clock say",
     "look at the clock", "i don't know what time it is", "what time it is now", "what time is it here", "is it already noon", "is it past midnight",
     "how late it is", "what's the time right now", "got the time", "i'd like to know the time"),
    ("what's the time now", "what hour is it", "how late is it now"), weight=0.6,
)  # fmt: skip
TODAY = single(
    "today", "I am sorry, I have no calendar.",
    ("what day is it", "what day is today", "what day is it today", "what is the date", "what's the date today",
     "which day is today", "what is today's date", "what date is it", "which month is it", "what year is it",
     "today's date", "the date", "the date please", "the date today", "what's the date", "what is the date today", "what date is it today",
     "what day do we have", "what month is it", "what month do we have", "which year is it", "what year do we have", "what day it is",
     "which day is it", "what's the day today", "what is today", "i need to know what day it is", "i need today's date", "give me the date",
     "i forgot what day it is", "what weekday is it", "which weekday is it today", "is it the weekend", "is today monday", "is today sunday",
     "which day of the week is today", "what year it is", "what day of the month is it"),
    ("what's today's date", "which day do we have today", "what day of the week is it"), weight=0.6,
)  # fmt: skip

DATES = (DAY_AFTER, DAY_BEFORE, MONTH_AFTER, MONTH_BEFORE, MONTH_LENGTH, MONTH_PLACE, MONTH_SEASON, MEASURES, HOLIDAYS, LISTS,
         CLOCK, TODAY)  # fmt: skip
