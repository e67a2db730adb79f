//! What a value becomes in a sheet.

use std::fmt;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type, TimeUnit};
use arrow::json::writer::EncoderOptions;
use chrono::{DateTime, NaiveDate, TimeZone as _};
use chrono_tz::Tz;
use rust_xlsxwriter::Format;

use super::super::OutputError;
use super::super::cell::{Cells, is_number, nested_options};

/// Digits of a number that Excel keeps; a longer one is text.
pub(super) const DIGITS_MAX: usize = 15;

const DAY_US: f64 = 86_400e6;

/// The years whose days Excel counts as everyone does.
const YEARS: std::ops::RangeInclusive<i32> = 1901..=9999;

/// A column of the sheet.
pub(super) struct Column {
    /// The name, with the zone of its moments.
    pub(super) title: String,
    /// How its moments are shown.
    pub(super) format: Format,
    field: FieldRef,
    kind: Kind,
    nested: EncoderOptions,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Number,
    /// All digits count for nobody, as a fraction's do not.
    Fraction,
    Switch,
    Day,
    /// In this zone; none where the value itself has none.
    Moment(Option<Tz>),
}

/// A cell.
#[derive(Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Empty,
    Text(&'a str),
    Number(f64),
    Switch(bool),
    /// Days since the end of 1899.
    Moment(f64),
}

impl Column {
    /// A column of an answer whose zone is `tz`.
    pub(super) fn new(field: &FieldRef, tz: &str) -> Self {
        let (zone, shown) = match tz.parse::<Tz>() {
            Ok(zone) => (zone, tz),
            Err(_) => (Tz::UTC, "UTC"),
        };
        let kind = match field.data_type() {
            DataType::Timestamp(_, Some(_)) => Kind::Moment(Some(zone)),
            DataType::Timestamp(_, None) => Kind::Moment(None),
            DataType::Date32 | DataType::Date64 => Kind::Day,
            DataType::Boolean => Kind::Switch,
            data_type if data_type.is_floating() => Kind::Fraction,
            data_type if is_number(data_type) => Kind::Number,
            _ => Kind::Text,
        };
        let title = match kind {
            Kind::Moment(Some(_)) => format!("{} ({shown})", field.name()),
            _ => field.name().clone(),
        };
        let format = match kind {
            Kind::Day => "yyyy-mm-dd",
            _ => "yyyy-mm-dd hh:mm:ss.000",
        };
        let format = Format::new().set_num_format(format);
        Self { title, format, field: FieldRef::clone(field), kind, nested: nested_options() }
    }

    /// Reads the cells of one batch.
    pub(super) fn reader<'a>(&'a self, array: &'a ArrayRef) -> Result<CellReader<'a>, OutputError> {
        let us = match self.kind {
            Kind::Moment(_) | Kind::Day => {
                let us = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None));
                Some(us.and_then(|us| cast(&us, &DataType::Int64)).map_err(OutputError::Type)?)
            }
            _ => None,
        };
        let texts = Cells::new(&self.field, array, &self.nested).map_err(OutputError::Type)?;
        Ok(CellReader { kind: self.kind, us, texts, bytes: Vec::new(), text: String::new() })
    }
}

/// The cells of one batch.
pub(super) struct CellReader<'a> {
    kind: Kind,
    /// Of moments and days: microseconds since 1970.
    us: Option<ArrayRef>,
    texts: Cells<'a>,
    bytes: Vec<u8>,
    text: String,
}

impl CellReader<'_> {
    pub(super) fn read(&mut self, row: usize) -> Result<Cell<'_>, OutputError> {
        if let Some(serial) = self.us.as_ref().and_then(|us| serial(us, row, self.kind)) {
            return Ok(Cell::Moment(serial));
        }
        if !self.texts.read(row, &mut self.bytes).map_err(OutputError::Type)? {
            return Ok(Cell::Empty);
        }
        self.text.clear();
        self.text.push_str(&String::from_utf8_lossy(&self.bytes));
        let number = || self.text.parse::<f64>().ok().filter(|number| number.is_finite());
        let digits = || self.text.bytes().filter(u8::is_ascii_digit).count();
        Ok(match self.kind {
            Kind::Switch => Cell::Switch(self.text == "true"),
            Kind::Fraction => number().map_or(Cell::Text(&self.text), Cell::Number),
            Kind::Number if digits() <= DIGITS_MAX => number().map_or(Cell::Text(&self.text), Cell::Number),
            _ => Cell::Text(&self.text),
        })
    }
}

/// A moment or day as Excel counts; none where it cannot.
fn serial(us: &ArrayRef, row: usize, kind: Kind) -> Option<f64> {
    let us = us.as_primitive::<Int64Type>();
    let at = us.is_valid(row).then(|| DateTime::from_timestamp_micros(us.value(row))).flatten()?;
    let local = match kind {
        Kind::Moment(Some(zone)) => zone.from_utc_datetime(&at.naive_utc()).naive_local(),
        _ => at.naive_utc(),
    };
    if !YEARS.contains(&chrono::Datelike::year(&local)) {
        return None;
    }
    let start = NaiveDate::from_ymd_opt(1899, 12, 30)?.and_time(chrono::NaiveTime::MIN);
    let since = (local - start).num_microseconds()?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "below 2^53 until the year 2185, and by less than a microsecond later"
    )]
    Some(since as f64 / DAY_US)
}

impl Cell<'_> {
    /// Bytes that it takes at the most, written as XML.
    pub(super) fn len(&self) -> usize {
        let Cell::Text(text) = self else { return 24 };
        let escaped = text.bytes().filter(|byte| b"&<>".contains(byte) || *byte < b' ').count();
        // What looks like an escape is escaped, too.
        text.len() + 6 * (escaped + text.matches("_x").count())
    }

    /// Characters that it is wide.
    pub(super) fn width(&self) -> usize {
        match self {
            Cell::Empty => 0,
            Cell::Text(text) => text.chars().count(),
            Cell::Number(number) => number.to_string().len(),
            Cell::Switch(_) => 5,
            Cell::Moment(_) => 23,
        }
    }
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Column").field("title", &self.title).finish_non_exhaustive()
    }
}
