"""Speech models: what the engine needs of one, and the ones there are."""

from voicert.models.base import Bundle, Control, Sampling, SpeechModel, StepOutput, ToolRequest
from voicert.models.load import load

__all__ = ["Bundle", "Control", "Sampling", "SpeechModel", "StepOutput", "ToolRequest", "load"]
