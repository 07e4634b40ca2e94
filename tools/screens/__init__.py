"""Records what users see: real runs of `pulumi up` against the emulator, in real terminals of several widths."""
