//! The rows of the directory's table, as Rust and as Arrow have them.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Int64Array, ListArray, RecordBatch, StringArray, StringBuilder,
    StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, Field, Fields, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel as _;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use schemas::{Enabled, ListedId};

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// That a directory was imported: the first row of its file, also where nobody is in it.
    Import,
    /// A person of a directory, for one period.
    Person,
    /// That an id is not a person's.
    Cut,
    /// That a cut is taken back.
    Undo,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Import, Self::Person, Self::Cut, Self::Undo];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Person => "person",
            Self::Cut => "cut",
            Self::Undo => "undo",
        }
    }
}

/// A row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// None for one that this version does not know.
    pub(super) kind: Option<Kind>,
    pub(super) tenant_id: String,
    pub(super) directory: Option<String>,
    /// Who is listed, or from whom an id is cut.
    pub(super) person: Option<String>,
    pub(super) ids: Vec<ListedId>,
    pub(super) enabled: Enabled,
    pub(super) source: Option<String>,
    pub(super) user_key: Option<String>,
    /// Of a cut, and of its undoing.
    pub(super) number: Option<i64>,
    pub(super) why: Option<String>,
    pub(super) actor: String,
    pub(super) committed_at_us: i64,
}

fn moment() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn id_fields() -> Fields {
    ["source", "user_key"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec().into()
}

fn id_field() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Struct(id_fields()), true))
}

fn schema() -> SchemaRef {
    let columns = [
        ("kind", DataType::Utf8),
        ("tenant_id", DataType::Utf8),
        ("directory", DataType::Utf8),
        ("person", DataType::Utf8),
        ("ids", DataType::List(id_field())),
        ("enabled_from", moment()),
        ("enabled_to", moment()),
        ("source", DataType::Utf8),
        ("user_key", DataType::Utf8),
        ("number", DataType::Int64),
        ("why", DataType::Utf8),
        ("actor", DataType::Utf8),
        ("committed_at", moment()),
    ];
    let fields = columns.map(|(name, data_type)| Field::new(name, data_type, true));
    Arc::new(Schema::new(fields.to_vec()))
}

/// The columns as Delta has them.
pub(super) fn columns() -> Result<StructType, DeltaTableError> {
    schema().as_ref().try_into_kernel().map_err(DeltaTableError::from)
}

/// Rows as a Parquet file.
pub(super) fn encode(rows: &[Row]) -> Result<Vec<u8>, ParquetError> {
    let texts =
        |of: fn(&Row) -> Option<&str>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<StringArray>()) };
    let moments = |of: fn(&Row) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let columns = vec![
        texts(|row| row.kind.map(Kind::as_str)),
        texts(|row| Some(&row.tenant_id)),
        texts(|row| row.directory.as_deref()),
        texts(|row| row.person.as_deref()),
        ids(rows)?,
        moments(|row| row.enabled.from_us),
        moments(|row| row.enabled.to_us),
        texts(|row| row.source.as_deref()),
        texts(|row| row.user_key.as_deref()),
        Arc::new(rows.iter().map(|row| row.number).collect::<Int64Array>()),
        texts(|row| row.why.as_deref()),
        texts(|row| Some(&row.actor)),
        moments(|row| Some(row.committed_at_us)),
    ];
    let properties = WriterProperties::builder()
        .set_created_by(concat!("gatebook ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema(), Some(properties))?;
    writer.write(&RecordBatch::try_new(schema(), columns)?)?;
    writer.into_inner()
}

fn ids(rows: &[Row]) -> Result<ArrayRef, ArrowError> {
    let (mut sources, mut keys) = (StringBuilder::new(), StringBuilder::new());
    for id in rows.iter().flat_map(|row| &row.ids) {
        sources.append_option(id.source.as_deref());
        keys.append_value(&id.user_key);
    }
    let ids = StructArray::try_new(
        id_fields(),
        vec![Arc::new(sources.finish()) as ArrayRef, Arc::new(keys.finish())],
        None,
    )?;
    let lengths = OffsetBuffer::from_lengths(rows.iter().map(|row| row.ids.len()));
    Ok(Arc::new(ListArray::try_new(id_field(), lengths, Arc::new(ids), None)?))
}

/// Appends the rows of a batch of such a file.
pub(super) fn decode(batch: &RecordBatch, rows: &mut Vec<Row>) -> Result<(), ArrowError> {
    let other = |name: &str| ArrowError::SchemaError(format!("{name} is absent or has another type"));
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| other(name));
    let texts = |name: &str| column(name)?.as_string_opt::<i32>().ok_or_else(|| other(name));
    let moments =
        |name: &str| column(name)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| other(name));
    let [kind, tenant_id, directory, person] =
        [texts("kind")?, texts("tenant_id")?, texts("directory")?, texts("person")?];
    let [source, user_key, why, actor] =
        [texts("source")?, texts("user_key")?, texts("why")?, texts("actor")?];
    let [from, to, committed_at] =
        [moments("enabled_from")?, moments("enabled_to")?, moments("committed_at")?];
    let number = column("number")?.as_primitive_opt::<Int64Type>().ok_or_else(|| other("number"))?;
    let lists = column("ids")?.as_list_opt::<i32>().ok_or_else(|| other("ids"))?;
    let structs = lists.values().as_struct_opt().ok_or_else(|| other("ids"))?;
    let part = |name: &str| {
        structs
            .column_by_name(name)
            .and_then(|array| array.as_string_opt::<i32>())
            .ok_or_else(|| other("ids"))
    };
    let (sources, keys) = (part("source")?, part("user_key")?);
    let text = |texts: &StringArray, row: usize| texts.is_valid(row).then(|| texts.value(row).to_owned());
    let us =
        |moments: &TimestampMicrosecondArray, row: usize| moments.is_valid(row).then(|| moments.value(row));
    for row in 0..batch.num_rows() {
        let ids = lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize;
        let id = |at: usize| ListedId { source: text(sources, at), user_key: keys.value(at).to_owned() };
        rows.push(Row {
            kind: Kind::ALL.into_iter().find(|known| kind.is_valid(row) && known.as_str() == kind.value(row)),
            tenant_id: text(tenant_id, row).unwrap_or_default(),
            directory: text(directory, row),
            person: text(person, row),
            ids: ids.map(id).collect(),
            enabled: Enabled { from_us: us(from, row), to_us: us(to, row) },
            source: text(source, row),
            user_key: text(user_key, row),
            number: number.is_valid(row).then(|| number.value(row)),
            why: text(why, row),
            actor: text(actor, row).unwrap_or_default(),
            committed_at_us: us(committed_at, row).unwrap_or_default(),
        });
    }
    Ok(())
}
