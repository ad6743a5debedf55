//! A stream of decompressed bytes with a position, from a file, standard input or memory.
//!
//! `.gz` and `.zst` are recognised by their magic numbers, whatever the file is called, and several
//! compressed members in a row are one stream. A compressed stream that ends early or is damaged
//! ends the input there: what came before is read, and [`Source::damage`] tells the rest.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

/// The bytes of one input.
pub struct Source {
    inner: Box<dyn BufRead + Send>,
    /// Bytes put back by [`Source::peek`] and [`Source::unread`], read before `inner`.
    pushed: Cursor<Vec<u8>>,
    offset: u64,
    plain_file: Option<File>,
    damage: Option<(u64, String)>,
    compressed: bool,
    watch: Option<Box<dyn FnMut(u64) -> bool + Send>>,
    /// The file that was written next, where a rotation cut a stream into files.
    sequel_path: Option<PathBuf>,
    sequel: Option<Box<Source>>,
    first_line: u64,
}

const BUFFER: usize = 256 * 1024;

impl Source {
    /// A file.
    ///
    /// # Errors
    /// When it can't be opened or read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder"));
        }
        let mut source = Self::new(Box::new(BufReader::with_capacity(BUFFER, file.try_clone()?)))?;
        if !source.compressed {
            source.plain_file = Some(file);
        }
        Ok(source)
    }

    /// Any stream.
    ///
    /// # Errors
    /// When its first bytes can't be read.
    pub fn new(mut inner: Box<dyn BufRead + Send>) -> io::Result<Self> {
        let magic = first_bytes(&mut inner, 4)?;
        let compressed = magic.starts_with(&[0x1f, 0x8b]) || magic == [0x28, 0xb5, 0x2f, 0xfd];
        let whole = Cursor::new(magic.clone()).chain(inner);
        let inner: Box<dyn BufRead + Send> = if magic.starts_with(&[0x1f, 0x8b]) {
            Box::new(BufReader::with_capacity(BUFFER, flate2::bufread::MultiGzDecoder::new(whole)))
        } else if compressed {
            Box::new(BufReader::with_capacity(BUFFER, zstd::stream::read::Decoder::with_buffer(whole)?))
        } else {
            Box::new(whole)
        };
        Ok(Self {
            inner,
            pushed: Cursor::default(),
            offset: 0,
            plain_file: None,
            damage: None,
            compressed,
            watch: None,
            sequel_path: None,
            sequel: None,
            first_line: 1,
        })
    }

    /// Bytes in memory, taken as they are: what recognition looks at was decompressed already.
    pub fn plain(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            inner: Box::new(Cursor::new(bytes.into())),
            pushed: Cursor::default(),
            offset: 0,
            plain_file: None,
            damage: None,
            compressed: false,
            watch: None,
            sequel_path: None,
            sequel: None,
            first_line: 1,
        }
    }

    /// Bytes in memory, compressed or not.
    pub fn memory(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(Box::new(Cursor::new(bytes.into()))).expect("memory can be read")
    }

    /// Up to `most` bytes from here, without consuming them.
    ///
    /// # Errors
    /// What the input says.
    pub fn peek(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let before = self.offset;
        let mut head = vec![0; most];
        let mut filled = 0;
        while filled < most {
            match self.read(&mut head[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        head.truncate(filled);
        self.unread(&head);
        debug_assert_eq!(self.offset, before);
        Ok(head)
    }

    /// Puts bytes back in front of what is read next.
    pub fn unread(&mut self, bytes: &[u8]) {
        let rest = &self.pushed.get_ref()[self.pushed.position() as usize..];
        self.pushed = Cursor::new([bytes, rest].concat());
        self.offset -= bytes.len() as u64;
    }

    /// Calls `watch` with the bytes read so far at each read; when it answers `false`, the input ends.
    pub fn watch(&mut self, watch: Box<dyn FnMut(u64) -> bool + Send>) {
        self.watch = Some(watch);
    }

    /// Says which file was written next.
    pub fn set_sequel(&mut self, path: PathBuf) {
        self.sequel_path = Some(path);
    }

    /// The file that was written next, for a message that does not end in this one. What is taken of it with
    /// [`Source::pass`] is not read again. `None` too if it can't be opened, which whoever reads it is told.
    pub fn sequel(&mut self) -> Option<&mut Source> {
        if self.sequel.is_none() {
            self.sequel = Some(Box::new(Self::open(self.sequel_path.as_deref()?).ok()?));
        }
        self.sequel.as_deref_mut()
    }

    /// The same, as it is: a message that is compressed may begin it and look like a file that is. Until something is
    /// taken, [`Source::forget_sequel`] undoes it.
    pub fn plain_sequel(&mut self) -> Option<&mut Source> {
        let file = File::open(self.sequel_path.as_deref()?).ok()?;
        let inner = Box::new(BufReader::with_capacity(BUFFER, file));
        self.sequel = Some(Box::new(Self { inner, ..Self::plain([]) }));
        self.sequel.as_deref_mut()
    }

    /// Closes the file that was written next.
    pub fn forget_sequel(&mut self) {
        self.sequel = None;
    }

    /// The file that was written next, without what was taken of it; `None` if nothing was.
    pub fn take_sequel(&mut self) -> Option<Source> {
        self.sequel.take().filter(|source| source.offset > 0).map(|source| *source)
    }

    /// Takes the next bytes, which belong to what was read before.
    ///
    /// # Errors
    /// What the input says, or if it has not so many.
    pub fn pass(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.read_exact(&mut bytes)?;
        self.first_line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Ok(bytes)
    }

    /// The number of the line that is read first: not 1 if lines were taken with [`Source::pass`].
    pub fn first_line(&self) -> u64 {
        self.first_line
    }

    /// How many decompressed bytes were read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where and why a compressed stream ended before its end.
    pub fn damage(&self) -> Option<&(u64, String)> {
        self.damage.as_ref()
    }

    /// The file itself, if this is an uncompressed one: for formats that need to seek.
    pub fn plain_file(&self) -> Option<io::Result<File>> {
        self.plain_file.as_ref().map(File::try_clone)
    }
}

/// Reading keeps count of the position and turns damage of a compressed stream into its end.
impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.pushed.read(buf)?;
        if n > 0 || buf.is_empty() {
            self.offset += n as u64;
            return Ok(n);
        }
        // What a decompressor says after it met damage means nothing.
        if self.damage.is_some() {
            return Ok(0);
        }
        if let Some(watch) = &mut self.watch
            && !watch(self.offset)
        {
            return Ok(0);
        }
        match self.inner.read(buf) {
            Ok(n) => {
                self.offset += n as u64;
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.read(buf),
            Err(error) if self.compressed => {
                self.damage.get_or_insert((self.offset, error.to_string()));
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }
}

fn first_bytes(inner: &mut impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    inner.by_ref().take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read_all(mut source: Source) -> (String, Source) {
        let mut text = String::new();
        source.read_to_string(&mut text).unwrap();
        (text, source)
    }

    #[test]
    fn gzip_and_zstd_are_transparent_in_several_members() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(b"hello ").unwrap();
        let gz = gz.finish().unwrap();
        let zst = zstd::encode_all(&b"hello "[..], 1).unwrap();
        for member in [gz, zst] {
            let (text, source) = read_all(Source::memory([member.clone(), member].concat()));
            assert_eq!(text, "hello hello ");
            assert_eq!(source.offset(), 12);
            assert_eq!(source.damage(), None);
        }
    }

    #[test]
    fn a_cut_stream_gives_what_it_has() {
        let words: String = (0..20_000).map(|i| format!("{i} ")).collect();
        let mut cut = zstd::encode_all(words.as_bytes(), 1).unwrap();
        cut.truncate(cut.len() - 10);
        let (text, source) = read_all(Source::memory(cut));
        assert!(words.starts_with(&text));
        assert!(source.damage().is_some());
    }

    #[test]
    fn peeking_consumes_nothing() {
        let mut source = Source::memory("abcdef");
        assert_eq!(source.peek(3).unwrap(), b"abc");
        assert_eq!(source.peek(99).unwrap(), b"abcdef");
        let (text, source) = read_all(source);
        assert_eq!((text.as_str(), source.offset()), ("abcdef", 6));
    }
}
