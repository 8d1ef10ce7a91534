//! NVIDIA's libraries, opened when a card is looked for and not when the program starts: a program that is built with CUDA starts on
//! every computer and says what is missing.
//!
//! candle is made to be linked with them. What it calls (by cudarc) is defined here instead, each function a jump to the library's own
//! one, whose address is looked up when the library is opened. Until then, and where the installed version has no such function, it
//! returns an error. A function that is missing here is an undefined symbol when the program is linked (`scripts/check-cuda`).

use std::error::Error as _;
use std::ffi::CStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use candle_core::cuda_backend::cudarc::driver::sys::CUDA_VERSION;

/// A function of a library.
struct Function {
    name: &'static CStr,
    address: &'static AtomicPtr<()>,
    /// What callers are linked with. Not read; naming it here links this file's functions before any other library's.
    #[allow(dead_code)]
    entry: unsafe extern "C" fn(),
}

/// Jumps to an address that is stored. All registers and the stack are the function's own.
#[cfg(target_arch = "x86_64")]
macro_rules! jump {
    ($address:path) => {
        core::arch::naked_asm!("jmp qword ptr [rip + {address}]", address = sym $address)
    };
}
/// As above.
#[cfg(target_arch = "aarch64")]
macro_rules! jump {
    ($address:path) => {
        core::arch::naked_asm!(
            "adrp x16, {address}",
            "ldr x16, [x16, :lo12:{address}]",
            "br x16",
            address = sym $address
        )
    };
}

/// The functions of one library, and the error that they return while it is not open.
macro_rules! library {
    ($library:ident, $error:literal: $($function:ident)*) => {
        mod $library {
            use super::{AtomicPtr, Function};

            extern "C" fn not_open() -> i32 {
                $error
            }

            #[allow(non_upper_case_globals)]
            mod address {
                use super::{AtomicPtr, not_open};

                $(pub static $function: AtomicPtr<()> = AtomicPtr::new(not_open as *mut ());)*
            }

            $(
                #[allow(non_snake_case)]
                #[unsafe(naked)]
                #[unsafe(no_mangle)]
                unsafe extern "C" fn $function() {
                    jump!(address::$function)
                }
            )*

            pub static FUNCTIONS: &[Function] = &[$(
                Function {
                    // Safe: the text ends with the only zero.
                    name: match core::ffi::CStr::from_bytes_with_nul(concat!(stringify!($function), "\0").as_bytes()) {
                        Ok(name) => name,
                        Err(_) => unreachable!(),
                    },
                    address: &address::$function,
                    entry: $function,
                },
            )*];
        }
    };
}

// CUDA_ERROR_NO_DEVICE
library! { driver, 100:
    cuCtxCreate_v3 cuCtxCreate_v4 cuCtxDestroy_v2 cuCtxGetCacheConfig cuCtxGetCurrent cuCtxGetLimit
    cuCtxGetStreamPriorityRange cuCtxSetCacheConfig cuCtxSetCurrent cuCtxSetFlags cuCtxSetLimit cuCtxSynchronize
    cuDestroyExternalMemory cuDeviceGet cuDeviceGetAttribute cuDeviceGetCount cuDeviceGetDefaultMemPool
    cuDeviceGetMemPool cuDeviceGetName cuDeviceGetUuid cuDeviceGetUuid_v2 cuDevicePrimaryCtxRelease_v2
    cuDevicePrimaryCtxRetain cuDeviceSetMemPool cuDeviceTotalMem_v2 cuDriverGetVersion cuEventCreate cuEventDestroy_v2
    cuEventElapsedTime cuEventElapsedTime_v2 cuEventQuery cuEventRecord cuEventSynchronize
    cuExternalMemoryGetMappedBuffer cuFuncGetAttribute cuFuncSetAttribute cuFuncSetCacheConfig cuGetErrorName
    cuGetErrorString cuGraphClone cuGraphDestroy cuGraphExecDestroy cuGraphInstantiateWithFlags cuGraphLaunch
    cuGraphUpload cuImportExternalMemory cuInit cuLaunchCooperativeKernel cuLaunchHostFunc cuLaunchKernel
    cuMemAdvise_v2 cuMemAllocAsync cuMemAllocFromPoolAsync cuMemAllocManaged cuMemAlloc_v2 cuMemFreeAsync
    cuMemFreeHost cuMemFree_v2 cuMemGetInfo_v2 cuMemHostAlloc cuMemPoolCreate cuMemPoolDestroy cuMemPoolGetAttribute
    cuMemPoolSetAttribute cuMemPoolTrimTo cuMemPrefetchAsync_v2 cuMemcpyDtoDAsync_v2 cuMemcpyDtoD_v2
    cuMemcpyDtoHAsync_v2 cuMemcpyDtoH_v2 cuMemcpyHtoDAsync_v2 cuMemcpyHtoD_v2 cuMemcpyPeerAsync cuMemsetD8Async
    cuMemsetD8_v2 cuModuleGetFunction cuModuleGetGlobal_v2 cuModuleLoad cuModuleLoadData cuModuleUnload
    cuOccupancyAvailableDynamicSMemPerBlock cuOccupancyMaxActiveBlocksPerMultiprocessor
    cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags cuOccupancyMaxActiveClusters cuOccupancyMaxPotentialBlockSize
    cuOccupancyMaxPotentialBlockSizeWithFlags cuOccupancyMaxPotentialClusterSize cuProfilerStart cuProfilerStop
    cuStreamAttachMemAsync cuStreamBeginCapture_v2 cuStreamCreate cuStreamCreateWithPriority cuStreamDestroy_v2
    cuStreamEndCapture cuStreamIsCapturing cuStreamSynchronize cuStreamWaitEvent
}

