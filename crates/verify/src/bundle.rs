//! `brygga-bundle/1`: a log in one text file, for audits without a network.
//!
//! Line 1 is a JSON header, then one leaf in base64 on each line, then a JSON line with the signed checkpoint. Every line ends
//! with a newline and nothing follows the last. The header is not signed: what it says is compared, never believed. Written by
//! `brygga log export`, read by `audit_bundle`; both stream, so a bundle may be larger than memory.

use std::io::{self, BufRead, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brygga_journal::EVENT_BYTES_MAX;
use brygga_merkle::NOTE_BYTES_MAX;
use serde::{Deserialize, Serialize};

/// The format's name and version, as the header states it.
pub const BUNDLE_FORMAT: &str = "brygga-bundle/1";

/// Longest header line.
pub const HEADER_LINE_BYTES_MAX: usize = 4_096;

/// Longest leaf line: base64 of the longest event.
pub const LEAF_LINE_BYTES_MAX: usize = EVENT_BYTES_MAX.div_ceil(3) * 4;

/// Longest checkpoint line: a note, in which JSON escapes each newline.
pub const NOTE_LINE_BYTES_MAX: usize = 2 * NOTE_BYTES_MAX + 64;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// `brygga-bundle/1`.
    pub format: String,
    /// Origin of the log.
    pub origin: String,
    /// The log's verifier key in C2SP form; it counts only where something else vouches for it.
    pub vkey: String,
    /// When it was exported, RFC 3339; nothing depends on it.
    pub exported_at: String,
    /// Number of leaves.
    pub size: u64,
}

