//! Searching the memory of running processes for a scalar in every form that code gives one.
//!
//! Reading another process's memory needs root, as nodes refuse to be traced.

use std::fs;
use std::io::{Read, Seek, SeekFrom};

use anyhow::{Context, Result, ensure};
use p256::elliptic_curve::PrimeField;
use p256::elliptic_curve::ops::Reduce;
use p256::{Scalar, U256};

use crate::process::{Signal, signal};

/// The forms of one number, each with its name.
pub struct Forms(Vec<(&'static str, Vec<u8>)>);

impl Forms {
    /// Both byte orders, 64-bit limbs in both orders, the same in Montgomery form, hex in both cases.
    pub fn of(scalar: &Scalar) -> Self {
        let two_to_256 = (0..256).fold(Scalar::ONE, |power, _| power.double());
        let mut all = Self::of_bytes(&scalar.to_repr());
        all.0.extend(layouts(
            [
                "Montgomery, big-endian",
                "Montgomery, little-endian",
                "Montgomery limbs, high first",
                "Montgomery 32-bit limbs, high first",
            ],
            &(*scalar * two_to_256).to_repr(),
        ));
        all
    }

    /// The same of a number in big-endian bytes, but for the Montgomery form.
    pub fn of_bytes(big: &[u8]) -> Self {
        let names = ["big-endian", "little-endian", "limbs, high first", "32-bit limbs, high first"];
        let mut forms = layouts(names, big);
        let text = hex::encode(big);
        forms.push(("hex, upper case", text.to_uppercase().into_bytes()));
        forms.push(("hex", text.into_bytes()));
        Self(forms)
    }

    /// Whether one of the forms occurs in these bytes.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let mut found = Vec::new();
        self.found_in(bytes, &mut found);
        !found.is_empty()
    }

    /// Names of the forms that occur in these bytes.
    fn found_in(&self, bytes: &[u8], found: &mut Vec<&'static str>) {
        for (name, form) in &self.0 {
            if !found.contains(name) && memchr::memmem::find(bytes, form).is_some() {
                found.push(name);
            }
        }
    }
}

/// The scalar of 32 big-endian bytes, reduced.
pub fn scalar(bytes: &[u8; 32]) -> Scalar {
    <Scalar as Reduce<U256>>::reduce_bytes(&(*bytes).into())
}

/// Stops a process, searches all memory that it may write or read privately, and lets it go on.
///
/// Returns for each set of forms the names of those that were found.
pub fn scan(pid: u32, wanted: &[&Forms]) -> Result<Vec<Vec<&'static str>>> {
    signal(pid, Signal::STOP)?;
    let found = scan_stopped(pid, wanted);
    signal(pid, Signal::CONT)?;
    found
}

fn scan_stopped(pid: u32, wanted: &[&Forms]) -> Result<Vec<Vec<&'static str>>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mut memory =
        fs::File::open(format!("/proc/{pid}/mem")).context("reading another process's memory needs root")?;
    let mut pages = fs::File::open(format!("/proc/{pid}/pagemap"))?;
    let mut found = vec![Vec::new(); wanted.len()];
    let mut searched = 0;
    for range in maps.lines().filter_map(readable_range) {
        for (start, end) in resident(&mut pages, range)? {
            let mut bytes = vec![0; usize::try_from(end - start)?];
            memory.seek(SeekFrom::Start(start))?;
            // A mapping of a device (the vvar page) cannot be read, and holds nothing.
            if memory.read_exact(&mut bytes).is_err() {
                continue;
            }
            searched += bytes.len();
            for (forms, found) in wanted.iter().zip(&mut found) {
                forms.found_in(&bytes, found);
            }
        }
    }
    ensure!(searched > 1 << 20, "only {searched} bytes of process {pid} could be read");
    Ok(found)
}

/// The parts of a mapping that a page or the swap holds. An allocator maps gigabytes that it never touches: to read
/// those zeros would stop the process for so long that its peers give it up.
fn resident(pages: &mut fs::File, (start, end): (u64, u64)) -> Result<Vec<(u64, u64)>> {
    const PRESENT_OR_SWAPPED: u64 = 0b11 << 62;
    let page = page_bytes()?;
    let mut entries = vec![0; usize::try_from((end - start) / page * 8)?];
    pages.seek(SeekFrom::Start(start / page * 8))?;
    pages.read_exact(&mut entries)?;
    let (entries, _) = entries.as_chunks::<8>();
    let mut parts: Vec<(u64, u64)> = Vec::new();
    for (at, entry) in (start..end).step_by(page as usize).zip(entries) {
        if u64::from_ne_bytes(*entry) & PRESENT_OR_SWAPPED == 0 {
            continue;
        }
        match parts.last_mut().filter(|(_, end)| *end == at) {
            Some((_, end)) => *end = at + page,
            None => parts.push((at, at + page)),
        }
    }
    Ok(parts)
}

fn page_bytes() -> Result<u64> {
    const AT_PAGESZ: u64 = 6;
    let vector = fs::read("/proc/self/auxv")?;
    let (words, _) = vector.as_chunks::<8>();
    let words: Vec<u64> = words.iter().map(|word| u64::from_ne_bytes(*word)).collect();
    let pairs = words.chunks_exact(2).find(|pair| pair.first() == Some(&AT_PAGESZ));
    pairs.and_then(|pair| pair.get(1)).copied().context("the kernel names no page size")
}

fn readable_range(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let readable =
        words.next()?.starts_with('r') && !line.ends_with("[vsyscall]") && !line.ends_with("[vvar]");
    readable.then_some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

fn layouts(names: [&'static str; 4], big: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let little: Vec<u8> = big.iter().rev().copied().collect();
    let limbs =
        |bytes: usize| big.chunks(bytes).flat_map(|limb| limb.iter().rev().copied()).collect::<Vec<u8>>();
    names.into_iter().zip([big.to_vec(), little, limbs(8), limbs(4)]).collect()
}
