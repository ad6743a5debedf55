//! Names that stay the same from run to run, for baselines and for comparing reports.
//!
//! What is in the fingerprint of a violation is what must be the same for it to be the same debt: the question (property,
//! model, its options), the input, the key, and the function of the operation that can't be explained.
//!
//! - The input is its path from the configuration's folder (for `causet check`, from the working folder): two files with the
//!   same violation are two debts, and a checkout that is moved or renamed keeps its own. A path with the time of
//!   the run in it is another input each time; such debt is for `[[suppress]]`, which takes globs.
//! - Lines, indices, values, processes, times and ids are left out: they change from run to run of the same test, and when a
//!   line is added above. So does the name of the `[[check]]`, or its place in the file.
//! - Findings are of all traces together: rule, service and operation; of clocks, the rule and the two hosts, or services
//!   where no host is named. An expectation is its expression.

use std::path::{Component, Path, PathBuf};

/// A fingerprint of some words: 64 bits of FNV-1a (Fowler, Noll, Vo), in hexadecimal. The words are kept
/// apart, so `["ab", "c"]` and `["a", "bc"]` differ.
pub fn fingerprint(words: &[&str]) -> String {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0xff]));
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

/// The name of a path that stays when the folder is moved or renamed: the way to it from there, with `/`. What has nothing in
/// common with the folder keeps its whole path. Both are absolute; links are not followed.
pub fn path_from(folder: &Path, path: &Path) -> String {
    let (folder, path) = (normal(folder), normal(path));
    let same = folder.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    // The root alone is nothing in common.
    if same <= 1 {
        return path.display().to_string();
    }
    let up = folder.components().skip(same).map(|_| "..".to_owned());
    let down = path.components().skip(same).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// Without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{fingerprint, path_from};
    use std::path::Path;

    #[test]
    fn names_of_paths_survive_a_move_of_the_folder() {
        for (folder, path, expected) in [
            ("/ci/1/repo", "/ci/1/repo/traces/a.jsonl", "traces/a.jsonl"),
            ("/ci/2/repo", "/ci/2/repo/./x/../traces/a.jsonl", "traces/a.jsonl"),
            ("/ci/1/repo/conf", "/ci/1/repo/conf/../traces/a", "../traces/a"),
            ("/ci/1/repo", "/ci/1/repo", "."),
            ("/ci/1/repo", "/var/traces", "/var/traces"),
            ("/", "/var/traces", "/var/traces"),
        ] {
            assert_eq!(path_from(Path::new(folder), Path::new(path)), expected, "{folder} {path}");
        }
    }

    #[test]
    fn is_stable_and_keeps_words_apart() {
        assert_eq!(fingerprint(&["error-status", "cart", "GET"]), "ab2efea9f73a296f");
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    }
}
