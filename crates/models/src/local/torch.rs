//! Weights as `torch.save` writes them: a zip of a pickle, which says what tensors there are, and of their numbers.
//!
//! A pickle is a program. This one is run on a machine of its own that can make lists, dictionaries and texts and
//! nothing else, with limits on its length and on what it makes; calls are noted and never made. `candle_core::pickle`
//! reads the same files, but copies whatever a pickle remembers as often as it is asked to, follows any depth, and
//! allocates what a tensor claims to have.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

use memmap2::Mmap;
use safetensors::Dtype;
use zip::{CompressionMethod, ZipArchive};

/// Bytes of a pickle; one of 10,000 tensors has 2 MB.
const PICKLE: u64 = 16 << 20;
/// Objects that a pickle may make; one of 10,000 tensors makes 400,000.
const OBJECTS: usize = 2_000_000;
/// Files in the archive: one a tensor, and a few more.
const ENTRIES: u64 = 100_000;
/// Bytes of the archive's list of files, for each of them.
const ENTRY: u64 = 512;
/// Sides of a tensor.
const RANK: usize = 8;
/// Tensors may share their numbers, so together they may be larger than the file; more than twice is made up.
const SHARED: usize = 2;

/// Makes a safetensors file in memory. What is no floating point number (counters) is left out.
///
/// # Errors
/// A part of a sentence.
pub(super) fn convert(file: &File, map: &Mmap) -> Result<Vec<u8>, String> {
    small_directory(file, ENTRIES)?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|e| e.to_string())?;
    let (dir, pickle) = pickle(&mut zip)?;
    let mut storages = Storages { zip: &mut zip, dir, map, known: HashMap::new() };
    let mut left = map.len().saturating_mul(SHARED);
    let mut tensors = BTreeMap::new();
    let machine = Machine::run(&pickle)?;
    for (name, tensor) in machine.tensors() {
        let view = storages.view(tensor).map_err(|reason| format!("tensor {name} {reason}"))?;
        left = left.checked_sub(view.bytes).ok_or("its tensors are larger than the file")?;
        tensors.insert(name, view);
    }
    if tensors.is_empty() {
        return Err("it contains no named tensors".to_owned());
    }
    safetensors::serialize(tensors, None).map_err(|e| e.to_string())
}

/// Refuses a zip whose list of files is larger than `most` files need, before it is read into memory.
///
/// # Errors
/// A part of a sentence.
pub fn small_directory(mut file: &File, most: u64) -> Result<(), String> {
    /// Where the list is: its end record, with a comment of up to 64 KiB behind it.
    const END: usize = 22;
    const TAIL: u64 = (END + 0xFFFF) as u64;
    const LOCATOR: usize = 20;
    let failed = |e: std::io::Error| e.to_string();
    let len = file.seek(SeekFrom::End(0)).map_err(failed)?;
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL + LOCATOR as u64))).map_err(failed)?;
    let mut tail = Vec::new();
    file.take(TAIL + LOCATOR as u64).read_to_end(&mut tail).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let ends = (0..tail.len().saturating_sub(END - 1)).rev().filter(|at| tail[*at..].starts_with(b"PK\x05\x06"));
    let number = |at: usize, bytes: usize| {
        let field = tail.get(at..at + bytes).unwrap_or_default();
        field.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let small = |files: u64, bytes: u64| files <= most && bytes <= most.saturating_mul(ENTRY);
    // a reader may take any of them for the end
    for at in ends {
        let (mut files, mut bytes) = (number(at + 10, 2), number(at + 12, 4));
        if at >= LOCATOR && tail[at - LOCATOR..].starts_with(b"PK\x06\x07") {
            let mut record = [0; 56];
            let place = number(at - LOCATOR + 8, 8);
            file.seek(SeekFrom::Start(place)).map_err(failed)?;
            file.read_exact(&mut record).map_err(failed)?;
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            let wide = |at: usize| record[at..at + 8].iter().rev().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
            files = files.min(0xFFFE).max(wide(32));
            bytes = if bytes == 0xFFFF_FFFF { wide(40) } else { bytes.max(wide(40)) };
        }
        if !small(files, bytes) {
            return Err("it contains too many files".to_owned());
        }
    }
    Ok(())
}

