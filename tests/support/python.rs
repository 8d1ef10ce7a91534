//! A Python with pinned packages.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python with the packages of `tests/FOLDER/requirements.txt`, made once under `target/`; or why there is none.
pub fn python(folder: &str) -> Result<PathBuf, String> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{folder}-venv"));
    let (python, stamp) = (venv.join("bin/python"), venv.join("installed.txt"));
    let list = super::places::project_dir().join("tests").join(folder).join("requirements.txt");
    let wanted = std::fs::read_to_string(&list).map_err(|e| format!("{}: {e}", list.display()))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let run = |program: &Path, arguments: &[&str]| {
        let output =
            Command::new(program).args(arguments).output().map_err(|e| format!("{}: {e}", program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success().then_some(()).ok_or_else(|| said.trim().lines().last().unwrap_or_default().to_owned())
    };
    let [venv, list] = [&venv, &list].map(|path| path.to_str().ok_or("a path that is not UTF-8"));
    run(Path::new("python3"), &["-m", "venv", "--clear", venv?])?;
    let quiet =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps", "-r", list?];
    run(&python, &quiet)?;
    std::fs::write(stamp, wanted).map_err(|e| e.to_string())?;
    Ok(python)
}
