//! What packages say about the program is what the program is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A field of `packaging/identity`.
fn identity(name: &str) -> String {
    let text = read("packaging/identity");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=\"")));
    line.and_then(|rest| rest.strip_suffix('"')).unwrap_or_else(|| panic!("no {name}")).to_owned()
}

/// Runs a script of the project and returns what it prints; where it fails, so does the test.
fn output(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a tool is there; where it is not, says so.
#[cfg(target_os = "linux")]
fn has(tool: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|folder| folder.join(tool).is_file());
    if !found {
        eprintln!("skipped: {tool} is not installed");
    }
    found
}

#[test]
fn licences_are_those_of_the_crates_that_are_built_in() {
    let text = read("assets/licences/libraries.txt");
    let list = text.split("====").next().unwrap().lines();
    let listed: BTreeSet<String> = list
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| name.contains(' '))
        .map(|(name, _)| name.to_owned())
        .collect();
    let tree = output(Command::new(env!("CARGO")).args([
        "tree",
        "--locked",
        "--edges=normal,build",
        "--target=all",
        "--prefix=none",
        "--format={p}",
    ]));
    let package = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?.trim_start_matches('v')))
    };
    let built_in: BTreeSet<String> = tree.lines().filter_map(package).filter(|p| !p.starts_with("vicinity")).collect();
    assert!(built_in.len() > 300, "cargo tree said too little");
    let lacking: Vec<_> = built_in.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&built_in).filter(|name| !name.contains("crates,")).collect();
    assert!(lacking.is_empty() && gone.is_empty(), "run scripts/licences; lacking: {lacking:?}, gone: {gone:?}");
}

#[test]
fn a_build_without_the_window_links_no_windowing_or_graphics_library() {
    const WINDOWING: [&str; 16] = [
        "accesskit",
        "arboard",
        "eframe",
        "egui",
        "epaint",
        "glow",
        "glutin",
        "naga",
        "opener",
        "raw-window",
        "rfd",
        "wayland",
        "wgpu",
        "winit",
        "x11",
        "xkb",
    ];
    let cargo = Path::new(env!("CARGO"));
    if !cargo.is_file() {
        return eprintln!("skipped: there is no {}", cargo.display());
    }
    let names = |features: &[&str]| -> BTreeSet<String> {
        let arguments =
            ["tree", "--offline", "--locked", "--package=vicinity", "--edges=normal", "--target=all", "--prefix=none"];
        let tree = output(Command::new(cargo).args(arguments).args(features));
        tree.lines().filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect()
    };
    let windowing = |names: BTreeSet<String>| -> Vec<String> {
        names.into_iter().filter(|name| WINDOWING.iter().any(|word| name.starts_with(word))).collect()
    };
    let with = windowing(names(&[]));
    assert!(WINDOWING.iter().all(|word| with.iter().any(|name| name.starts_with(word))), "one is not found: {with:?}");
    assert_eq!(windowing(names(&["--no-default-features"])), Vec::<String>::new());
}

#[test]
fn one_identity_everywhere() {
    let (id, home) = (identity("ID"), identity("HOMEPAGE"));
    assert!(read("src/app/mod.rs").contains(&format!("\"{id}\"")), "the window's app id");
    assert!(read("Cargo.toml").contains(&format!("homepage = \"{home}\"")));
    let flatpak = read(&format!("packaging/linux/{id}.yml"));
    assert!(flatpak.starts_with('#') && flatpak.contains(&format!("\nid: {id}\n")));
}

#[test]
fn the_window_has_the_icon_of_the_packages() {
    let window = fs::read(root().join("assets/icons/vicinity.png")).unwrap();
    assert!(window == fs::read(root().join("packaging/icon/vicinity-256.png")).unwrap(), "run scripts/icons");
}

