//! Only for the feature `cuda`: what a program with candle's kernels is linked with.
//!
//! The CUDA runtime is taken in its static form. The names of the other libraries lead to empty ones: `src/local/cuda_libraries.rs` has their
//! functions. So building needs nvcc and the runtime only, and the program starts on a computer that has no library of NVIDIA's.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

const VARIABLES: [&str; 4] = ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR"];
const COMMON: [&str; 3] = ["/usr/local/cuda", "/opt/cuda", "/usr/lib/cuda"];
const FOLDERS: [&str; 5] = ["lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib", "lib/x64"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return;
    }
    for variable in VARIABLES.iter().chain(&["NVCC", "PATH"]) {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let folders: Vec<PathBuf> = toolkits().iter().flat_map(|root| FOLDERS.map(|folder| root.join(folder))).collect();
    let windows = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "windows");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let (fixed, asked) =
        if windows { ("cudart_static.lib", "cudart.lib") } else { ("libcudart_static.a", "libcudart.a") };
    if let Some(library) = folders.iter().map(|folder| folder.join(fixed)).find(|file| file.is_file()) {
        fs::copy(library, out.join(asked)).expect("the build folder can be written");
    }
    if !windows {
        for name in ["cuda", "cublas", "cublasLt", "curand", "nvrtc"] {
            fs::write(out.join(format!("lib{name}.a")), "!<arch>\n").expect("the build folder can be written");
        }
    }
    // First in the linker's search.
    println!("cargo::rustc-link-search=native={}", out.display());
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        println!("cargo::rustc-link-search=native={}", folder.display());
    }
}

/// Where CUDA may be installed: where the environment says, where nvcc is, and the usual places.
fn toolkits() -> Vec<PathBuf> {
    let named = VARIABLES.iter().filter_map(env::var_os).map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let names = ["nvcc", "nvcc.exe"];
    let compilers = env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    let compilers = env::var_os("NVCC").map(PathBuf::from).into_iter().chain(compilers);
    let found = compilers.filter_map(|file| Some(fs::canonicalize(file).ok()?.parent()?.parent()?.to_owned()));
    named.chain(found).chain(COMMON.map(|path| Path::new(path).to_owned())).collect()
}
