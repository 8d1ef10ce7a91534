//! Models are got from a hub on the loopback that cuts, stalls, lies and refuses.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vicinity_core::NetworkLedger;
use vicinity_models::installed::{InstallOptions, InstallState, Models};

#[cfg(unix)]
use crate::support::hub::git;
use crate::support::hub::{COMMIT, Hub, sha256};

/// Without a known commit or hash, so that it can be anything.
const MODEL: &str = "siglip2-large-patch16-256";
const WEIGHTS: usize = 600_000;

/// A model of noise: nobody loads it here.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let weights: Vec<u8> = (0..WEIGHTS).map(|_| noise()).collect();
    let small = |name: &str| (name.to_owned(), format!("{{\"file\": {name:?}}}").into_bytes());
    let mut files: BTreeMap<_, _> =
        ["config.json", "preprocessor_config.json", "tokenizer.json"].map(small).into_iter().collect();
    files.insert("model.safetensors".to_owned(), weights);
    files
}

struct Place {
    dir: TempDir,
    hub: Hub,
    runtime: Runtime,
}

impl Place {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { dir: tempfile::tempdir().unwrap(), hub: Hub::new(files()), runtime }
    }

    fn options(&self) -> InstallOptions {
        let mut options = InstallOptions::new(self.models());
        options.endpoint.clone_from(&self.hub.address);
        options.backoff = Duration::from_millis(5);
        options.read_timeout = Duration::from_secs(5);
        options
    }

    fn open(&self, options: InstallOptions) -> Models {
        Models::open(options, self.runtime.handle().clone(), NetworkLedger::default(), || {})
    }

    /// Gets the model; where it stands in the end.
    fn get(&self, models: &Models) -> InstallState {
        models.start(MODEL).unwrap();
        models.wait(MODEL, |_| {}).unwrap()
    }

    fn models(&self) -> PathBuf {
        self.dir.path().join("models")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
        command.arg("models").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in ["HF_TOKEN", "HF_HUB_CACHE", "XDG_CACHE_HOME", "NO_PROXY", "no_proxy"] {
            command.env_remove(name);
        }
        command.env("VICINITY_MODELS", self.models()).env("HF_ENDPOINT", &self.hub.address);
        command.env("HF_HOME", self.path("no-cache"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The model is whole: every file with its content, and a manifest that says so.
    fn assert_whole(&self, models: &Models) {
        let (dir, manifest) = models.find(MODEL).expect("listed");
        let wanted = files();
        assert_eq!(manifest.files.len(), wanted.len());
        for file in &manifest.files {
            let content = fs::read(dir.join(&file.path)).unwrap();
            assert_eq!(content, wanted[&file.path], "{}", file.path);
            assert_eq!((file.bytes, file.sha256.as_str()), (content.len() as u64, sha256(&content).as_str()));
        }
        assert_eq!((manifest.revision.as_str(), manifest.licence.as_str()), (COMMIT, "Apache-2.0"));
        assert!(!self.models().join(".partial").join(MODEL).exists(), "nothing is left over");
    }

    fn assert_nothing_listed(&self, models: &Models) {
        assert!(models.find(MODEL).is_none());
        assert_eq!(models.store().all(), []);
        assert!(!self.models().join(MODEL).exists());
    }

    /// A folder with the files of a model in it.
    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.path(name);
        fs::create_dir_all(&folder).unwrap();
        files().iter().for_each(|(name, content)| fs::write(folder.join(name), content).unwrap());
        folder
    }
}

fn reason(standing: InstallState) -> String {
    match standing {
        InstallState::Failed { reason } => reason,
        other => panic!("it should have failed: {other:?}"),
    }
}

fn here(standing: &InstallState) -> bool {
    matches!(standing, InstallState::Installed { .. })
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json_lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_download_that_panics_is_a_failed_one_and_the_next_attempt_succeeds() {
    let place = Place::new();
    let panicking = InstallOptions { free_space: |_| panic!("a fault that a test asked for"), ..place.options() };
    let models = place.open(panicking);
    for _ in 0..2 {
        match place.get(&models) {
            InstallState::Failed { reason } => assert!(reason.contains("a fault that a test asked for"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    let models = place.open(place.options());
    assert!(matches!(place.get(&models), InstallState::Installed { .. }));
    place.assert_whole(&models);
}

#[test]
fn a_model_is_got_from_two_hosts_and_the_token_goes_to_one() {
    let place = Place::new();
    let far = Hub::new(files());
    place.hub.manner().elsewhere = Some(far.address.clone());
    let models = place.open(InstallOptions { token: Some("hf_secret".to_owned()), ..place.options() });
    assert_eq!(models.state(MODEL), Some(InstallState::NotInstalled));
    assert!(place.hub.requests().is_empty() && models.network_log().uses().is_empty(), "nobody is asked before");

    let standing = place.get(&models);
    let bytes: usize = files().values().map(Vec::len).sum();
    assert_eq!(standing, InstallState::Installed { bytes: bytes as u64 });
    place.assert_whole(&models);
    let near = place.hub.requests();
    assert!(near.iter().all(|r| r.authorization.as_deref() == Some("Bearer hf_secret")), "{near:?}");
    // after the first answer everything is asked for at the commit that it named
    assert!(near[1..].iter().all(|r| r.target.contains(COMMIT)), "{near:?}");
    let there = far.requests();
    assert!(!there.is_empty() && there.iter().all(|r| r.authorization.is_none()), "{there:?}");

    let uses = models.network_log().uses();
    let host = |hub: &Hub| hub.address.trim_start_matches("http://").to_owned();
    assert_eq!(uses.iter().map(|u| &u.host).collect::<Vec<_>>(), [&host(&place.hub), &host(&far)]);
    assert_eq!(uses.iter().map(|u| u.bytes).sum::<u64>(), bytes as u64, "every byte is noted once");

    assert!(here(&place.get(&models)) && place.hub.requests().is_empty(), "what is here is not got again");
    assert!(here(&place.open(place.options()).state(MODEL).unwrap()), "it is found again");
}

#[test]
fn a_cut_connection_goes_on_where_it_was() {
    let place = Place::new();
    place.hub.manner().cuts = vec![70_000, 0, 300_000, 100_000];
    let models = place.open(place.options());
    assert!(here(&place.get(&models)));
    place.assert_whole(&models);
    let asked: Vec<u64> = place.hub.asked_from();
    let mut blobs: Vec<u64> = asked.clone();
    blobs.dedup();
    assert_eq!(blobs, [0, 100_000, 400_000, 470_000], "{asked:?}");
    let bytes: usize = files().values().map(Vec::len).sum();
    assert_eq!(models.network_log().uses().iter().map(|u| u.bytes).sum::<u64>(), bytes as u64, "no byte comes twice");
}

#[test]
fn a_server_without_ranges_and_one_that_falls_silent_are_borne() {
    let place = Place::new();
    {
        let mut manner = place.hub.manner();
        (manner.no_ranges, manner.cuts) = (true, vec![250_000]);
    }
    let models = place.open(place.options());
    assert!(here(&place.get(&models)));
    place.assert_whole(&models);

    let place = Place::new();
    {
        let mut manner = place.hub.manner();
        (manner.silent, manner.cuts) = (Some(Duration::from_secs(20)), vec![200_000]);
    }
    let start = Instant::now();
    let models = place.open(InstallOptions { read_timeout: Duration::from_millis(300), ..place.options() });
    assert!(here(&place.get(&models)));
    assert!(start.elapsed() < Duration::from_secs(15), "it did not wait for the silent one");
    place.assert_whole(&models);
}

#[test]
fn errors_that_pass_are_waited_out_and_others_told() {
    let place = Place::new();
    place.hub.manner().statuses = vec![503, 429, 500];
    let models = place.open(place.options());
    assert!(here(&place.get(&models)));

    for (statuses, word) in [(vec![503; 9], "503"), (vec![401], "HF_TOKEN"), (vec![404], "404")] {
        let place = Place::new();
        place.hub.manner().statuses = statuses;
        let models = place.open(InstallOptions { max_attempts: 3, ..place.options() });
        let reason = reason(place.get(&models));
        assert!(reason.contains(word) && !reason.contains('\n'), "{reason}");
        place.assert_nothing_listed(&models);
    }

    let place = Place::new();
    place.hub.manner().files.remove("tokenizer.json");
    let models = place.open(place.options());
    let reason = reason(place.get(&models));
    assert!(reason.contains("tokenizer.json") && reason.contains("google/"), "{reason}");
    place.assert_nothing_listed(&models);
    assert!(place.hub.asked_from().is_empty(), "nothing large is got of a model that lacks a file");
}

#[test]
fn content_that_is_not_what_the_hub_names_is_never_listed() {
    let place = Place::new();
    place.hub.manner().wrong_hash = true;
    let models = place.open(place.options());
    let told = reason(place.get(&models));
    assert!(told.contains("model.safetensors") && told.contains("SHA-256"), "{told}");
    place.assert_nothing_listed(&models);

    // once the hub is right again, so is the model
    place.hub.manner().wrong_hash = false;
    assert!(here(&place.get(&models)));
    place.assert_whole(&models);

    // a hash that the program knows is worth more than what a mirror says
    let pinned = "siglip-base-patch16-224";
    place.hub.requests();
    models.start(pinned).unwrap();
    let told = reason(models.wait(pinned, |_| {}).unwrap());
    assert!(told.contains("the program expects"), "{told}");
    assert!(place.hub.asked_from().is_empty());
}

#[test]
fn a_beginning_that_was_changed_is_got_again() {
    let place = Place::new();
    place.hub.manner().cuts = vec![200_000];
    let models = place.open(InstallOptions { max_attempts: 1, ..place.options() });
    let told = reason(place.get(&models));
    assert!(told.contains("connection was lost"), "{told}");
    let part = place.models().join(".partial").join(MODEL).join("model.safetensors.part");
    let mut bytes = fs::read(&part).unwrap();
    assert_eq!(bytes.len(), 200_000);
    bytes[1000] ^= 1;
    fs::write(&part, bytes).unwrap();
    assert!(here(&place.get(&models)));
    place.assert_whole(&models);
}

#[test]
fn pause_holds_resume_goes_on_cancel_drops() {
    let place = Place::new();
    place.hub.manner().slow = Some(Duration::from_millis(30));
    let models = place.open(place.options());
    let far = |progress: &vicinity_models::installed::DownloadProgress| progress.done > 100_000;
    models.start(MODEL).unwrap();
    let mut rates = Vec::new();
    let paused = models
        .wait(MODEL, |progress| {
            rates.extend((progress.per_second > 0.0).then_some(progress.seconds_left));
            if far(progress) && !rates.is_empty() {
                models.pause(MODEL);
            }
        })
        .unwrap();
    assert!(rates.iter().all(Option::is_some), "with a rate there is a time left");
    let InstallState::Paused(progress) = paused else { panic!("{paused:?}") };
    assert!(far(&progress) && progress.done < progress.total, "{progress:?}");
    place.assert_nothing_listed(&models);
    assert_eq!(place.open(place.options()).state(MODEL), Some(InstallState::Paused(progress)), "remembered");

    place.hub.requests();
    place.hub.manner().slow = None;
    models.resume(MODEL).unwrap();
    assert!(here(&models.wait(MODEL, |_| {}).unwrap()));
    assert!(place.hub.asked_from().iter().all(|from| *from > 90_000), "what had arrived is not asked for again");
    place.assert_whole(&models);

    models.remove(MODEL).unwrap();
    place.assert_nothing_listed(&models);
    place.hub.manner().slow = Some(Duration::from_millis(30));
    models.start(MODEL).unwrap();
    let cancelled = models.wait(MODEL, |progress| {
        if far(progress) {
            models.cancel(MODEL).unwrap();
        }
    });
    assert_eq!(cancelled, Some(InstallState::NotInstalled));
    assert!(!place.models().join(".partial").join(MODEL).exists());
}

#[test]
fn a_killed_process_is_gone_on_with() {
    let place = Place::new();
    place.hub.manner().slow = Some(Duration::from_millis(50));
    let mut child = place.command(&["download", MODEL]).spawn().unwrap();
    let part = place.models().join(".partial").join(MODEL).join("model.safetensors.part");
    let deadline = Instant::now() + Duration::from_secs(60);
    while fs::metadata(&part).map_or(0, |m| m.len()) < 150_000 {
        assert!(Instant::now() < deadline, "it never began");
        std::thread::sleep(Duration::from_millis(10));
    }
    let busy = place.run(&["download", MODEL]);
    assert!(busy.status.code() == Some(2) && stderr(&busy).contains("another window or command"), "{}", stderr(&busy));
    child.kill().unwrap();
    child.wait().unwrap();
    let listed = json_lines(&place.run(&["list", "--json"]));
    let line = listed.iter().find(|line| line["id"] == MODEL).unwrap();
    assert_eq!((&line["state"], &line["status"]), (&"partly here".into(), &"partial".into()));
    assert!(line["done"].as_u64().unwrap() >= 150_000);

    place.hub.requests();
    place.hub.manner().slow = None;
    let output = place.run(&["download", MODEL, "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(place.hub.asked_from().iter().all(|from| *from >= 150_000));
    let told = &json_lines(&output)[0];
    assert!(told["received"].as_u64().unwrap() < 500_000, "{told}");
    place.assert_whole(&place.open(place.options()));
}

#[test]
fn without_room_nothing_is_got() {
    let place = Place::new();
    let models = place.open(InstallOptions { free_space: |_| Ok(33_000_000), ..place.options() });
    let told = reason(place.get(&models));
    assert!(told.contains("34 MB are needed"), "{told}");
    assert!(place.hub.asked_from().is_empty());
    place.assert_nothing_listed(&models);
}

// Their cache consists of links, which need a privilege on Windows.
#[cfg(unix)]
#[test]
fn what_other_programs_have_got_is_taken_from_them() {
    let place = Place::new();
    let cache = place.path("hub");
    let repo = cache.join("models--google--siglip2-large-patch16-256");
    let (blobs, snapshot) = (repo.join("blobs"), repo.join("snapshots").join(COMMIT));
    fs::create_dir_all(&blobs).unwrap();
    fs::create_dir_all(&snapshot).unwrap();
    for (name, content) in files() {
        let hash = if name.ends_with(".safetensors") { sha256(&content) } else { git(&content) };
        fs::write(blobs.join(&hash), &content).unwrap();
        std::os::unix::fs::symlink(blobs.join(&hash), snapshot.join(&name)).unwrap();
    }
    let models = place.open(InstallOptions { hub_cache: Some(cache.clone()), ..place.options() });
    assert!(here(&place.get(&models)));
    place.assert_whole(&models);
    let asked = place.hub.requests();
    assert!(asked.len() == 1 && asked[0].method == "HEAD", "only what `main` is now was asked: {asked:?}");

    // a damaged cache is worth nothing
    models.remove(MODEL).unwrap();
    let weights = fs::canonicalize(snapshot.join("model.safetensors")).unwrap();
    fs::write(&weights, vec![0; WEIGHTS]).unwrap();
    assert!(here(&place.get(&models)));
    place.assert_whole(&models);
}

#[test]
fn verify_finds_a_flipped_byte_and_get_mends_it() {
    let place = Place::new();
    let models = place.open(place.options());
    assert!(here(&place.get(&models)));
    let sound = place.run(&["verify", "--json"]);
    assert!(sound.status.success());
    assert_eq!((&json_lines(&sound)[0]["id"], &json_lines(&sound)[0]["sound"]), (&MODEL.into(), &true.into()));

    let config = place.models().join(MODEL).join("config.json");
    let mut bytes = fs::read(&config).unwrap();
    bytes[3] ^= 0x20;
    fs::write(&config, bytes).unwrap();
    let damaged = place.run(&["verify", MODEL]);
    assert_eq!(damaged.status.code(), Some(2));
    assert!(stderr(&damaged).contains("config.json is damaged"), "{}", stderr(&damaged));
    let listed = place.run(&["list", "--json", "--installed"]);
    assert!(json_lines(&listed).iter().all(|line| line["id"] != MODEL), "a damaged model is not listed as here");

    place.hub.requests();
    assert!(place.run(&["download", MODEL]).status.success());
    assert!(place.hub.asked_from().is_empty(), "sound weights are kept");
    place.assert_whole(&place.open(place.options()));
    assert!(place.run(&["remove", MODEL]).status.success());
    assert_eq!(place.run(&["remove", MODEL]).status.code(), Some(2));
    assert!(!place.models().join(MODEL).exists());
}

#[test]
fn a_proxy_is_used_and_nobody_else_is_contacted() {
    let place = Place::new();
    let (proxy, trap) = (Hub::new(files()), Hub::new(files()));
    let mut command = place.command(&["download", MODEL]);
    command
        .env("HF_ENDPOINT", "http://hub.invalid")
        .env("HTTP_PROXY", &proxy.address)
        .env("http_proxy", &proxy.address);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(proxy.requests().iter().all(|r| r.target.starts_with("http://hub.invalid/") && r.authorization.is_none()));
    assert!(place.hub.requests().is_empty());

    // the loopback needs no proxy; everything that went elsewhere would end in the trap
    assert!(place.run(&["remove", MODEL]).status.success());
    let mut command = place.command(&["download", MODEL]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env(name, &trap.address);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!place.hub.requests().is_empty() && trap.requests().is_empty());
}

#[test]
fn commands_tell_in_one_line_what_is_wrong() {
    let place = Place::new();
    let listed = place.run(&["list", "--json", "--installed"]);
    assert!(listed.status.success());
    assert_eq!(json_lines(&listed)[0]["id"], "vicinity-starter");
    let all = json_lines(&place.run(&["list", "--json"]));
    let research = all.iter().filter(|line| line["terms"] != "open");
    assert!(research.map(|line| &line["choice"]).all(Value::is_null));
    for (arguments, word) in [
        (["download", "nonsense"], "unknown model nonsense"),
        (["remove", "vicinity-starter"], "built in"),
        (["remove", "../x"], "unknown model"),
        (["verify", MODEL], "not installed"),
        (["import", "/nowhere"], "no such file"),
    ] {
        let output = place.run(&arguments);
        let told = stderr(&output);
        assert_eq!((output.status.code(), told.lines().count()), (Some(2), 1), "{told}");
        assert!(told.contains(word), "{told}");
    }
    let output = place.command(&["download", MODEL]).env("HF_ENDPOINT", "ftp://x").output().unwrap();
    assert!(output.status.code() == Some(2) && stderr(&output).contains("ftp://x"), "{}", stderr(&output));
}

mod imports {
    use super::*;
    use std::io::{Cursor, Write};

    fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_gnu();
            // set by hand: the library refuses to write such paths
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            archive.append(&header, *content).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            let how = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
            archive.start_file(*name, how).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn entries<'a>(files: &'a BTreeMap<String, Vec<u8>>, names: &'a [String]) -> Vec<(&'a str, &'a [u8])> {
        names.iter().map(String::as_str).zip(files.values().map(Vec::as_slice)).collect()
    }

    #[test]
    fn folders_and_archives_become_models() {
        let place = Place::new();
        let files = files();
        let below: Vec<String> = files.keys().map(|name| format!("some-model/{name}")).collect();
        let packed = entries(&files, &below);
        let folder = place.folder("My Model");
        fs::write(folder.join("README.md"), "not wanted").unwrap();
        for (name, bytes) in [("a.zip", zip(&packed)), ("b.tar", tar(&packed)), ("c.tar.gz", gzip(&tar(&packed)))] {
            fs::write(place.path(name), bytes).unwrap();
        }
        let models = place.open(place.options());
        for (file, id) in [("My Model", "my-model"), ("a.zip", "a"), ("b.tar", "b"), ("c.tar.gz", "c")] {
            let manifest = models.import(&place.path(file), None).unwrap();
            assert_eq!((manifest.id.as_str(), manifest.files.len(), manifest.terms), (id, 4, None));
            let dir = models.find(id).unwrap().0;
            files.iter().for_each(|(name, content)| assert_eq!(&fs::read(dir.join(name)).unwrap(), content));
            assert!(models.status().iter().any(|status| status.id == id && here(&status.state)));
            assert_eq!(models.verify(id, |_| {}).unwrap(), Vec::<String>::new());
        }
        let revisions: Vec<String> = models.store().all().into_iter().map(|m| m.revision).collect();
        assert!(revisions.windows(2).all(|two| two[0] == two[1]), "the same weights are the same space");
        assert!(place.hub.requests().is_empty(), "an import needs no network");
        let again = models.import(&folder, None).unwrap_err().to_string();
        assert!(again.contains("already installed"), "{again}");
        let other = models.import(&folder, Some("siglip-base-patch16-224")).unwrap_err().to_string();
        assert!(other.contains("differs from that of"), "weights of another model do not get its name: {other}");
        models.remove("b").unwrap();
        assert!(models.state("b").is_none());
    }

    #[test]
    fn long_names_in_archives_are_read() {
        let place = Place::new();
        let files = files();
        let folder = "long-".repeat(30);
        let mut gnu = tar::Builder::new(Vec::new());
        let mut posix = tar::Builder::new(Vec::new());
        for (name, content) in &files {
            let path = format!("{folder}/{name}");
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            gnu.append_data(&mut header, &path, content.as_slice()).unwrap();
            posix.append_pax_extensions([("mtime", b"1.5".as_slice()), ("path", path.as_bytes())]).unwrap();
            header.set_path("cut-off").unwrap();
            header.set_cksum();
            posix.append(&header, content.as_slice()).unwrap();
        }
        let models = place.open(place.options());
        for (id, archive) in [("gnu", gnu), ("posix", posix)] {
            fs::write(place.path("archive.tar"), archive.into_inner().unwrap()).unwrap();
            let manifest = models.import(&place.path("archive.tar"), Some(id)).unwrap();
            assert_eq!(manifest.files.len(), files.len());
        }
    }

    #[test]
    fn archives_that_try_to_escape_or_to_fill_the_disk_are_refused() {
        let place = Place::new();
        let files = files();
        let names: Vec<String> = files.keys().cloned().collect();
        let whole = entries(&files, &names);
        let with = |name: &'static str| {
            let mut entries = whole.clone();
            entries.push((name, b"{}"));
            entries
        };
        let mut archives = Vec::new();
        for bad in ["../../outside.json", "/tmp/outside.json", "a/../../../outside.json", "..\\outside.json"] {
            archives.push((zip(&with(bad)), "outside it"));
            archives.push((tar(&with(bad)), "outside it"));
            archives.push((gzip(&tar(&with(bad))), "outside it"));
        }
        let mut linked = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        linked.append_link(&mut header, "config.json", "/etc/passwd").unwrap();
        archives.push((linked.into_inner().unwrap(), "link"));
        let bomb = vec![0; 100 << 20];
        let mut large: Vec<_> = whole.iter().filter(|(name, _)| name.ends_with(".json")).copied().collect();
        large.push(("model.safetensors", &bomb));
        archives.push((zip(&large), "more than a model can"));
        archives.push((gzip(&tar(&large)), ""));
        let mut named = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_size(bomb.len() as u64);
        header.set_cksum();
        named.append(&header, bomb.as_slice()).unwrap();
        archives.push((gzip(&named.into_inner().unwrap()), "too long"));
        let many: Vec<String> = (0..12_000).map(|at| format!("{at}.txt")).collect();
        archives.push((zip(&many.iter().map(|name| (name.as_str(), &b""[..])).collect::<Vec<_>>()), "too many files"));
        archives.push((b"neither this nor that".to_vec(), ""));
        archives.push((zip(&whole[2..]), "contains no model"));

        let models = place.open(place.options());
        let before = listing(place.dir.path());
        for (at, (bytes, word)) in archives.iter().enumerate() {
            let path = place.path("archive");
            fs::write(&path, bytes).unwrap();
            let told = models.import(&path, Some("hostile")).unwrap_err().to_string();
            assert!(told.contains(word), "{at}: {told}");
            fs::remove_file(path).unwrap();
        }
        assert_eq!(models.store().all(), []);
        let after: Vec<_> =
            listing(place.dir.path()).into_iter().filter(|p| !p.to_string_lossy().ends_with("lock")).collect();
        let left: Vec<_> = after.iter().filter(|path| path.is_file() && !before.contains(path)).collect();
        assert_eq!(left, Vec::<&PathBuf>::new(), "nothing is left over, inside or outside");
        assert!(!Path::new("/tmp/outside.json").exists());
    }

    fn listing(dir: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(dir).unwrap().flatten() {
            found.push(entry.path());
            if entry.path().is_dir() {
                found.extend(listing(&entry.path()));
            }
        }
        found
    }
}
