//! Tests of the layouts: one program, a module per feature.

mod many_vectors;
