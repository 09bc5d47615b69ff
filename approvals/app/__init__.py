"""The running service: the composition root, which alone knows all the other rooms."""