// CUBLAS_STATUS_NOT_INITIALIZED
library! { cublas, 1:
    cublasCreate_v2 cublasDasum_v2 cublasDestroy_v2 cublasDgemmStridedBatched cublasDgemm_v2 cublasDgemv_v2
    cublasGemmEx cublasGemmGroupedBatchedEx cublasGemmStridedBatchedEx cublasGetPointerMode_v2 cublasSasum_v2
    cublasSetPointerMode_v2 cublasSetStream_v2 cublasSgemmStridedBatched cublasSgemm_v2 cublasSgemv_v2
}

// CURAND_STATUS_NOT_INITIALIZED
library! { curand, 101:
    curandCreateGenerator curandDestroyGenerator curandGenerate curandGenerateLogNormal curandGenerateLogNormalDouble
    curandGenerateLongLong curandGenerateNormal curandGenerateNormalDouble curandGeneratePoisson curandGenerateUniform
    curandGenerateUniformDouble curandSetGeneratorOffset curandSetPseudoRandomGeneratorSeed curandSetStream
}

/// Opens the driver's library, once.
///
/// # Errors
/// When there is none: a sentence without a capital.
pub fn open_driver() -> Result<(), &'static str> {
    static OPENED: OnceLock<bool> = OnceLock::new();
    let files = ["libcuda.so.1", "nvcuda.dll"];
    let opened = *OPENED.get_or_init(|| {
        open(&files, driver::FUNCTIONS).inspect_err(|error| log::debug!("the NVIDIA driver: {error}")).is_ok()
    });
    if opened { Ok(()) } else { Err("no NVIDIA driver was found") }
}

/// Opens the libraries that compute, once.
///
/// # Errors
/// When one is missing: a sentence that names it.
pub fn open_libraries() -> Result<(), String> {
    static OPENED: OnceLock<Result<(), String>> = OnceLock::new();
    let all = || {
        // Of the version whose declarations the program was compiled with.
        let major = CUDA_VERSION / 1000;
        let blas = [format!("libcublas.so.{major}"), format!("cublas64_{major}.dll")];
        let rand = ["libcurand.so.10".to_owned(), "curand64_10.dll".to_owned()];
        for (title, files, functions) in [("cuBLAS", blas, cublas::FUNCTIONS), ("cuRAND", rand, curand::FUNCTIONS)] {
            open(&files, functions).map_err(|error| format!("{title} of CUDA {major} cannot be opened: {error}"))?;
        }
        Ok(())
    };
    OPENED.get_or_init(all).clone()
}

/// Opens a library by its name on one system or another. The error is that of the first name, in the system's own words.
fn open(files: &[impl AsRef<str>; 2], functions: &[Function]) -> Result<(), String> {
    // SAFETY: NVIDIA's libraries may be opened by any thread.
    let named = |file: usize| unsafe { libloading::Library::new(files[file].as_ref()) };
    let library = named(0)
        .or_else(|error| named(1).map_err(|_| error.source().map_or_else(|| error.to_string(), ToString::to_string)))?;
    for function in functions {
        // SAFETY: only an address is read here; callers have the library's own declarations, from cudarc.
        if let Ok(found) = unsafe { library.get::<unsafe extern "C" fn()>(function.name.to_bytes_with_nul()) } {
            function.address.store(*found as *mut (), Ordering::Release);
        }
    }
    // It stays open, as the addresses do.
    std::mem::forget(library);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_a_library_that_is_not_open_returns_an_error_and_one_that_is_open_is_reached() {
        // Any library will do.
        unsafe extern "C" fn entry() {}
        static ADDRESS: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());
        let strlen = [Function { name: c"strlen", address: &ADDRESS, entry }];
        assert!(open(&["libnothing.so.0", "nothing.dll"], &strlen).is_err());
        assert!(ADDRESS.load(Ordering::Acquire).is_null());
        open(&["libc.so.6", "msvcrt.dll"], &strlen).expect("every system has it");
        // SAFETY: this is strlen's type.
        let found: unsafe extern "C" fn(*const std::ffi::c_char) -> usize =
            unsafe { std::mem::transmute(ADDRESS.load(Ordering::Acquire)) };
        // SAFETY: a text that ends with a zero.
        assert_eq!(unsafe { found(c"seven 7".as_ptr()) }, 7);
        if open_driver().is_err() {
            unsafe extern "C" {
                fn cuInit(flags: u32) -> i32;
            }
            // SAFETY: the driver's declaration.
            assert_eq!(unsafe { cuInit(0) }, 100, "no device");
        }
    }
}
