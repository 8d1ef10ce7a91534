# Commands for contributors. `just` lists them; each line also works without just.

_default:
    @just --list

# Check formatting and types of everything, without building it
check:
    cargo fmt --check
    cargo check --workspace --all-targets

# Run the tests of one crate (core, kernels, layout, media, models, engine, serve), or of the program if no name is given
test CRATE="":
    scripts/test -p {{ if CRATE == "" { "vicinity" } else { "vicinity-" + CRATE } }}

# Open the window with the sample collection
window:
    scripts/run

# Run everything that must pass before a change is merged
gate:
    .ci/run