/// Enough of a header to say which version it is, however the rest looks.
#[derive(Deserialize)]
struct AnyHeader {
    format: String,
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastLine {
    checkpoint: String,
}

/// Why a file is no bundle, or why one cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Reading failed.
    #[error("line {line} cannot be read")]
    Read {
        /// Number of the line, from 1.
        line: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Writing failed.
    #[error("the bundle cannot be written")]
    Write(#[source] io::Error),
    /// The file has no byte.
    #[error("the file is empty")]
    Empty,
    /// The file ends where more must come.
    #[error("the bundle ends in line {line}, where {wanted} must stand")]
    Truncated {
        /// Number of the line, from 1.
        line: u64,
        /// What is missing.
        wanted: String,
    },
    /// Longer than a line of its kind may be.
    #[error("line {line} is longer than {limit_bytes} bytes")]
    LineTooLong {
        /// Number of the line, from 1.
        line: u64,
        /// The limit.
        limit_bytes: usize,
    },
    /// Not UTF-8.
    #[error("line {line} is not UTF-8 text")]
    NotUtf8 {
        /// Number of the line, from 1.
        line: u64,
    },
    /// Not a header.
    #[error("line 1 is not the header of a bundle")]
    Header(#[source] serde_json::Error),
    /// A header of another format or version.
    #[error("the file says that it is {found:?}; this program reads {BUNDLE_FORMAT}")]
    OtherFormat {
        /// What the header says, shortened.
        found: String,
    },
    /// Not a leaf.
    #[error("line {line} is not a leaf in canonical base64")]
    Leaf {
        /// Number of the line, from 1.
        line: u64,
    },
    /// The checkpoint comes before all leaves did.
    #[error("the checkpoint stands in line {line}, after {found} of {size} leaves")]
    TooFewLeaves {
        /// Number of the line, from 1.
        line: u64,
        /// Leaves until then.
        found: u64,
        /// Leaves that the header promises.
        size: u64,
    },
    /// Something else stands where the checkpoint must.
    #[error("line {line} is not the checkpoint that must follow {size} leaves")]
    Checkpoint {
        /// Number of the line, from 1.
        line: u64,
        /// Leaves that the header promises.
        size: u64,
    },
    /// Something follows the checkpoint.
    #[error("line {line} follows the checkpoint, which must be last")]
    Trailing {
        /// Number of the line, from 1.
        line: u64,
    },
    /// The writer was given another number of leaves than its header says.
    #[error("{found} leaves were written, the header says {size}")]
    WrongSize {
        /// Leaves written.
        found: u64,
        /// Leaves that the header promises.
        size: u64,
    },
    /// The writer was given a leaf of no bytes, or of more than an event may have.
    #[error("leaf {position} has {bytes} bytes, not 1 to {EVENT_BYTES_MAX}")]
    LeafLength {
        /// Position of the leaf.
        position: u64,
        /// Its length.
        bytes: usize,
    },
    /// The writer was given a note that no reader would take.
    #[error("the note is not UTF-8 text of at most {NOTE_BYTES_MAX} bytes")]
    Note,
}

/// Writes a bundle, leaf by leaf.
#[derive(Debug)]
pub struct BundleWriter<W> {
    out: W,
    size: u64,
    written: u64,
}

impl<W: Write> BundleWriter<W> {
    /// Writes the header.
    pub fn start(mut out: W, header: &Header) -> Result<Self, BundleError> {
        let line = serde_json::to_vec(header).map_err(BundleError::Header)?;
        if header.format != BUNDLE_FORMAT {
            return Err(other_format(&header.format));
        }
        if line.len() > HEADER_LINE_BYTES_MAX {
            return Err(BundleError::LineTooLong { line: 1, limit_bytes: HEADER_LINE_BYTES_MAX });
        }
        write_line(&mut out, &line)?;
        Ok(Self { out, size: header.size, written: 0 })
    }

    /// Writes the next leaf: the stored bytes of an event, verbatim.
    pub fn leaf(&mut self, bytes: &[u8]) -> Result<(), BundleError> {
        if self.written == self.size {
            return Err(BundleError::WrongSize { found: self.written.saturating_add(1), size: self.size });
        }
        if bytes.is_empty() || bytes.len() > EVENT_BYTES_MAX {
            return Err(BundleError::LeafLength { position: self.written, bytes: bytes.len() });
        }
        write_line(&mut self.out, STANDARD.encode(bytes).as_bytes())?;
        self.written += 1;
        Ok(())
    }

    /// Writes the signed checkpoint over exactly these leaves, flushes, and gives the output back.
    pub fn finish(mut self, note: &[u8]) -> Result<W, BundleError> {
        if self.written != self.size {
            return Err(BundleError::WrongSize { found: self.written, size: self.size });
        }
        let text = str::from_utf8(note).ok().filter(|text| text.len() <= NOTE_BYTES_MAX).ok_or(BundleError::Note)?;
        let line = serde_json::to_vec(&LastLine { checkpoint: text.to_owned() }).map_err(|_| BundleError::Note)?;
        if line.len() > NOTE_LINE_BYTES_MAX {
            return Err(BundleError::Note);
        }
        write_line(&mut self.out, &line)?;
        self.out.flush().map_err(BundleError::Write)?;
        Ok(self.out)
    }
}

fn write_line(out: &mut impl Write, line: &[u8]) -> Result<(), BundleError> {
    out.write_all(line).and_then(|()| out.write_all(b"\n")).map_err(BundleError::Write)
}

/// Reads a bundle, leaf by leaf, with one line in memory at a time.
#[derive(Debug)]
pub struct BundleReader<R> {
    input: R,
    header: Header,
    line: u64,
    read: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> BundleReader<R> {
    /// Reads the header.
    pub fn open(input: R) -> Result<Self, BundleError> {
        let header = Header { format: String::new(), origin: String::new(), vkey: String::new(), exported_at: String::new(), size: 0 };
        let mut reader = Self { input, header, line: 0, read: 0, buffer: Vec::new() };
        if !reader.next_line(HEADER_LINE_BYTES_MAX, "the header")? {
            return Err(BundleError::Empty);
        }
        let text = reader.text()?;
        let any: AnyHeader = serde_json::from_str(text).map_err(BundleError::Header)?;
        if any.format != BUNDLE_FORMAT {
            return Err(other_format(&any.format));
        }
        reader.header = serde_json::from_str(text).map_err(BundleError::Header)?;
        Ok(reader)
    }

    /// What the first line says. Unverified.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next leaf, or `None` once there were as many as the header says.
    pub fn next_leaf(&mut self) -> Result<Option<Vec<u8>>, BundleError> {
        if self.read == self.header.size {
            return Ok(None);
        }
        let wanted = format!("leaf {} of {}", self.read, self.header.size);
        if !self.next_line(LEAF_LINE_BYTES_MAX, &wanted)? {
            return Err(BundleError::Truncated { line: self.line, wanted });
        }
        let text = self.text()?;
        if text.starts_with('{') {
            return Err(BundleError::TooFewLeaves { line: self.line, found: self.read, size: self.header.size });
        }
        let leaf = STANDARD.decode(text).ok().filter(|leaf| !leaf.is_empty()).ok_or(BundleError::Leaf { line: self.line })?;
        self.read += 1;
        Ok(Some(leaf))
    }

    /// The signed checkpoint after the last leaf; checks that nothing follows it.
    pub fn checkpoint(mut self) -> Result<Vec<u8>, BundleError> {
        let size = self.header.size;
        let wanted = "the signed checkpoint";
        // Until the last leaf is read, the next line is still one.
        if self.read != size || !self.next_line(NOTE_LINE_BYTES_MAX, wanted)? {
            return Err(BundleError::Truncated { line: self.line.max(1), wanted: wanted.to_owned() });
        }
        let line = self.line;
        let last: LastLine = serde_json::from_str(self.text()?).map_err(|_| BundleError::Checkpoint { line, size })?;
        if self.next_byte()? { Err(BundleError::Trailing { line: line.saturating_add(1) }) } else { Ok(last.checkpoint.into_bytes()) }
    }

    fn next_byte(&mut self) -> Result<bool, BundleError> {
        let line = self.line.saturating_add(1);
        loop {
            match self.input.fill_buf() {
                Ok(rest) => return Ok(!rest.is_empty()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(BundleError::Read { line, source }),
            }
        }
    }

    /// Reads one line into the buffer, without its newline; `false` at the end of the file.
    fn next_line(&mut self, limit_bytes: usize, wanted: &str) -> Result<bool, BundleError> {
        self.line = self.line.saturating_add(1);
        let line = self.line;
        self.buffer.clear();
        let most = u64::try_from(limit_bytes).unwrap_or(u64::MAX).saturating_add(1);
        (&mut self.input).take(most).read_until(b'\n', &mut self.buffer).map_err(|source| BundleError::Read { line, source })?;
        match self.buffer.pop() {
            None => Ok(false),
            Some(b'\n') => Ok(true),
            Some(_) if self.buffer.len() >= limit_bytes => Err(BundleError::LineTooLong { line, limit_bytes }),
            Some(_) => Err(BundleError::Truncated { line, wanted: format!("the rest of {wanted}") }),
        }
    }

    fn text(&self) -> Result<&str, BundleError> {
        str::from_utf8(&self.buffer).map_err(|_| BundleError::NotUtf8 { line: self.line })
    }
}

/// Longest part of a foreign format's name that an error repeats.
const FORMAT_CHARS_SHOWN_MAX: usize = 64;

fn other_format(found: &str) -> BundleError {
    BundleError::OtherFormat { found: found.chars().take(FORMAT_CHARS_SHOWN_MAX).collect() }
}
