//! Rows out of an Arrow IPC stream that comes in pieces.

use std::io;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamDecoder;

/// Reads rows as their bytes come.
pub(super) struct IpcReader {
    decoder: StreamDecoder,
    undecoded: Buffer,
    /// The last bytes that came.
    tail: Vec<u8>,
}

/// The mark behind the last message of a stream.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

impl IpcReader {
    pub(super) fn new() -> Self {
        Self { decoder: StreamDecoder::new(), undecoded: Buffer::default(), tail: Vec::new() }
    }

    /// Takes in some more bytes. Whatever came before was read.
    pub(super) fn push(&mut self, bytes: Vec<u8>) {
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(END.len())..]);
        self.tail.drain(..self.tail.len().saturating_sub(END.len()));
        self.undecoded = Buffer::from(bytes);
    }

    /// The next rows; none where more bytes are needed first.
    pub(super) fn next(&mut self) -> io::Result<Option<RecordBatch>> {
        self.decoder.decode(&mut self.undecoded).map_err(io::Error::other)
    }

    /// The columns, once they are known.
    pub(super) fn schema(&self) -> Option<SchemaRef> {
        self.decoder.schema()
    }

    /// Whether the stream ended where it should: between two messages is not enough.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.decoder.finish().map_err(io::Error::other)?;
        if self.tail == END { Ok(()) } else { Err(io::Error::other("the stream has no end")) }
    }
}
