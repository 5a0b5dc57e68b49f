"""``voicert eval``: how often a model hears, answers and takes turns rightly, by an independent ear."""