/// The pickle, and the folder in the archive that it is in.
fn pickle(zip: &mut ZipArchive<BufReader<&File>>) -> Result<(String, Vec<u8>), String> {
    let names: Vec<String> = zip.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
    let mut pickles = names.iter().filter_map(|name| Some((name, name.strip_suffix("data.pkl")?)));
    let (Some((name, dir)), None) = (pickles.next(), pickles.next()) else {
        return Err("it does not contain exactly one data.pkl".to_owned());
    };
    let entry = zip.by_name(name).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    entry.take(PICKLE + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > PICKLE {
        return Err("its data.pkl is too large for a model".to_owned());
    }
    Ok((dir.to_owned(), bytes))
}

/// Something that a pickle made; others are named by their number.
#[derive(Debug)]
enum Object {
    Class(String),
    Int(i64),
    Text(String),
    Tuple(Vec<u32>),
    Dict(Vec<(u32, u32)>),
    Call(u32, u32),
    /// What the archive holds beside the pickle.
    Stored(u32),
    /// Of no use for tensors.
    Other,
}

/// A tensor as the pickle describes it.
#[derive(Debug, PartialEq)]
struct Tensor<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
    key: &'a str,
}

/// Runs a pickle. Objects stay until the end, so that nothing is freed in depth.
#[derive(Default)]
struct Machine {
    objects: Vec<Object>,
    stack: Vec<u32>,
    marks: Vec<usize>,
    memo: HashMap<u32, u32>,
}

/// The bytes of a pickle that are still to come.
struct Code<'a>(&'a [u8]);

impl<'a> Code<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], String> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or("its data.pkl is truncated")?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A number, the low byte first.
    fn number(&mut self, len: usize) -> Result<u32, String> {
        Ok(self.bytes(len)?.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let end = self.0.iter().position(|byte| *byte == b'\n').ok_or("its data.pkl is truncated")?;
        let line = self.bytes(end + 1)?;
        std::str::from_utf8(&line[..end]).map_err(|_| "its data.pkl names a class that is not a text".to_owned())
    }
}

impl Machine {
    fn run(pickle: &[u8]) -> Result<Self, String> {
        let (mut machine, mut code) = (Self::default(), Code(pickle));
        while machine.step(&mut code)? {
            if machine.objects.len().max(machine.stack.len()).max(machine.marks.len()) > OBJECTS {
                return Err("its data.pkl creates more objects than any model needs".to_owned());
            }
        }
        Ok(machine)
    }

    /// One instruction, named as in Python's `pickletools`; whether there are more.
    fn step(&mut self, code: &mut Code<'_>) -> Result<bool, String> {
        match code.number(1)? as u8 {
            b'.' => return Ok(false),   // STOP
            0x80 => _ = code.bytes(1)?, // PROTO
            b'c' => {
                // GLOBAL
                let name = format!("{}.{}", code.line()?, code.line()?);
                self.push(Object::Class(name));
            }
            b'K' => self.int(code, 1)?, // BININT1
            b'M' => self.int(code, 2)?, // BININT2
            b'J' => {
                // BININT
                let number = code.number(4)?.cast_signed();
                self.push(Object::Int(number.into()));
            }
            0x8a => {
                // LONG1
                let len = code.number(1)? as usize;
                self.long(code.bytes(len)?);
            }
            b'X' => {
                // BINUNICODE
                let len = code.number(4)? as usize;
                let text = std::str::from_utf8(code.bytes(len)?).map_err(|e| e.to_string())?;
                self.push(Object::Text(text.to_owned()));
            }
            b'G' => {
                // BINFLOAT
                code.bytes(8)?;
                self.push(Object::Other);
            }
            b'N' | 0x88 | 0x89 | b']' => self.push(Object::Other), // NONE NEWTRUE NEWFALSE EMPTY_LIST
            b'}' => self.push(Object::Dict(Vec::new())),           // EMPTY_DICT
            b')' => self.push(Object::Tuple(Vec::new())),          // EMPTY_TUPLE
            b'(' => self.marks.push(self.stack.len()),             // MARK
            b't' => {
                // TUPLE
                let parts = self.since_mark()?;
                self.push(Object::Tuple(parts));
            }
            count @ 0x85..=0x87 => self.tuple(usize::from(count - 0x84))?, // TUPLE1 TUPLE2 TUPLE3
            b'a' => _ = self.pop()?,                                       // APPEND
            b'e' => _ = self.since_mark()?,                                // APPENDS
            b's' => {
                // SETITEM
                let (value, key) = (self.pop()?, self.pop()?);
                self.extend(&[key, value])?;
            }
            b'u' => {
                // SETITEMS
                let pairs = self.since_mark()?;
                self.extend(&pairs)?;
            }
            b'd' => {
                // DICT
                let pairs = self.since_mark()?;
                self.push(Object::Dict(Vec::new()));
                self.extend(&pairs)?;
            }
            b'R' | 0x81 => self.call()?, // REDUCE NEWOBJ
            b'b' => self.build()?,       // BUILD
            b'Q' => {
                // BINPERSID
                let id = self.pop()?;
                self.push(Object::Stored(id));
            }
            b'q' => self.remember(code, 1)?, // BINPUT
            b'r' => self.remember(code, 4)?, // LONG_BINPUT
            b'h' => self.recall(code, 1)?,   // BINGET
            b'j' => self.recall(code, 4)?,   // LONG_BINGET
            other => return Err(format!("its data.pkl contains the instruction {other}, which weights do not need")),
        }
        Ok(true)
    }

