"""voicert's own codec: causal, 50 frames/s, in the MDCT domain."""
