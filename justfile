# What contributors run most. `just` lists it; each line works without just, too.

_default:
    @just --list

# Formatting and types of everything, without building it
check:
    cargo fmt --check
    cargo check --workspace --all-targets

# Tests of one crate (core, kernels, layout, media, models, engine, serve), or of the program without a name
test CRATE="":
    scripts/test -p {{ if CRATE == "" { "vicinity" } else { "vicinity-" + CRATE } }}

# The window, on the sample collection
window:
    scripts/run

# Everything that must pass before a change lands
gate:
    .ci/run