    fn push(&mut self, object: Object) {
        self.stack.push(self.objects.len() as u32);
        self.objects.push(object);
    }

    fn pop(&mut self) -> Result<u32, String> {
        let floor = self.marks.last().copied().unwrap_or_default();
        let top = if self.stack.len() > floor { self.stack.pop() } else { None };
        top.ok_or_else(damaged)
    }

    fn since_mark(&mut self) -> Result<Vec<u32>, String> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len());
        Ok(self.stack.split_off(mark.ok_or_else(damaged)?))
    }

    fn int(&mut self, code: &mut Code<'_>, bytes: usize) -> Result<(), String> {
        let number = code.number(bytes)?;
        self.push(Object::Int(number.into()));
        Ok(())
    }

    fn long(&mut self, bytes: &[u8]) {
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let number =
            bytes.iter().rev().fold(if negative { -1 } else { 0 }, |number: i64, byte| number << 8 | i64::from(*byte));
        self.push(if bytes.len() <= 8 { Object::Int(number) } else { Object::Other });
    }

    fn tuple(&mut self, count: usize) -> Result<(), String> {
        let mut parts = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        parts.reverse();
        self.push(Object::Tuple(parts));
        Ok(())
    }

    /// Keys and values for the dictionary on top.
    fn extend(&mut self, pairs: &[u32]) -> Result<(), String> {
        let top = self.stack.last().and_then(|top| self.objects.get_mut(*top as usize));
        match (top, pairs.as_chunks()) {
            (Some(Object::Dict(dict)), (pairs, [])) => dict.extend(pairs.iter().map(|[key, value]| (*key, *value))),
            // something else that takes keys
            (Some(Object::Call(..)), _) => {}
            _ => return Err(damaged()),
        }
        Ok(())
    }

    fn call(&mut self) -> Result<(), String> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let dict = matches!(self.class(callable), Some("collections.OrderedDict" | "collections.defaultdict"));
        self.push(if dict { Object::Dict(Vec::new()) } else { Object::Call(callable, arguments) });
        Ok(())
    }

    /// Gives an object its state, which is of no use except where the object is a compiled module.
    fn build(&mut self) -> Result<(), String> {
        let (state, object) = (self.pop()?, self.pop()?);
        let module = matches!(self.objects.get(object as usize),
            Some(Object::Call(class, _)) if self.class(*class) == Some("__torch__.Module"));
        self.stack.push(if module { state } else { object });
        Ok(())
    }

    fn remember(&mut self, code: &mut Code<'_>, bytes: usize) -> Result<(), String> {
        let place = code.number(bytes)?;
        self.memo.insert(place, *self.stack.last().ok_or_else(damaged)?);
        Ok(())
    }

    fn recall(&mut self, code: &mut Code<'_>, bytes: usize) -> Result<(), String> {
        let place = code.number(bytes)?;
        self.stack.push(*self.memo.get(&place).ok_or_else(damaged)?);
        Ok(())
    }

    fn object(&self, at: u32) -> &Object {
        self.objects.get(at as usize).unwrap_or(&Object::Other)
    }

    fn class(&self, at: u32) -> Option<&str> {
        if let Object::Class(name) = self.object(at) { Some(name) } else { None }
    }

    fn tuple_at(&self, at: u32) -> Option<&[u32]> {
        if let Object::Tuple(parts) = self.object(at) { Some(parts) } else { None }
    }

    fn text(&self, at: u32) -> Option<&str> {
        if let Object::Text(text) = self.object(at) { Some(text) } else { None }
    }

    fn size(&self, at: u32) -> Option<usize> {
        if let Object::Int(number) = self.object(at) { usize::try_from(*number).ok() } else { None }
    }

    fn sizes(&self, at: u32) -> Option<Vec<usize>> {
        let parts = self.tuple_at(at).filter(|parts| parts.len() <= RANK)?;
        parts.iter().map(|part| self.size(*part)).collect()
    }

    /// The tensors of floating point numbers in the dictionary that the pickle ends with.
    fn tensors(&self) -> impl Iterator<Item = (&str, Tensor<'_>)> {
        let top = self.stack.last().map(|top| self.object(*top));
        let entries = if let Some(Object::Dict(entries)) = top { entries.as_slice() } else { &[] };
        entries.iter().filter_map(|(name, value)| Some((self.text(*name)?, self.tensor(*value)?)))
    }

    fn tensor(&self, at: u32) -> Option<Tensor<'_>> {
        let Object::Call(mut callable, mut arguments) = *self.object(at) else { return None };
        match self.class(callable)? {
            // function, type, arguments, state
            "torch._tensor._rebuild_from_type_v2" => match self.tuple_at(arguments)? {
                [function, _, inner, ..] => (callable, arguments) = (*function, *inner),
                _ => return None,
            },
            // tensor, requires_grad, hooks
            "torch._utils._rebuild_parameter" => match self.object(*self.tuple_at(arguments)?.first()?) {
                Object::Call(function, inner) => (callable, arguments) = (*function, *inner),
                _ => return None,
            },
            _ => {}
        }
        if self.class(callable)? != "torch._utils._rebuild_tensor_v2" {
            return None;
        }
        let [storage, offset, shape, strides, ..] = *self.tuple_at(arguments)? else { return None };
        let Object::Stored(storage) = *self.object(storage) else { return None };
        let [_, class, key, ..] = *self.tuple_at(storage)? else { return None };
        let dtype = match self.class(class)?.rsplit('.').next()? {
            "FloatStorage" => Dtype::F32,
            "DoubleStorage" => Dtype::F64,
            "HalfStorage" => Dtype::F16,
            "BFloat16Storage" => Dtype::BF16,
            _ => return None,
        };
        let (shape, strides, offset) = (self.sizes(shape)?, self.sizes(strides)?, self.size(offset)?);
        Some(Tensor { dtype, shape, strides, offset, key: self.text(key)? })
    }
}

