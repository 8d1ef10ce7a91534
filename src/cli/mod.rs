//! Layer 4: the command line, over the same engine.
