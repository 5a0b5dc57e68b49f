"""``voicert chat``: talk in a terminal, with a microphone and a speaker or from WAV file to WAV file."""
