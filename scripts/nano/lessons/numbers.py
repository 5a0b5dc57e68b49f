"""Counting, sums, and what comes before and after."""

from __future__ import annotations

from nano.lessons.exchange import AFTER, COMMAND, Family, Topic
from voicert.models.typed import number_words as words

LARGEST = 12  # of a sum, a difference or a product


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
     "the sum of {0} and {1}", "what is the sum of {0} and {1}", "what does {0} plus {1} make", "{0} and {1} is how much",
     "what's {0} and {1}", "{0} plus {1} is what", "{0} plus {1} equals what", "{0} plus {1} is how much", "what do {0} and {1} make together",
     "what do {0} and {1} add up to", "{0} and {1} together", "how much are {0} and {1}", "how much is {0} and {1} together",
     "calculate {0} plus {1}", "calculate the sum of {0} and {1}", "work out {0} plus {1}", "i need {0} plus {1}", "put {0} and {1} together",
     "what's the sum of {0} and {1}", "what's the total of {0} and {1}", "the total of {0} and {1}",
     "if i have {0} and get {1} more how many do i have", "sum up {0} and {1}", "how much does {0} plus {1} make",
     "what's the result of {0} plus {1}", "if you add {1} to {0} what do you get", "add {0} plus {1}", "what would {0} plus {1} be",
     "what {0} plus {1} is", "increase {0} by {1}", "i want to add {0} and {1}", "what do i get when i add {1} to {0}", "solve {0} plus {1}"),
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
     "what do you get if you take {1} away from {0}",
     "what's {0} take away {1}", "{0} minus {1} is what", "{0} minus {1} equals what", "{0} minus {1} is how much", "calculate {0} minus {1}",
     "work out {0} minus {1}", "i need {0} minus {1}", "take away {1} from {0}", "take {1} away from {0}", "remove {1} from {0}",
     "what's the difference between {0} and {1}", "what is the difference between {0} and {1}", "the difference between {0} and {1}",
     "if you take {1} from {0} what is left", "how much is left if i take {1} from {0}", "how much remains when you take {1} from {0}",
     "if i have {0} and give away {1} how many are left", "i have {0} and lose {1} how many do i have", "what's the result of {0} minus {1}",
     "how much does {0} minus {1} make", "what would {0} minus {1} be", "what {0} minus {1} is", "reduce {0} by {1}",
     "what do you get if you subtract {1} from {0}", "i want to subtract {1} from {0}", "solve {0} minus {1}",
     "if i subtract {1} from {0} what do i get"),
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
     "what does {0} times {1} make",
     "what's {0} multiplied by {1}", "{0} times {1} is what", "{0} times {1} equals what", "{0} times {1} is how much", "calculate {0} times {1}",
     "work out {0} times {1}", "i need {0} times {1}", "what's the product of {0} and {1}", "what's the result of {0} times {1}",
     "how much does {0} times {1} make", "what would {0} times {1} be", "what {0} times {1} is", "solve {0} times {1}", "multiply {0} with {1}",
     "multiply {0} times {1}", "if you multiply {0} by {1} what do you get", "what do i get when i multiply {0} by {1}", "take {0} times {1}",
     "what comes out of {0} times {1}", "what do {0} times {1} make", "how many are {0} times {1}", "i want to multiply {0} by {1}",
     "what's the answer to {0} times {1}", "calculate the product of {0} and {1}", "if i multiply {0} and {1} how much is it"),
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
     "count all the way to {}", "say the numbers up to {}", "say the numbers from one to {}", "start counting to {}",
     "count from one up to {}", "count from one all the way to {}", "give me the numbers from one to {}", "list the numbers from one to {}",
     "list all numbers up to {}", "name the numbers from one to {}", "start at one and count up to {}", "start with one and go up to {}",
     "go from one to {}", "keep counting until you get to {}", "keep counting until you reach {}", "count one by one to {}",
     "let me hear you count to {}", "read out the numbers from one to {}", "count out loud to {}", "say every number from one to {}",
     "tell me all numbers from one to {}", "count with me to {}", "help me count to {}", "count slowly to {}", "show me how you count to {}",
     "do the counting up to {}"),
    ("count the numbers to {}", "begin at one and count to {}", "tell me the numbers up to {}"),
    COMMAND, AFTER, 2.0, follow_up=("and to {}", "now to {}", "what about to {}"),
)  # fmt: skip