fn damaged() -> String {
    "its data.pkl is damaged".to_owned()
}

/// The numbers of tensors, in a map of the archive.
struct Storages<'a> {
    zip: &'a mut ZipArchive<BufReader<&'a File>>,
    dir: String,
    map: &'a Mmap,
    known: HashMap<String, Range<usize>>,
}

/// A tensor and where its numbers are.
struct View<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    strides: Vec<usize>,
    /// Its storage, from its first number on.
    numbers: &'a [u8],
    bytes: usize,
}

impl<'a> Storages<'a> {
    /// Checks that all numbers of a tensor are there.
    fn view(&mut self, tensor: Tensor<'_>) -> Result<View<'a>, String> {
        let Tensor { dtype, shape, strides, offset, key } = tensor;
        let size = dtype.bitsize() / 8;
        let storage = self.map.get(self.storage(key)?).unwrap_or_default();
        let claimed = || "refers to numbers that do not exist".to_owned();
        let bytes = shape.iter().try_fold(size, |n, side| n.checked_mul(*side)).ok_or_else(claimed)?;
        let numbers = offset.checked_mul(size).and_then(|start| storage.get(start..)).ok_or_else(claimed)?;
        let last = shape
            .iter()
            .zip(&strides)
            .try_fold(0_usize, |last, (side, stride)| last.checked_add(side.saturating_sub(1).checked_mul(*stride)?));
        let end = last.and_then(|last| last.checked_add(1)?.checked_mul(size)).ok_or_else(claimed)?;
        if shape.len() != strides.len() || bytes > 0 && end > numbers.len() {
            return Err(claimed());
        }
        Ok(View { dtype, shape, strides, numbers, bytes })
    }

    fn storage(&mut self, key: &str) -> Result<Range<usize>, String> {
        if let Some(known) = self.known.get(key) {
            return Ok(known.clone());
        }
        let entry = self.zip.by_name(&format!("{}data/{key}", self.dir)).map_err(|e| e.to_string())?;
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            return Err("is packed, which PyTorch never does".to_owned());
        }
        let start = entry.data_start().ok_or("cannot be found in the archive")?;
        let range = usize::try_from(start).ok().zip(usize::try_from(start.saturating_add(entry.size())).ok());
        let range = range.map(|(start, end)| start..end).filter(|range| range.end <= self.map.len());
        let range = range.ok_or("is outside the archive")?;
        self.known.insert(key.to_owned(), range.clone());
        Ok(range)
    }
}

