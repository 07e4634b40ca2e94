"""Records what people see: real runs of `pulumi up` in real terminals of some widths, against the emulator."""
