"""Counting, sums, and what comes before and after."""

from __future__ import annotations

from nano.lessons.exchange import AFTER, COMMAND, Family, Topic

ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
        "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")  # fmt: skip
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
LARGEST = 12  # of a sum, a difference or a product


def words(n: int) -> str:
    """0 to 199 in words."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return f"{TENS[n // 10]} {ONES[n % 10]}" if n % 10 else TENS[n // 10]
    rest = n % 100
    return "one hundred" if not rest else f"one hundred and {words(rest)}"


def said(text: str) -> str:
    """As a sentence of its own."""
    return text[0].upper() + text[1:]


def _pairs(sign: str, largest: int, result: dict[tuple[int, int], int]) -> list[Topic]:
    return [
        Topic(f"{words(a)}|{words(b)}", f"{said(words(a))} {sign} {words(b)} is {words(r)}.")
        for (a, b), r in result.items()
    ]


_RANGE = range(LARGEST + 1)

SUMS = Family(
    "sum",
    _pairs("plus", LARGEST, {(a, b): a + b for a in _RANGE for b in _RANGE}),
    ("what is {0} plus {1}", "what's {0} plus {1}", "{0} plus {1}", "how much is {0} plus {1}", "what is {0} and {1}",
     "how much is {0} and {1}", "what do you get if you add {0} and {1}", "add {0} and {1}", "add {1} to {0}",
     "the sum of {0} and {1}", "what is the sum of {0} and {1}", "what does {0} plus {1} make", "{0} and {1} is how much"),
    ("how much do {0} and {1} make", "what does {0} plus {1} equal", "what is {0} added to {1}"),
    weight=4.0,
    follow_up=("and {0} plus {1}", "what about {0} plus {1}", "and {0} and {1}"),
)  # fmt: skip

DIFFERENCES = Family(
    "difference",
    _pairs("minus", LARGEST, {(a, b): a - b for a in _RANGE for b in range(a + 1)}),
    ("what is {0} minus {1}", "what's {0} minus {1}", "{0} minus {1}", "how much is {0} minus {1}",
     "what is {0} take away {1}", "{0} take away {1}", "how much is {0} less {1}", "subtract {1} from {0}",
     "take {1} from {0}", "what is left if you take {1} from {0}", "what does {0} minus {1} make",
     "what do you get if you take {1} away from {0}"),
    ("how much is {0} take away {1}", "what does {0} minus {1} equal", "what is {0} less {1}"),
    weight=3.0,
    follow_up=("and {0} minus {1}", "what about {0} minus {1}"),
)  # fmt: skip

PRODUCTS = Family(
    "product",
    _pairs("times", LARGEST, {(a, b): a * b for a in _RANGE for b in _RANGE}),
    ("what is {0} times {1}", "what's {0} times {1}", "{0} times {1}", "how much is {0} times {1}",
     "what is {0} multiplied by {1}", "{0} multiplied by {1}", "multiply {0} by {1}", "multiply {0} and {1}",
     "what do you get if you multiply {0} by {1}", "the product of {0} and {1}", "what is the product of {0} and {1}",
     "what does {0} times {1} make"),
    ("how much is {0} multiplied by {1}", "what does {0} times {1} equal", "what do you get for {0} times {1}"),
    weight=4.0,
    follow_up=("and {0} times {1}", "what about {0} times {1}"),
)  # fmt: skip


def _listed(numbers: list[int]) -> str:
    return said(", ".join(words(n) for n in numbers)) + "."


COUNTS = Family(
    "count",
    [Topic(words(n), _listed(list(range(1, n + 1)))) for n in range(3, 21)],
    ("count to {}", "count up to {}", "count from one to {}", "count to the number {}", "count till {}", "count until {}",
     "count all the way to {}", "say the numbers up to {}", "say the numbers from one to {}", "start counting to {}"),
    ("count the numbers to {}", "begin at one and count to {}", "tell me the numbers up to {}"),
    COMMAND, AFTER, 2.0, follow_up=("and to {}", "now to {}", "what about to {}"),
)  # fmt: skip

COUNTDOWNS = Family(
    "countdown",
    [Topic(words(n), _listed(list(range(n, 0, -1)))) for n in range(3, 13)],
    ("count down from {}", "count backwards from {}", "count back from {}", "do a countdown from {}",
     "start a countdown from {}", "count from {} down to one", "count down from {} to one", "count backward from {}"),
    ("begin at {} and count down", "say the numbers backwards from {}"),
    COMMAND, AFTER, 1.0, follow_up=("and from {}", "now from {}"),
)  # fmt: skip

STEPS = Family(
    "steps",
    [
        Topic("twos", _listed(list(range(2, 21, 2)))),
        Topic("threes", _listed(list(range(3, 31, 3)))),
        Topic("fives", _listed(list(range(5, 51, 5)))),
        Topic("tens", _listed(list(range(10, 101, 10)))),
    ],
    ("count by {}", "count in {}", "count in steps of {}", "go up in {}", "say the numbers by {}", "start counting by {}"),
    ("count upwards in {}", "start counting in {}"),
    COMMAND, AFTER, 0.5,
)  # fmt: skip

PARITY = Family(
    "parity",
    [
        Topic("even", _listed(list(range(2, 21, 2)))),
        Topic("odd", _listed(list(range(1, 20, 2)))),
    ],
    ("say the {} numbers", "name the {} numbers", "list the {} numbers", "name the first ten {} numbers", "say some {} numbers",
     "tell me the {} numbers"),
    ("give me the {} numbers", "count the {} numbers"),
    COMMAND, AFTER, 0.4,
)  # fmt: skip

AFTER_NUMBER = Family(
    "after_number",
    [Topic(words(n), f"After {words(n)} comes {words(n + 1)}.") for n in range(31)],
    ("what comes after {}", "what number comes after {}", "which number comes after {}", "what is the number after {}",
     "what's the number after {}", "the number after {}", "what follows {}", "what is the next number after {}",
     "what is one more than {}"),
    ("which number follows {}", "what's one more than {}"),
    weight=1.2, follow_up=("and after {}", "and what comes after {}", "what about {}"),
)  # fmt: skip

BEFORE_NUMBER = Family(
    "before_number",
    [Topic(words(n), f"Before {words(n)} comes {words(n - 1)}.") for n in range(1, 31)],
    ("what comes before {}", "what number comes before {}", "which number comes before {}", "what is the number before {}",
     "what's the number before {}", "the number before {}", "what is one less than {}", "what comes right before {}"),
    ("which number is before {}", "what's one less than {}"),
    weight=1.0, follow_up=("and before {}", "and what comes before {}"),
)  # fmt: skip

LARGER = Family(
    "larger",
    [
        Topic(f"{words(a)}|{words(b)}", f"{said(words(max(a, b)))} is more than {words(min(a, b))}.")
        for a in range(21) for b in range(21) if a != b and (a * 7 + b * 3) % 4 == 0
    ],
    ("what is more {0} or {1}", "which is more {0} or {1}", "which number is larger {0} or {1}", "which is bigger {0} or {1}",
     "what is bigger {0} or {1}", "which number is bigger {0} or {1}", "is {0} more than {1} or less", "what's more {0} or {1}"),
    ("what is larger {0} or {1}", "which is the bigger number {0} or {1}"),
    weight=1.2,
)  # fmt: skip

PARITY_OF = Family(
    "parity_of",
    [Topic(words(n), f"{said(words(n))} is an {'odd' if n % 2 else 'even'} number.") for n in range(1, 21)],
    ("is {} even or odd", "is {} odd or even", "is {} an even number", "is {} an odd number", "is the number {} even",
     "is the number {} odd", "what is {} even or odd"),
    ("is the number {} even or odd", "would you say {} is even"),
    weight=0.6, follow_up=("and {}", "what about {}"),
)  # fmt: skip

DOUBLES = Family(
    "double",
    [Topic(words(n), f"Twice {words(n)} is {words(2 * n)}.") for n in range(1, 26)],
    ("what is twice {}", "what is double {}", "double {}", "how much is twice {}", "what's double {}", "what's twice {}",
     "what is two times as much as {}", "how much is double {}"),
    ("the double of {}", "what do you get if you double {}"),
    weight=0.6, follow_up=("and twice {}", "and double {}"),
)  # fmt: skip

HALVES = Family(
    "half",
    [Topic(words(2 * n), f"Half of {words(2 * n)} is {words(n)}.") for n in range(1, 26)],
    ("what is half of {}", "what's half of {}", "half of {}", "how much is half of {}", "what is {} divided by two",
     "how much is {} divided by two", "divide {} by two", "cut {} in half"),
    ("what do you get if you halve {}", "what's {} divided by two"),
    weight=0.6, follow_up=("and half of {}",),
)  # fmt: skip

NUMBERS = (SUMS, DIFFERENCES, PRODUCTS, COUNTS, COUNTDOWNS, STEPS, PARITY, AFTER_NUMBER, BEFORE_NUMBER, LARGER, PARITY_OF,
           DOUBLES, HALVES)  # fmt: skip
