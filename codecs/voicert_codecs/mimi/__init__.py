"""Mimi (Kyutai): 24 kHz, 12.5 frames a second, 8 to 32 codebooks; run by PyTorch."""
