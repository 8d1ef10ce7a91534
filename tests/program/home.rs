//! Where the program keeps its things, and what it tells of itself in a report.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn program(binary: &Path, home: &Path) -> Command {
    let mut command = Command::new(binary);
    command.env_remove("VICINITY_LIBRARY").env_remove("VICINITY_MODELS").env_remove("VICINITY_HOME");
    // A home of its own, so that nothing of the user's is touched.
    for name in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA", "USERPROFILE"] {
        command.env(name, home);
    }
    command.stdin(Stdio::null());
    command
}

fn ran(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn a_portable_program_keeps_everything_beside_itself_and_goes_on_so() {
    let (stick, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let binary = stick.path().join(format!("vicinity{}", std::env::consts::EXE_SUFFIX));
    // A link would be followed to where the program was built.
    fs::copy(env!("CARGO_BIN_EXE_vicinity"), &binary).unwrap();
    let notes = stick.path().join("notes");
    fs::create_dir(&notes).unwrap();
    fs::write(notes.join("dog.txt"), "A dog runs over the meadow.").unwrap();

    ran(program(&binary, home.path()).args(["--portable", "index"]).arg(&notes));
    assert!(stick.path().join("vicinity-data/default").is_dir());
    assert!(ran(program(&binary, home.path()).arg("info")).contains("items      1"), "the option may be left out");
    assert!(is_empty(home.path()), "nothing is written elsewhere");
}

#[test]
fn one_variable_moves_everything() {
    let (place, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let note = place.path().join("dog.txt");
    fs::write(&note, "A dog runs over the meadow.").unwrap();
    let dir = place.path().join("all of it");
    ran(program(Path::new(env!("CARGO_BIN_EXE_vicinity")), home.path())
        .env("VICINITY_HOME", &dir)
        .arg("index")
        .arg(note));
    assert!(dir.join("default").is_dir() && is_empty(home.path()));
}

#[test]
fn a_report_tells_what_a_bug_needs_and_names_no_file_unless_asked() {
    let (place, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let secret = place.path().join("my diary");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("monday.txt"), "A dog runs over the meadow.").unwrap();
    fs::write(secret.join("broken.png"), b"\x89PNG\r\n\x1a\nno picture").unwrap();
    let vicinity = || {
        let mut command = program(Path::new(env!("CARGO_BIN_EXE_vicinity")), home.path());
        command.env("VICINITY_HOME", place.path().join("data"));
        command
    };
    ran(vicinity().arg("index").arg(&secret));
    let crashes = place.path().join("data/crashes");
    fs::create_dir(&crashes).unwrap();
    let crash = format!("vicinity 0\nthread main: panicked at src/ui/shell.rs:1:2:\n{} is odd", secret.display());
    fs::write(crashes.join("crash-1.txt"), crash).unwrap();

    let report = ran(vicinity().args(["doctor", "--report"]));
    for part in [
        "program  vicinity ",
        "system   ",
        "device   ",
        "graphics ",
        "models   ",
        "updates  not checked",
        "1 texts, 1 failed",
        "src/ui/shell.rs:1:2",
    ] {
        assert!(report.contains(part), "{part} is missing in\n{report}");
    }
    assert!(!report.contains("diary") && !report.contains("monday") && !report.contains("broken"), "{report}");
    let told = ran(vicinity().args(["doctor", "--report", "--include-paths"]));
    assert!(told.contains("diary") && told.contains("broken.png"), "{told}");
}