COUNTDOWNS = Family(
    "countdown",
    [Topic(words(n), _listed(list(range(n, 0, -1)))) for n in range(3, 13)],
    ("count down from {}", "count backwards from {}", "count back from {}", "do a countdown from {}",
     "start a countdown from {}", "count from {} down to one", "count down from {} to one", "count backward from {}",
     "count down starting from {}", "count down starting at {}", "start at {} and count down to one", "start with {} and go down to one",
     "go backwards from {}", "go down from {} to one", "make a countdown from {}", "give me a countdown from {}", "begin a countdown at {}",
     "run a countdown from {}", "count backwards starting with {}", "count backwards from {} to one", "list the numbers from {} down to one",
     "say the numbers from {} down to one", "let me hear a countdown from {}", "count in reverse from {}", "count from {} back to one",
     "tell me the numbers from {} down to one", "count the other way from {}", "do the countdown starting at {}"),
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
    ("count by {}", "count in {}", "count in steps of {}", "go up in {}", "say the numbers by {}", "start counting by {}",
     "count up by {}", "count up in steps of {}", "go up by {}", "go up in steps of {}", "say the numbers in steps of {}", "list the numbers in {}",
     "start counting in steps of {}", "keep counting by {}", "count forward by {}", "name the numbers in steps of {}", "let me hear you count by {}",
     "show me how you count in {}", "give me the numbers in steps of {}", "practice counting by {}", "count with me in {}", "help me count by {}",
     "do some counting in {}", "begin to count in {}", "tell me the numbers in steps of {}"),
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
     "tell me the {} numbers",
     "give me some {} numbers", "list some {} numbers", "name some {} numbers", "say all the {} numbers", "count only the {} numbers",
     "count in {} numbers", "tell me some {} numbers", "give me a list of {} numbers", "read out the {} numbers", "let me hear the {} numbers",
     "show me the {} numbers", "list the first ten {} numbers", "give me ten {} numbers", "say ten {} numbers", "name a few {} numbers",
     "count with {} numbers only", "tell me which numbers are {}", "give me examples of {} numbers", "tell me all the {} numbers",
     "help me name the {} numbers"),
    ("give me the {} numbers", "count the {} numbers"),
    COMMAND, AFTER, 0.4,
)  # fmt: skip

AFTER_NUMBER = Family(
    "after_number",
    [Topic(words(n), f"After {words(n)} comes {words(n + 1)}.") for n in range(31)],
    ("what comes after {}", "what number comes after {}", "which number comes after {}", "what is the number after {}",
     "what's the number after {}", "the number after {}", "what follows {}", "what is the next number after {}",
     "what is one more than {}",
     "what's after {}", "what is after {}", "which number is after {}", "what number is next after {}", "what's the next number after {}",
     "the next number after {}", "after {} comes what", "after {} which number comes", "{} is followed by which number",
     "what number do i get after {}", "when counting what comes after {}", "what comes right after {}", "what comes next after {}",
     "name the number after {}", "i need to know the number after {}", "i counted to {} what comes next", "what number would come after {}",
     "which number do you say after {}", "how much is one more than {}", "what number is one more than {}"),
    ("which number follows {}", "what's one more than {}"),
    weight=1.2, follow_up=("and after {}", "and what comes after {}", "what about {}"),
)  # fmt: skip

BEFORE_NUMBER = Family(
    "before_number",
    [Topic(words(n), f"Before {words(n)} comes {words(n - 1)}.") for n in range(1, 31)],
    ("what comes before {}", "what number comes before {}", "which number comes before {}", "what is the number before {}",
     "what's the number before {}", "the number before {}", "what is one less than {}", "what comes right before {}",
     "what's before {}", "what is before {}", "what number is just before {}", "what number was before {}", "before {} comes what",
     "before {} which number comes", "{} comes after which number", "{} follows which number", "which number comes right before {}",
     "what comes just before {}", "the number right before {}", "name the number before {}", "i need to know the number before {}",
     "when counting what comes before {}", "how much is one less than {}", "which number do you say before {}", "what number would come before {}",
     "what number is one less than {}", "which number comes just before {}"),
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
     "what is bigger {0} or {1}", "which number is bigger {0} or {1}", "is {0} more than {1} or less", "what's more {0} or {1}",
     "which is larger {0} or {1}", "what's bigger {0} or {1}", "which one is bigger {0} or {1}", "which one is more {0} or {1}",
     "which is greater {0} or {1}", "what's greater {0} or {1}", "which number is greater {0} or {1}", "which of {0} and {1} is bigger",
     "which of {0} and {1} is more", "which of the two is larger {0} or {1}", "is {0} bigger than {1}", "is {0} more than {1}",
     "is {0} smaller than {1}", "is {0} less than {1}", "is {0} bigger or smaller than {1}", "is {0} or {1} bigger",
     "is {0} or {1} the larger number", "{0} or {1} which is more", "{0} or {1} which one is bigger", "compare {0} and {1}",
     "which is higher {0} or {1}", "what number is higher {0} or {1}", "the bigger one of {0} and {1}", "the larger number of {0} and {1}",
     "between {0} and {1} which is larger", "i need to know which is bigger {0} or {1}"),
    ("what is larger {0} or {1}", "which is the bigger number {0} or {1}"),
    weight=1.2,
)  # fmt: skip

