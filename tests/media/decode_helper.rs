//! The helper process that decodes pictures: its limits, its end, and what is left without it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use vicinity_media::decode_helper::FLAG;
use vicinity_media::{Content, ReadError, ReadOptions, read};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vicinity-decode-pictures");
/// Set where a test has a process of its own.
const ALONE: &str = "VICINITY_TEST_ALONE";

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[track_caller]
fn ended(mut child: Child) -> bool {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_helper_ends_when_nobody_can_ask_it_any_more() {
    let mut helper = start(&[FLAG]);
    drop(helper.stdin.take());
    assert!(ended(helper));
    // What is no request ends it, too.
    let mut helper = start(&[FLAG]);
    std::io::Write::write_all(&mut helper.stdin.take().unwrap(), b"no request").unwrap();
    assert!(ended(helper));
    assert!(!ended(start(&[])), "without the flag it is no helper");
}

#[test]
fn a_helper_limits_its_memory_and_writes_no_files() {
    if !cfg!(target_os = "linux") {
        return; // Tested here: other systems do not show the limits of a process.
    }
    let mut helper = start(&[FLAG]);
    let limits = format!("/proc/{}/limits", helper.id());
    let limit = |name: &str| {
        let all = std::fs::read_to_string(&limits).unwrap();
        let line = all.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().to_owned()
    };
    let start = Instant::now();
    while limit("Max core file size") != "0" || limit("Max file size") != "0" {
        assert!(start.elapsed() < Duration::from_secs(60), "no limits");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(limit("Max address space"), (4_u64 << 30).to_string());
    helper.kill().unwrap();
    helper.wait().unwrap();
}

#[test]
fn without_a_helper_only_decoders_that_cannot_abort_are_used() {
    if std::env::var_os(ALONE).is_none() {
        let mut child =
            crate::support::rerun(module_path!(), "without_a_helper_only_decoders_that_cannot_abort_are_used");
        assert!(child.env(ALONE, "1").status().unwrap().success());
        return;
    }
    let folder = crate::support::project_dir().join("tests/fixtures/formats");
    let of = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        read(Path::new(name), &bytes, &ReadOptions::default())
    };
    for name in ["plain.avif", "plain.jxl"] {
        assert_eq!(of(name).unwrap_err(), ReadError::NoDecoder, "{name}");
    }
    if cfg!(feature = "heic") {
        assert!(matches!(of("plain.heic"), Ok(Some(Content::Image { .. }))));
    }
}
