//! Memory for the arguments of one call.

use cryptoki_sys::*;

/// Bytes at fixed addresses; what is put into it stays until the next [`Arena::clear`].
pub struct Arena {
    memory: Box<[u64]>,
    used: usize,
}

impl Arena {
    /// An empty one.
    pub fn new() -> Self {
        Self { memory: vec![0; BYTES / 8].into_boxed_slice(), used: 0 }
    }

    /// Forgets everything, and fills the memory with a pattern.
    pub fn clear(&mut self) {
        self.memory[..self.used.div_ceil(8)].fill(0xa5a5_a5a5_a5a5_a5a5);
        self.used = 0;
    }

    /// Room for `bytes`; the address is a multiple of 16, plus `odd`.
    ///
    /// # Panics
    /// If there is none left; no call needs so much.
    pub fn room(&mut self, bytes: usize, odd: usize) -> usize {
        let start = self.used + odd;
        self.used = (start + bytes).next_multiple_of(16);
        assert!(self.used <= BYTES, "the arguments of one call fit");
        self.memory.as_mut_ptr() as usize + start
    }

    /// Puts `bytes` down and says where.
    pub fn put(&mut self, bytes: &[u8], odd: usize) -> usize {
        let address = self.room(bytes.len(), odd);
        let start = address - self.memory.as_ptr() as usize;
        let to = self.memory.as_mut_ptr().cast::<u8>().wrapping_add(start);
        // SAFETY: `room` has just given these bytes of `memory` to nobody else.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        address
    }

    /// Puts a number down.
    pub fn number(&mut self, value: usize, odd: usize) -> usize {
        self.put(&value.to_ne_bytes(), odd)
    }

    /// Puts a mechanism down.
    pub fn mechanism(&mut self, id: CK_MECHANISM_TYPE, parameter: usize, parameter_len: usize) -> usize {
        self.words(&[id as usize, parameter, parameter_len], 0)
    }

    /// Puts words down, one after the other.
    pub fn words(&mut self, words: &[usize], odd: usize) -> usize {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.put(&bytes, odd)
    }

    /// Puts an array of attributes down. Values are copied; an entry without one has a null pointer.
    pub fn template(&mut self, entries: &[(CK_ATTRIBUTE_TYPE, Option<&[u8]>, usize)], odd: usize) -> usize {
        let mut bytes = Vec::new();
        for (kind, value, len) in entries {
            let value = value.map_or(0, |value| self.put(value, 0));
            bytes.extend([*kind as usize, value, *len].map(usize::to_ne_bytes).concat());
        }
        self.put(&bytes, odd)
    }

    /// The `length` bytes at an address that `room` or `put` gave.
    pub fn bytes(&self, address: usize, length: usize) -> Vec<u8> {
        let start = address - self.memory.as_ptr() as usize;
        assert!(start + length <= BYTES);
        let from = self.memory.as_ptr().cast::<u8>().wrapping_add(start);
        // SAFETY: inside `memory`, as was just checked.
        (0..length).map(|index| unsafe { from.wrapping_add(index).read() }).collect()
    }

    /// The word at an address that `room` or `put` gave.
    pub fn word(&self, address: usize) -> usize {
        let start = address - self.memory.as_ptr() as usize;
        let from = self.memory.as_ptr().cast::<u8>().wrapping_add(start).cast::<usize>();
        assert!(start + size_of::<usize>() <= BYTES);
        // SAFETY: inside `memory`, as was just checked, at any alignment.
        unsafe { from.read_unaligned() }
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

const BYTES: usize = 64 * 1024;