PARITY_OF = Family(
    "parity_of",
    [Topic(words(n), f"{said(words(n))} is an {'odd' if n % 2 else 'even'} number.") for n in range(1, 21)],
    ("is {} even or odd", "is {} odd or even", "is {} an even number", "is {} an odd number", "is the number {} even",
     "is the number {} odd", "what is {} even or odd",
     "is {} an odd or an even number", "is {} an even or an odd number", "is {} even", "is {} odd", "{} even or odd", "{} is it even or odd",
     "if {} is even or odd", "whether {} is odd or even", "what kind of number is {} even or odd", "does {} count as even or odd",
     "do you think {} is odd or even", "even or odd {}", "would {} be odd or even", "i need to know if {} is odd", "is {} one of the even numbers",
     "say if {} is even or odd", "do we call {} even or odd", "could {} be an even number", "{} is that odd or even", "i'm not sure if {} is even"),
    ("is the number {} even or odd", "would you say {} is even"),
    weight=0.6, follow_up=("and {}", "what about {}"),
)  # fmt: skip

DOUBLES = Family(
    "double",
    [Topic(words(n), f"Twice {words(n)} is {words(2 * n)}.") for n in range(1, 26)],
    ("what is twice {}", "what is double {}", "double {}", "how much is twice {}", "what's double {}", "what's twice {}",
     "what is two times as much as {}", "how much is double {}",
     "twice {}", "two times as much as {}", "twice as much as {}", "what is twice as much as {}", "what's {} doubled", "{} doubled",
     "what is {} doubled", "how much is {} doubled", "double the number {}", "calculate double {}", "what would twice {} be",
     "how much would double {} be", "if i double {} what do i get", "what does {} become when doubled", "i need twice {}", "work out double {}",
     "how much do i have if i double {}", "make {} twice as big", "what number is twice as big as {}", "i want to double {}", "what twice {} is"),
    ("the double of {}", "what do you get if you double {}"),
    weight=0.6, follow_up=("and twice {}", "and double {}"),
)  # fmt: skip

HALVES = Family(
    "half",
    [Topic(words(2 * n), f"Half of {words(2 * n)} is {words(n)}.") for n in range(1, 26)],
    ("what is half of {}", "what's half of {}", "half of {}", "how much is half of {}", "what is {} divided by two",
     "how much is {} divided by two", "divide {} by two", "cut {} in half",
     "{} divided by two", "halve {}", "halve the number {}", "what is {} halved", "what is one half of {}", "what's one half of {}",
     "split {} in two", "split {} in half", "the half of {}", "what is the half of {}", "how much is the half of {}", "calculate half of {}",
     "what would half of {} be", "how much would half of {} be", "divide {} in half", "i need half of {}", "how much is half as much as {}",
     "how much do i get if i cut {} in half", "if two people share {} how much does each get", "if i divide {} by two what do i get",
     "what number is half of {}", "what half of {} is", "half the number {}", "work out half of {}", "i want to halve {}"),
    ("what do you get if you halve {}", "what's {} divided by two"),
    weight=0.6, follow_up=("and half of {}",),
)  # fmt: skip

NUMBERS = (SUMS, DIFFERENCES, PRODUCTS, COUNTS, COUNTDOWNS, STEPS, PARITY, AFTER_NUMBER, BEFORE_NUMBER, LARGER, PARITY_OF,
           DOUBLES, HALVES)  # fmt: skip
