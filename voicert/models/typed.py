"""Typed text in the form that a model hears spoken: small words, no punctuation, numbers in words."""

from __future__ import annotations

import re
import unicodedata

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
LARGEST = 999_999  # that is said as one number; longer ones are said digit by digit

_BETWEEN_NUMBERS = (
    (r"[-−–]", "minus"),
    (r"[*x×]", "times"),
    (r"[/÷:]", "divided by"),
)
_SIGNS = {"+": "plus", "=": "equals", "%": "percent", "&": "and"}


def number_words(n: int) -> str:
    """0 to `LARGEST` as it is said: "one hundred and five".

    Raises:
        ValueError: ``n`` is outside of it.
    """
    if not 0 <= n <= LARGEST:
        raise ValueError(f"{n} must be from 0 to {LARGEST}")
    if n < 20:
        return ONES[n]
    if n < 100:
        return f"{TENS[n // 10]} {ONES[n % 10]}" if n % 10 else TENS[n // 10]
    size, name = (1000, "thousand") if n >= 1000 else (100, "hundred")
    many, rest = f"{number_words(n // size)} {name}", n % size
    if not rest:
        return many
    return f"{many} {number_words(rest)}" if rest >= 100 else f"{many} and {number_words(rest)}"


def spoken_form(text: str) -> str:
    """ "What's 5 + 7?" → "what's five plus seven"; empty if nothing of it can be said in English letters."""
    text = text.replace("’", "'").lower()
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    for sign, word in _BETWEEN_NUMBERS:
        text = re.sub(rf"(?<=\d)\s*{sign}\s*(?=\d)", f" {word} ", text)
    text = re.sub(r"(?<=\d)\.(?=\d)", " point ", text)
    for sign, word in _SIGNS.items():
        text = text.replace(sign, f" {word} ")
    text = re.sub(r"\d+", lambda found: f" {_number(found[0])} ", text)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z]+(?:'[a-z]+)*", text))


def _number(digits: str) -> str:
    """Digits as one number, or one by one where they are not one: "007", or a long one."""
    if len(digits) <= len(str(LARGEST)) and (digits == "0" or digits[0] != "0"):
        return number_words(int(digits))
    return " ".join(ONES[int(digit)] for digit in digits)
