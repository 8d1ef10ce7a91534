//! Programs of others that this one starts: where they are found, and that none outlives whoever waits for it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

/// How much of the processor a program gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildPriority {
    /// As much as others.
    Usual,
    /// What others leave.
    Low,
}

/// A program of this name in a folder where the system looks for programs.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    // A relative entry would be a folder of the moment, perhaps one with the user's files.
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(&name)).find(|program| is_program(program))
}

#[cfg(unix)] // Tested here.
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))] // Compiled by `scripts/windows`.
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Ctrl-C in a terminal ends this program in good order, and not those that it started, which would be blamed for it.
#[cfg(unix)] // Tested here.
pub fn set_apart(command: &mut Command, _priority: ChildPriority) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// The same, no console shows up, and with a low priority other programs come first.
#[cfg(windows)] // Compiled by `scripts/windows`.
pub fn set_apart(command: &mut Command, priority: ChildPriority) {
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    const BELOW_NORMAL_PRIORITY_CLASS: u32 = 0x4000;
    let class = if priority == ChildPriority::Low { BELOW_NORMAL_PRIORITY_CLASS } else { 0 };
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW | class);
}

/// A running program with all that it starts: some systems start a program by a script, which would leave it behind. Ended
/// when it is dropped.
#[derive(Debug)]
pub struct ChildGroup {
    child: Child,
    /// Whether it was waited for: then its number may be another's.
    is_reaped: bool,
}

impl ChildGroup {
    /// Starts a program.
    ///
    /// # Errors
    /// When the system cannot start it.
    pub fn start(command: &mut Command, priority: ChildPriority) -> io::Result<Self> {
        set_apart(command, priority);
        let group = Self { child: command.spawn()?, is_reaped: false };
        if priority == ChildPriority::Low {
            lower_priority(&group.child);
        }
        Ok(group)
    }

    /// Its first process, for its pipes and its number.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How its first process ended; `None` while it runs.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if has_ended(&self.child) {
            end_group(&self.child);
        }
        let status = self.child.try_wait()?;
        self.is_reaped |= status.is_some();
        Ok(status)
    }
}

impl Drop for ChildGroup {
    fn drop(&mut self) {
        if !self.is_reaped {
            // What it started may hold the pipes though it has ended itself.
            end_group(&self.child);
            // Fails only if it has ended.
            let _ended = self.child.kill();
        }
        let _reaped = self.child.wait();
    }
}

/// Whether the process has ended; it keeps its number until it is waited for.
#[cfg(unix)] // Tested here.
fn has_ended(child: &Child) -> bool {
    let mut found = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let wanted = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: it writes to `found`, which is all zeros where it writes nothing; zeros are a valid value of numbers.
    unsafe {
        libc::waitid(libc::P_PID, child.id(), found.as_mut_ptr(), wanted) == 0 && found.assume_init().si_pid() != 0
    }
}

#[cfg(not(unix))] // Compiled by `scripts/windows`.
fn has_ended(_: &Child) -> bool {
    false
}

#[cfg(unix)] // Tested here.
fn end_group(child: &Child) {
    // SAFETY: it takes two numbers. The group is that of a child that was not waited for, so no other has its number.
    unsafe { libc::kill(-child.id().cast_signed(), libc::SIGKILL) };
}

#[cfg(not(unix))] // Compiled by `scripts/windows`.
fn end_group(_: &Child) {}

#[cfg(unix)] // Tested here.
fn lower_priority(child: &Child) {
    /// As `nice` counts.
    const LOW: i32 = 10;
    // SAFETY: it takes three numbers; the child was not waited for, so no other process has its number.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, child.id(), LOW) };
}

#[cfg(not(unix))] // Compiled by `scripts/windows`; there it is set before it starts.
fn lower_priority(_: &Child) {}

#[cfg(unix)] // Tested here.
#[cfg(test)]
mod tests {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn programs_are_found_by_name_and_folders_are_none() {
        assert!(find_program("sh").is_some_and(|program| program.is_absolute()));
        assert_eq!(find_program("no-program-of-this-name"), None);
        assert_eq!(find_program("."), None);
    }

    #[test]
    fn a_group_ends_with_whoever_waits_for_it() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 600 & echo $!; wait"]).stdout(Stdio::piped());
        let mut group = ChildGroup::start(&mut command, ChildPriority::Usual).unwrap();
        let output = group.child().stdout.take().unwrap();
        let first = std::io::BufRead::lines(std::io::BufReader::new(output)).next().unwrap().unwrap();
        assert_eq!(group.try_wait().unwrap(), None);
        drop(group);
        assert_ends(first.parse().unwrap());
    }

    #[test]
    fn what_a_program_leaves_behind_ends_with_it() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 600 >/dev/null & echo $!"]).stdout(Stdio::piped());
        let mut group = ChildGroup::start(&mut command, ChildPriority::Usual).unwrap();
        let output = group.child().stdout.take().unwrap();
        let first = std::io::BufRead::lines(std::io::BufReader::new(output)).next().unwrap().unwrap();
        while group.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_ends(first.parse().unwrap());
    }

    fn assert_ends(pid: i32) {
        let deadline = Instant::now() + Duration::from_secs(60);
        // SAFETY: signal 0 is sent to nobody; it tells whether there is such a process.
        while unsafe { libc::kill(pid, 0) } == 0 && !is_zombie(pid) {
            assert!(Instant::now() < deadline, "its own process runs on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether a process has ended and was not collected yet, where processes are listed as files.
    fn is_zombie(pid: i32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|state| state.contains(") Z "))
    }
}