impl View<'_> {
    fn size(&self) -> usize {
        self.dtype.bitsize() / 8
    }

    fn is_contiguous(&self) -> bool {
        let mut wanted = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(side, stride)| {
            let fits = *side == 1 || *stride == wanted;
            wanted *= side;
            fits
        })
    }

    /// The numbers in the order of the sides.
    fn gathered(&self) -> Vec<u8> {
        let (size, mut out) = (self.size(), Vec::with_capacity(self.bytes));
        let mut place = vec![0; self.shape.len()];
        for _ in 0..self.bytes / size {
            let at: usize = place.iter().zip(&self.strides).map(|(place, stride)| place * stride).sum();
            out.extend_from_slice(&self.numbers[at * size..(at + 1) * size]);
            for (place, side) in place.iter_mut().zip(&self.shape).rev() {
                *place += 1;
                if *place < *side {
                    break;
                }
                *place = 0;
            }
        }
        out
    }
}

impl safetensors::View for View<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self.numbers.get(..self.bytes).filter(|_| self.is_contiguous()) {
            Some(bytes) => bytes.into(),
            None => self.gathered().into(),
        }
    }

    fn data_len(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_noted_and_cycles_and_depth_cost_nothing() {
        let run = |pickle: &[u8]| Machine::run(pickle).map(|machine| machine.tensors().count());
        assert_eq!(run(b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R."), Ok(0));
        assert_eq!(run(&[&[b'}', b'q', 0][..], &b"X\x01\0\0\0a"[..], &[b'h', 0, b's', b'.']].concat()), Ok(0));
        let deep = [&b")"[..], &vec![0x85; 1_000_000], b"."].concat();
        assert_eq!(run(&deep), Ok(0));
        // what is remembered twice as long each time
        let bomb = [&b"Nq\0"[..], &[b'h', 0, b'h', 0, 0x86, b'q', 0].repeat(64), b"."].concat();
        assert_eq!(run(&bomb), Ok(0));
    }

    #[test]
    fn endless_and_broken_pickles_are_refused() {
        let run = |pickle: &[u8]| Machine::run(pickle).map(|_| ());
        for pickle in
            [&b""[..], b")", b"s.", b"t.", b"h\x07.", b"(0.", b"X\xff\xff\xff\xffa.", b"cos", b"\x85.", b"}Ns."]
        {
            assert!(run(pickle).is_err(), "{pickle:?}");
        }
        assert!(run(&vec![b'N'; OBJECTS + 2]).is_err());
        assert!(run(&vec![b'('; OBJECTS + 2]).is_err());
        assert!(run(&[&b"Nq\0"[..], &[b'h', 0].repeat(OBJECTS + 2)].concat()).is_err());
    }

    #[test]
    fn numbers_are_read_in_any_order_of_sides_and_never_beyond_their_storage() {
        let bytes: Vec<u8> = (0..6).flat_map(|n: u8| f32::from(n).to_le_bytes()).collect();
        let view = |shape: &[usize], strides: &[usize]| View {
            dtype: Dtype::F32,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
            numbers: &bytes,
            bytes: 4 * shape.iter().product::<usize>(),
        };
        assert!(view(&[2, 3], &[3, 1]).is_contiguous() && view(&[1, 6], &[9, 1]).is_contiguous());
        let turned = view(&[3, 2], &[1, 3]);
        assert!(!turned.is_contiguous());
        let numbers: Vec<f32> =
            turned.gathered().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        assert_eq!(numbers, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    }
}
