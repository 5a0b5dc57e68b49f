"""Training of the bundled codec and model: data, losses and loops. Nothing that serves imports it."""
