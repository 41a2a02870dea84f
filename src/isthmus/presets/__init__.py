"""Named autoencoders: one function a file, each a row of choices among the parts."""