#[cfg(target_os = "linux")]
#[test]
fn the_tree_of_linux_packages_is_whole_and_valid() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("root");
    output(Command::new("packaging/linux/tree").arg(env!("CARGO_BIN_EXE_vicinity")).arg(&tree));
    let (id, share) = (identity("ID"), tree.join("usr/share"));
    let desktop = share.join(format!("applications/{id}.desktop"));
    let metainfo = share.join(format!("metainfo/{id}.metainfo.xml"));
    for file in [
        tree.join("usr/bin/vicinity"),
        share.join("man/man1/vicinity.1.gz"),
        share.join("man/man1/vicinity-search.1.gz"),
        share.join("doc/vicinity/libraries.txt.gz"),
        share.join("doc/vicinity/starter-model.txt"),
        share.join(format!("icons/hicolor/16x16/apps/{id}.png")),
        share.join(format!("icons/hicolor/scalable/apps/{id}.svg")),
        desktop.clone(),
        metainfo.clone(),
    ] {
        assert!(file.metadata().is_ok_and(|m| m.len() > 0), "{} is missing", file.display());
    }
    let text = fs::read_to_string(&metainfo).unwrap();
    assert!(text.contains(env!("CARGO_PKG_VERSION")) && !text.contains('@'), "{text}");
    let bash = fs::read_to_string(share.join("bash-completion/completions/vicinity")).unwrap();
    assert!(bash.contains("search") && bash.contains("--library"));
    if has("appstreamcli") {
        output(Command::new("appstreamcli").args(["validate", "--no-net"]).arg(&metainfo));
    }
    if has("desktop-file-validate") {
        assert_eq!(output(Command::new("desktop-file-validate").arg(&desktop)), "");
    }
}

