//! An answer in columns: as an Arrow IPC stream, and as a Parquet file.
//!
//! What the answer stands on is metadata under the key [`COVERAGE_KEY`]: of Arrow's schema, which comes before
//! the rows, and of Parquet's footer, which comes after them and says how many there are and that these are all.

use std::mem;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::OutputError;
use crate::coverage::{Coverage, Covered};

/// The key of the coverage, JSON, in the metadata of both formats.
pub const COVERAGE_KEY: &str = "gatebook.coverage";

/// Rows in a row group, and the bytes that it may hold in memory: what is held before it is sent.
const ROW_GROUP_ROWS: usize = 64 << 10;
const ROW_GROUP_BYTES: usize = 32 << 20;

/// Writes an Arrow IPC stream.
pub(super) struct IpcWriter {
    stream: StreamWriter<Vec<u8>>,
}

impl IpcWriter {
    pub(super) fn new(schema: &SchemaRef, coverage: &Coverage) -> Result<Self, OutputError> {
        let mut metadata = schema.metadata().clone();
        metadata.insert(COVERAGE_KEY.to_owned(), coverage.to_json());
        let schema = Schema::clone(schema).with_metadata(metadata);
        let stream = StreamWriter::try_new(Vec::new(), &schema).map_err(OutputError::Type)?;
        Ok(Self { stream })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), OutputError> {
        self.stream.write(batch).map_err(OutputError::Type)?;
        out.append(self.stream.get_mut());
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<(), OutputError> {
        self.stream.finish().map_err(OutputError::Type)?;
        out.append(self.stream.get_mut());
        Ok(())
    }
}

/// Writes a Parquet file.
pub(super) struct ParquetWriter {
    file: ArrowWriter<Vec<u8>>,
}

impl ParquetWriter {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self, OutputError> {
        let properties = WriterProperties::builder()
            .set_created_by(concat!("gatebook ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let file = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties)).map_err(failed)?;
        Ok(Self { file })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), OutputError> {
        self.file.write(batch).map_err(failed)?;
        if self.file.memory_size() > ROW_GROUP_BYTES {
            self.file.flush().map_err(failed)?;
        }
        // The writer counts what it has written, and never looks back at it.
        out.append(self.file.inner_mut());
        Ok(())
    }

    pub(super) fn finish(mut self, covered: &Covered<'_>, out: &mut Vec<u8>) -> Result<(), OutputError> {
        self.file.append_key_value_metadata(KeyValue::new(COVERAGE_KEY.to_owned(), covered.to_json()));
        self.file.finish().map_err(failed)?;
        out.append(&mut mem::take(self.file.inner_mut()));
        Ok(())
    }
}

fn failed(error: parquet::errors::ParquetError) -> OutputError {
    OutputError::Type(ArrowError::from(error))
}
