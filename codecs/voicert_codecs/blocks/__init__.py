"""Streaming parts that the PyTorch codecs are built of; every state is an argument and a return value.

A block is called as ``y, state = block(x, state)`` with ``x`` channels-last [B, T, C]. A state is a tensor
or a dataclass of tensors, batch first, of a size that does not depend on how much has gone through; the one
that is given is left as it was (but for parts that are too large to be copied at every call, see
:class:`voicert_codecs.blocks.state.InPlace`). ``block.fresh(batch)`` is the state at the start of a signal.
"""