/// A tree of a package, with a script instead of the program.
#[cfg(target_os = "linux")]
fn small_tree(folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let (program, tree) = (folder.join("program"), folder.join("small"));
    fs::write(&program, "#!/bin/sh\n[ \"$1\" != manual ] || echo .TH >\"$2/vicinity.1\"\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    output(Command::new("packaging/linux/tree").arg(&program).arg(&tree));
    tree
}

/// A package of a small tree, made twice: both have to be the same.
#[cfg(target_os = "linux")]
fn package(kind: &str, folder: &Path) -> PathBuf {
    let tree = small_tree(folder);
    let [package, again] = [1, 2].map(|n| folder.join(format!("{n}.{kind}")));
    for out in [&package, &again] {
        let mut command = Command::new(format!("packaging/linux/{kind}"));
        output(command.arg(&tree).arg(out).env("SOURCE_DATE_EPOCH", "1700000000"));
    }
    assert!(fs::read(&package).unwrap() == fs::read(&again).unwrap(), "it differs from one time to the next");
    package
}

#[cfg(target_os = "linux")]
#[test]
fn the_deb_names_the_program_and_what_it_opens_and_is_the_same_each_time() {
    if !has("dpkg-deb") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let deb = package("deb", folder.path());
    let field = |name: &str| output(Command::new("dpkg-deb").arg("-f").arg(&deb).arg(name)).trim().to_owned();
    assert_eq!(field("Package"), "vicinity");
    assert_eq!(field("Version"), concat!(env!("CARGO_PKG_VERSION"), "-1"));
    assert_eq!(field("Maintainer"), identity("MAINTAINER"));
    assert_eq!(field("Homepage"), identity("HOMEPAGE"));
    assert!(field("Description").contains("\n Open folders of images and texts"));
    let depends = field("Depends");
    assert!(
        depends.starts_with(&format!("libc6 (>= {}), ", identity("GLIBC"))) && depends.contains("libegl1"),
        "{depends}"
    );
    let files = output(Command::new("dpkg-deb").arg("-c").arg(&deb));
    let program = files.lines().find(|line| line.ends_with(" ./usr/bin/vicinity")).expect(&files);
    assert!(program.starts_with("-rwxr-xr-x root/root "), "{program}");
    assert!(
        files.lines().all(|line| line.contains(" root/root ")) && files.contains("doc/vicinity/copyright"),
        "{files}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn the_rpm_names_the_program_and_what_it_opens_and_is_the_same_each_time() {
    if !has("rpmbuild") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let rpm = package("rpm", folder.path());
    let ask = |arguments: &[&str]| output(Command::new("rpm").arg("-qp").args(arguments).arg(&rpm));
    let expected = format!("vicinity {} {}", env!("CARGO_PKG_VERSION"), identity("HOMEPAGE"));
    assert_eq!(ask(&["--queryformat", "%{NAME} %{VERSION} %{URL}"]), expected);
    let requires = ask(&["--requires"]);
    for library in ["libX11.so.6()(64bit)", "libEGL.so.1()(64bit)", "libwayland-client.so.0()(64bit)"] {
        assert!(requires.lines().any(|line| line == library), "{library} is not among {requires}");
    }
    let files = ask(&["--list"]);
    for file in ["bin/vicinity", "share/licenses/vicinity/LICENSE-MIT", "share/zsh/site-functions/_vicinity"] {
        assert!(files.lines().any(|line| line == format!("/usr/{file}")), "{file} is not among {files}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_archive_installs_for_one_user_and_goes_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, home) = (folder.path().join("archive"), folder.path().join("home"));
    output(Command::new("packaging/linux/tree").arg(env!("CARGO_BIN_EXE_vicinity")).arg(&archive));
    for script in ["install.sh", "uninstall.sh"] {
        fs::copy(root().join("packaging/linux").join(script), archive.join(script)).unwrap();
    }
    let run = |script: &Path| output(Command::new(script).env("HOME", &home));
    let library = home.join(".local/share/vicinity/libraries/photos/catalog.sqlite");
    fs::create_dir_all(library.parent().unwrap()).unwrap();
    fs::write(&library, "mine").unwrap();

    run(&archive.join("install.sh"));
    // A file of this version that the next one does not have goes with the upgrade.
    let page = "usr/share/man/man1/vicinity-info.1.gz";
    fs::remove_file(archive.join(page)).unwrap();
    run(&archive.join("install.sh"));
    assert!(!home.join(".local/share/man/man1/vicinity-info.1.gz").exists());
    let version = output(Command::new(home.join(".local/bin/vicinity")).arg("--version"));
    assert_eq!(version.trim(), concat!("vicinity ", env!("CARGO_PKG_VERSION")));
    let desktop =
        fs::read_to_string(home.join(format!(".local/share/applications/{}.desktop", identity("ID")))).unwrap();
    let program = home.join(".local/bin/vicinity");
    assert!(desktop.contains(&format!("Exec=\"{}\" %F", program.display())), "{desktop}");

    run(&home.join(".local/lib/vicinity/uninstall.sh"));
    assert!(!program.exists());
    assert_eq!(fs::read_to_string(&library).unwrap(), "mine");
    let mut left = Vec::new();
    files(&home, &mut left);
    // The desktop's lists of programs and icons stay where there are tools that make them, without the program in them.
    let (lists, own): (Vec<_>, Vec<_>) = left.into_iter().partition(|f| f.extension().is_some_and(|e| e == "cache"));
    assert_eq!(own, [library]);
    for list in lists {
        let text = String::from_utf8_lossy(&fs::read(&list).unwrap()).into_owned();
        assert!(!text.contains(&identity("ID")), "{} still names the program", list.display());
    }
}

#[cfg(target_os = "linux")]
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Needs objdump, which every machine with a linker has.
#[cfg(target_os = "linux")]
#[test]
fn the_check_of_glibc_knows_too_new_from_old_enough() {
    if !has("objdump") {
        return;
    }
    let check = |newest: &str| {
        let mut command = Command::new("packaging/linux/check-glibc");
        command.current_dir(root()).args([env!("CARGO_BIN_EXE_vicinity"), newest]).output().unwrap()
    };
    let old = check("2.17");
    assert_eq!(old.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&old.stderr).contains("at most 2.17 is allowed"));
    assert!(check("9.99").status.success());
}

#[test]
fn the_release_workflow_names_what_it_runs_by_commit() {
    let text = read(".github/workflows/release.yml");
    let uses: Vec<&str> = text.lines().filter_map(|line| line.split_once("uses: ")).map(|(_, action)| action).collect();
    assert!(uses.len() > 5, "{uses:?}");
    let pinned = |action: &&str| {
        let commit = action.split_once('@').map_or("", |(_, rest)| rest.split(' ').next().unwrap_or(""));
        commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()) && action.contains(" # v")
    };
    assert!(uses.iter().all(pinned), "{uses:?}");
    assert!(text.contains("> dist/version.txt"), "programs look for the newest version there");
}
