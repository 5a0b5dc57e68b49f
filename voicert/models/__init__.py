"""Speech models: what the engine needs of one, and the ones there are."""

from voicert.models.base import Bundle, Control, Sampling, SpeechModel, StepOutput, ToolRequest
from voicert.models.load import load
from voicert.models.options import Options

__all__ = ["Bundle", "Control", "Options", "Sampling", "SpeechModel", "StepOutput", "ToolRequest", "load"]
