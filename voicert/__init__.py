"""voicert: a real-time voice assistant runtime around one speech-native duplex model."""

__version__ = "0.1.0"
