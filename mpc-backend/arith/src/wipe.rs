//! Wiping memory, many bytes at a time.

use aws_lc_sys::OPENSSL_cleanse;

/// Plain values without padding, for which all bytes zero is a value: integers.
pub trait Plain: sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! plain {
    ($($integer:ty),*) => {$(
        impl Plain for $integer {}
        impl sealed::Sealed for $integer {}
    )*};
}

plain!(u8, u16, u32, u64, u128);

/// Overwrites `values` with zeros in a way that the compiler may not leave out.
///
/// Does what `zeroize` does to a slice, which writes element by element: for tens of kilobytes of
/// bytes that takes longer than the arithmetic on them.
pub fn wipe<T: Plain>(values: &mut [T]) {
    // SAFETY: pointer and length describe `values`, whose every byte may become zero.
    unsafe { OPENSSL_cleanse(values.as_mut_ptr().cast(), size_of_val(values)) }
}

#[cfg(test)]
mod tests {
    use super::wipe;

    #[test]
    fn everything_is_zero_afterwards() {
        let mut bytes = [0xff_u8; 1001];
        wipe(&mut bytes);
        assert_eq!(bytes, [0; 1001]);
        let mut words = [u128::MAX; 7];
        wipe(&mut words);
        assert_eq!(words, [0; 7]);
        wipe::<u64>(&mut []);
    }
}
