//! Layer 5: puts everything together.
