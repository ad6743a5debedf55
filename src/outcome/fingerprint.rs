//! Names that stay the same from run to run, for baselines and for comparing reports.

/// A fingerprint of some words: 64 bits of FNV-1a (Fowler, Noll, Vo), in hexadecimal. The words are kept
/// apart, so `["ab", "c"]` and `["a", "bc"]` differ.
pub fn fingerprint(words: &[&str]) -> String {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0xff]));
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn is_stable_and_keeps_words_apart() {
        assert_eq!(fingerprint(&["error-status", "cart", "GET"]), "ab2efea9f73a296f");
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    }
}
