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
         "what's the day after {}", "the day after {}", "which day follows {}", "what day is after {}")  # fmt: skip
_LAST = ("what day comes before {}", "which day comes before {}", "what comes before {}", "what is the day before {}",
         "what's the day before {}", "the day before {}", "what day is before {}")  # fmt: skip

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
     "what's the month after {}", "the month after {}", "which month follows {}", "what month is after {}"),
    ("what month follows {}", "if it is {} which month is next"), weight=1.0,
    follow_up=("and after {}", "and {}", "what about {}"),
)  # fmt: skip
MONTH_BEFORE = Family(
    "month_before",
    [Topic(m.lower(), f"Before {m} comes {MONTHS[(i - 1) % 12]}.") for i, m in enumerate(MONTHS)],
    ("what month comes before {}", "which month comes before {}", "what comes before {}", "what is the month before {}",
     "what's the month before {}", "the month before {}", "what month is before {}"),
    ("which month is right before {}", "what month was before {}"), weight=0.9, follow_up=("and before {}",),
)  # fmt: skip
MONTH_LENGTH = Family(
    "month_length",
    [Topic(m.lower(), f"{m} has {n} days.") for m, n in zip(MONTHS, LENGTHS, strict=True)],
    ("how many days has {}", "how many days does {} have", "how many days are in {}", "how many days are there in {}",
     "how long is {}", "how long is the month of {}", "the number of days in {}", "how many days long is {}"),
    ("how many days can i find in {}", "what is the number of days in {}"), weight=1.0,
    follow_up=("and {}", "and how about {}", "what about {}"),
)  # fmt: skip
MONTH_PLACE = Family(
    "month_place",
    [Topic(p, f"The {p} month is {m}.") for p, m in zip(PLACES, MONTHS, strict=True)],
    ("what is the {} month", "what's the {} month", "which is the {} month", "which month is the {}", "the {} month of the year",
     "what is the {} month of the year", "which month is the {} of the year"),
    ("what month is the {}", "which is the {} month of the year"), weight=0.9,
    follow_up=("and the {}", "and what is the {}", "what about the {}"),
)  # fmt: skip
MONTH_SEASON = Family(
    "month_season",
    [Topic(m.lower(), f"{m} is in {s}, at least in the north.") for m, s in zip(MONTHS, SEASONS, strict=True)],
    ("in which season is {}", "which season is {} in", "what season is {}", "what season is it in {}", "{} is in which season",
     "what season does {} belong to", "is {} in summer or winter"),
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
     "the number of {0} in {1}", "what is the number of {0} in {1}", "how many {0} make {1}", "how many {0} in {1}"),
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
     "when do people celebrate {}"),
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
     "which are the {}", "can you name the {}", "do you know the {}"),
    ("give me the {}", "i would like to hear the {}", "what are the names of the {}"),
    ("", "", "", "please", "okay", "now", "hey"), AFTER, 1.6, follow_up=("and the {}", "now the {}", "what about the {}"),
)  # fmt: skip

CLOCK = single(
    "clock", "I am sorry, I have no clock.",
    ("what time is it", "what's the time", "what is the time", "how late is it", "what time it is", "what time do we have",
     "what is the time now", "what time is it now", "is it late", "the time please"),
    ("what's the time now", "what hour is it", "how late is it now"), weight=0.6,
)  # fmt: skip
TODAY = single(
    "today", "I am sorry, I have no calendar.",
    ("what day is it", "what day is today", "what day is it today", "what is the date", "what's the date today",
     "which day is today", "what is today's date", "what date is it", "which month is it", "what year is it"),
    ("what's today's date", "which day do we have today", "what day of the week is it"), weight=0.6,
)  # fmt: skip

DATES = (DAY_AFTER, DAY_BEFORE, MONTH_AFTER, MONTH_BEFORE, MONTH_LENGTH, MONTH_PLACE, MONTH_SEASON, MEASURES, HOLIDAYS, LISTS,
         CLOCK, TODAY)  # fmt: skip
